# Every validation refuses what it is there to refuse. Each run hands over many wrong values at once,
# one a variable; a variable with more wrong values than others goes on in the next run.
# The first value breaks only a variable's first validation, the second value only the second, if it has one.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  wallarm_api_token_ssm_parameter = "/wallarm-apigw/token"
}

run "first_wrong_value_of_each" {
  command = plan

  variables {
    wallarm_api_host                = "https://api.wallarm.com"
    wallarm_api_token               = "your-token-here"     # checkov:skip=CKV_SECRET_6:a name or a wrong value, no secret
    wallarm_api_token_ssm_parameter = "wallarm-apigw/token" # checkov:skip=CKV_SECRET_6:a name or a wrong value, no secret
    wallarm_api_token_kms_key_arn   = "alias/token"         # checkov:skip=CKV_SECRET_6:a name or a wrong value, no secret
    x_wallarm_application_id        = 0
    node_group                      = ""
    region                          = "us-east-1a"
    name_prefix                     = "Api-gw"
    tags                            = { "aws:team" = "x" }
    deployment_id                   = "d 1"
    installation_id                 = "i 1"
    installation_tags               = { "aws:by" = "x" }
    permissions_boundary            = "boundary"
    iam_path                        = "platform"
    kms_key_arn                     = "alias/logs"
    api_gateway_log_group_name      = "arn:aws:logs:us-east-1:123456789012:log-group:mine"
    api_gateway_log_group_names     = ["arn:aws:logs:us-east-1:123456789012:log-group:mine"]
    subscription_filter_pattern     = format("%01025d", 0)
    log_retention_days              = 2
    undelivered_retention_days      = 13
    undelivered_replay_hours        = -1
    node_url                        = "https://node.example.com"
    node_scheme                     = "HTTPS"
    node_ca_certificate             = "ca.pem"
    node_metrics                    = "node example.com"
    node_image                      = "wallarm/node-native-aio:0.25.5"
    node_tag                        = ""
    node_count                      = 0
    node_instance_type              = "t3"
    node_image_id                   = "ami-example"
    r53_domain_name                 = "example"
    node_dns_name                   = "wallarm-node."
    certificate_arn                 = "wallarm-node.example.com"
    vpc_id                          = "my-vpc"
    vpc_cidr                        = "10.190.0.0"
    private_subnet_ids              = ["vpc-0123456789abcdef0"]
    public_subnet_ids               = ["vpc-0123456789abcdef0"]
    lambda_package                  = "./main.tf"
    lambda_handler                  = "lambda_handler"
    lambda_runtime                  = "python3.9"
    lambda_timeout                  = 9
    lambda_memory_size              = 127
    lambda_reserved_concurrency     = 0
    forwarder_architecture          = "amd64"
    forwarder_environment           = { NODE_STYLE = "x" }
    alarm_topic_arn                 = "on-call"
    alarm_silence_hours             = 0
  }

  expect_failures = [
    var.wallarm_api_host, var.wallarm_api_token, var.wallarm_api_token_ssm_parameter,
    var.wallarm_api_token_kms_key_arn, var.x_wallarm_application_id, var.node_group, var.region,
    var.name_prefix, var.tags, var.deployment_id, var.installation_id, var.installation_tags, var.permissions_boundary, var.iam_path, var.kms_key_arn,
    var.api_gateway_log_group_name, var.api_gateway_log_group_names, var.subscription_filter_pattern,
    var.log_retention_days, var.undelivered_retention_days, var.undelivered_replay_hours, var.node_url, var.node_scheme,
    var.node_ca_certificate, var.node_image, var.node_tag, var.node_count, var.node_instance_type,
    var.node_image_id, var.r53_domain_name, var.node_dns_name, var.certificate_arn, var.vpc_id, var.vpc_cidr,
    var.private_subnet_ids, var.public_subnet_ids, var.lambda_package, var.lambda_handler, var.lambda_runtime,
    var.lambda_timeout, var.lambda_memory_size, var.lambda_reserved_concurrency, var.forwarder_architecture, var.forwarder_environment, var.node_metrics, var.alarm_topic_arn,
    var.alarm_silence_hours,
  ]
}

run "second_wrong_value_of_each" {
  command = plan

  variables {
    wallarm_api_host                = "api.wallarm.com/"
    wallarm_api_token               = join("", [for i in range(63) : "A"])
    wallarm_api_token_ssm_parameter = "/wallarm apigw/token"
    wallarm_api_token_kms_key_arn   = "01234567-89ab-cdef-0123-456789abcdef"
    x_wallarm_application_id        = -2
    node_group                      = "a b"
    region                          = "Frankfurt"
    name_prefix                     = "internal-abc"
    tags                            = { "AWS:team" = "x" }
    deployment_id                   = format("%0257d", 0)
    installation_id                 = format("%0129d", 0)
    installation_tags               = { for i in range(6) : "tag-${i}" => "x" }
    permissions_boundary            = "arn:aws:iam::123456789012:role/boundary"
    iam_path                        = "/platform"
    kms_key_arn                     = "01234567-89ab-cdef-0123-456789abcdef"
    api_gateway_log_group_name      = "/aws/lambda/wallarm-cw-resend-0123abcd"
    api_gateway_log_group_names     = ["mine", "/aws/lambda/wallarm-cw-resend-0123abcd"]
    log_retention_days              = 0
    undelivered_retention_days      = 3654
    undelivered_replay_hours        = 25
    node_url                        = "node.example.com/path"
    node_scheme                     = "tcp"
    node_ca_certificate             = "-----BEGIN CERTIFICATE-----\n${format("%03500d", 0)}\n-----END CERTIFICATE-----\n"
    node_metrics                    = "http://node.example.com:9000"
    node_image                      = "Wallarm/node"
    node_tag                        = "0.20.1"
    node_count                      = 17
    node_instance_type              = "t3.small"
    node_image_id                   = "resolve:ssm:"
    r53_domain_name                 = "example.com."
    node_dns_name                   = "https://wallarm-node"
    certificate_arn                 = "01234567-89ab-cdef-0123-456789abcdef"
    vpc_id                          = "vpc-example"
    vpc_cidr                        = "10.190.0.0/15"
    private_subnet_ids              = ["subnet-0123456789abcdef0", "private"]
    public_subnet_ids               = ["subnet-0123456789abcdef0", "public"]
    lambda_package                  = "./there-is-no-such-file.zip"
    lambda_handler                  = "my module.handler"
    lambda_runtime                  = "nodejs22.x"
    lambda_timeout                  = 901
    lambda_memory_size              = 10241
    lambda_reserved_concurrency     = -2
    forwarder_architecture          = "arm"
    forwarder_environment           = { X_NODE_METRICS = "node:9000" }
    alarm_topic_arn                 = "arn:aws:sqs:us-east-1:123456789012:on-call"
    alarm_silence_hours             = 25
  }

  expect_failures = [
    var.wallarm_api_host, var.wallarm_api_token, var.wallarm_api_token_ssm_parameter,
    var.wallarm_api_token_kms_key_arn, var.x_wallarm_application_id, var.node_group, var.region,
    var.name_prefix, var.tags, var.deployment_id, var.installation_id, var.installation_tags, var.permissions_boundary, var.iam_path, var.kms_key_arn,
    var.api_gateway_log_group_name, var.api_gateway_log_group_names, var.log_retention_days,
    var.undelivered_retention_days, var.undelivered_replay_hours, var.node_url, var.node_scheme, var.node_ca_certificate, var.node_image,
    var.node_tag, var.node_count, var.node_instance_type, var.node_image_id, var.r53_domain_name,
    var.node_dns_name, var.certificate_arn, var.vpc_id, var.vpc_cidr, var.private_subnet_ids, var.public_subnet_ids,
    var.lambda_package, var.lambda_handler, var.lambda_runtime, var.lambda_timeout, var.lambda_memory_size,
    var.lambda_reserved_concurrency, var.forwarder_architecture, var.forwarder_environment, var.node_metrics, var.alarm_topic_arn, var.alarm_silence_hours,
  ]
}

run "third_wrong_value_of_each" {
  command = plan

  variables {
    wallarm_api_host                = "localhost"
    wallarm_api_token               = join("", [for i in range(64) : "-"])
    wallarm_api_token_ssm_parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/token" # checkov:skip=CKV_SECRET_6:a name or a wrong value, no secret
    wallarm_api_token_kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:alias/token"
    x_wallarm_application_id        = 1.5
    node_group                      = "-group"
    region                          = "us_east_1"
    name_prefix                     = "abc-"
    tags                            = { team = "<platform>" }
    installation_tags               = { "installed by" = "<anna>" }
    permissions_boundary            = "arn:aws:iam::1234:policy/boundary"
    iam_path                        = "/a b/"
    kms_key_arn                     = "arn:aws:kms:us-east-1:123456789012:alias/logs"
    api_gateway_log_group_name      = "my group"
    api_gateway_log_group_names     = ["mine", "my group"]
    log_retention_days              = -1
    undelivered_retention_days      = 14.5
    undelivered_replay_hours        = 0.5
    node_url                        = "node.example.com:0"
    node_scheme                     = ""
    node_ca_certificate             = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
    node_metrics                    = "node.example.com:9000?x"
    node_image                      = "https://example.com/node"
    node_tag                        = ":latest"
    node_count                      = 1.5
    node_instance_type              = "t3 medium"
    node_image_id                   = "amazon-linux-2023"
    r53_domain_name                 = "https://example.com"
    node_dns_name                   = "wallarm_node"
    certificate_arn                 = "arn:aws:iam::123456789012:server-certificate/node"
    vpc_id                          = "subnet-0123456789abcdef0"
    vpc_cidr                        = "10.190.0.0/24"
    private_subnet_ids              = [""]
    public_subnet_ids               = [""]
    lambda_handler                  = ""
    lambda_runtime                  = "3.13"
    lambda_timeout                  = 10.5
    lambda_memory_size              = 128.5
    lambda_reserved_concurrency     = 1.5
    forwarder_environment           = { X_NODE_STYLE = "three-messages" }
    alarm_topic_arn                 = "arn:aws:sns:us-east-1:123456789012:on-call.fifo"
    alarm_silence_hours             = 1.5
  }

  expect_failures = [
    var.wallarm_api_host, var.wallarm_api_token, var.wallarm_api_token_ssm_parameter,
    var.wallarm_api_token_kms_key_arn, var.x_wallarm_application_id, var.node_group, var.region,
    var.name_prefix, var.tags, var.installation_tags, var.permissions_boundary, var.iam_path, var.kms_key_arn,
    var.api_gateway_log_group_name, var.api_gateway_log_group_names, var.log_retention_days,
    var.undelivered_retention_days, var.undelivered_replay_hours, var.node_url, var.node_scheme, var.node_ca_certificate, var.node_image,
    var.node_tag, var.node_count, var.node_instance_type, var.node_image_id, var.r53_domain_name,
    var.node_dns_name, var.certificate_arn, var.vpc_id, var.vpc_cidr, var.private_subnet_ids, var.public_subnet_ids,
    var.lambda_handler, var.lambda_runtime, var.lambda_timeout, var.lambda_memory_size,
    var.lambda_reserved_concurrency, var.forwarder_environment, var.node_metrics, var.alarm_topic_arn, var.alarm_silence_hours,
  ]
}

run "fourth_wrong_value_of_each" {
  command = plan

  variables {
    api_gateway_log_group_name  = "*"
    api_gateway_log_group_names = [""]
    wallarm_api_host            = "api wallarm.com"
    region                      = ""
    name_prefix                 = "a23456789012345678901234567890123456789"
    tags                        = { for i in range(41) : "tag-${i}" => "x" }
    log_retention_days          = 3654
    node_url                    = "node.example.com:65536"
    node_ca_certificate         = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\nand more\n"
    node_metrics                = "node.example.com:0"
    forwarder_environment       = { X_A = "two\nlines" }
    node_tag                    = "a b"
    node_instance_type          = "t4g.micro"
    vpc_cidr                    = "10.190.0.1/16"
  }

  expect_failures = [
    var.wallarm_api_host, var.region, var.name_prefix, var.tags, var.api_gateway_log_group_name,
    var.api_gateway_log_group_names, var.log_retention_days, var.node_url,
    var.node_ca_certificate, var.node_metrics, var.forwarder_environment, var.node_tag, var.node_instance_type, var.vpc_cidr,
  ]
}

# Values at the edge of what is accepted: a validation that refuses too much is as wrong.
run "values_at_the_edge" {
  command = plan

  variables {
    wallarm_api_host                = "us1.api.wallarm.com"
    wallarm_api_token               = join("", [for i in range(32) : "+/"])
    wallarm_api_token_ssm_parameter = "/a/b_c.d-e"
    wallarm_api_token_kms_key_arn   = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef" # checkov:skip=CKV_SECRET_6:a name or a wrong value, no secret
    x_wallarm_application_id        = 1
    node_group                      = "a"
    region                          = "us-gov-west-1"
    name_prefix                     = "a2345678901234567890123456789012345678"
    tags                            = { for i in range(40) : "Kostenträger ${i}" => "ä _.:/=+-@" }
    deployment_id                   = format("%0256d", 0)
    installation_id                 = format("%0128d", 0)
    installation_tags               = { for i in range(5) : "wallarm-apigw:ä ${i}" => "ä _.:/=+-@" }
    permissions_boundary            = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam_path                        = "/a/b/"
    api_gateway_log_group_name      = format("%0512d", 0)
    subscription_filter_pattern     = format("%01024d", 0)
    log_retention_days              = 3653
    undelivered_retention_days      = 14
    undelivered_replay_hours        = 24
    node_count                      = 16
    node_instance_type              = "u7i-12tb.224xlarge"
    node_image                      = "registry.example.com:5000/wallarm/node-native-aio"
    node_tag                        = "0.21.0"
    vpc_cidr                        = "10.190.2.0/23"
    lambda_timeout                  = 900
    lambda_memory_size              = 10240
    lambda_reserved_concurrency     = 1
    forwarder_environment           = { X_NODE_STYLE = "multipart", X_NODE_REQUEST_ID = "log", X_NODE_HEADER_PREFIX = "X-Other-", X_A = format("%0256d", 0) }
    alarm_silence_hours             = 24
  }

  assert {
    condition     = aws_ecs_service.node[0].desired_count == 16
    error_message = "The plan is made."
  }
}

run "hosts_and_ports_of_a_given_node_at_the_edge" {
  command = plan

  variables {
    node_url            = "n:65535"
    node_scheme         = "http"
    node_metrics        = "m:1/metrics"
    node_ca_certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n${format("%03386d", 0)}\n-----END CERTIFICATE-----\n"
  }

  assert {
    condition     = output.node_url == "n:65535" && length(var.node_ca_certificate) == 3500
    error_message = "The plan is made."
  }
}
