# The node deployed here: its configuration, instance, token, mesh and HTTPS.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  wallarm_api_token_ssm_parameter = "/wallarm-apigw/token"
}

run "defaults" {
  assert {
    condition     = length(aws_ecs_service.node) == 1 && aws_ecs_service.node[0].desired_count == 1 && aws_autoscaling_group.node[0].desired_capacity == 1 && aws_autoscaling_group.node[0].max_size == 2
    error_message = "One task on one instance, with room for a second during an update."
  }

  assert {
    condition     = aws_ecs_service.node[0].deployment_circuit_breaker[0].enable && aws_ecs_service.node[0].deployment_circuit_breaker[0].rollback && aws_ecs_service.node[0].wait_for_steady_state
    error_message = "A deployment that does not become steady is rolled back."
  }

  assert {
    condition     = local.node_config == yamlencode({ version = 4, mode = "connector-server", connector = { address = ":5050", blocking = false }, log = { log_file = "stdout", access_log = { enabled = false, verbose = false } } })
    error_message = "The node's configuration: connector on 5050 that passes no verdicts, no access log, no mesh, no application."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.node[0].user_data), local.node_config)
    error_message = "User data writes the node's configuration."
  }

  assert {
    condition     = aws_launch_template.node[0].metadata_options[0].http_tokens == "required" && aws_launch_template.node[0].metadata_options[0].http_put_response_hop_limit == 1
    error_message = "The instance has IMDSv2 only."
  }

  assert {
    condition     = aws_launch_template.node[0].block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.node[0].block_device_mappings[0].ebs[0].volume_type == "gp3"
    error_message = "The instance's volume is an encrypted gp3."
  }

  assert {
    condition     = aws_launch_template.node[0].image_id == "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id" && aws_launch_template.node[0].instance_type == "t3.medium"
    error_message = "ECS-optimised Amazon Linux 2023 on t3.medium."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].image == "wallarm/node-native-aio:latest"
    error_message = "The node's image and tag."
  }

  assert {
    condition     = { for e in jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].environment : e.name => e.value } == { WALLARM_API_HOST = "api.wallarm.com", WALLARM_APID_ONLY = "true", WALLARM_LABELS = "group=api-gateway-api-discovery" }
    error_message = "The node's environment names host and group, and never the token."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].mountPoints == [{ sourceVolume = "config", containerPath = "/opt/wallarm/etc/wallarm/go-node.yaml", readOnly = true }] && one(aws_ecs_task_definition.node[0].volume).host_path == "/opt/wallarm-connector/go-node.yaml"
    error_message = "The node's configuration is mounted read-only."
  }

  assert {
    condition     = join(" ", [for port in jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].portMappings : "${port.containerPort}/${port.protocol}"]) == "5050/tcp 8080/tcp 9000/tcp"
    error_message = "Connector, health and metrics."
  }

  assert {
    condition     = !can(jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].privileged) && aws_ecs_task_definition.node[0].network_mode == "awsvpc" && strcontains(base64decode(aws_launch_template.node[0].user_data), "ECS_AWSVPC_BLOCK_IMDS=true")
    error_message = "The container is not privileged, and cannot reach the instance's metadata."
  }

  assert {
    condition     = length(regexall("\nWALLARM\n", base64decode(aws_launch_template.node[0].user_data))) == 1
    error_message = "The configuration cannot end its own here-document, which the shell does not read for variables or commands."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].logConfiguration == { logDriver = "awslogs", options = { "awslogs-group" = aws_cloudwatch_log_group.node[0].name, "awslogs-region" = "us-east-1", "awslogs-stream-prefix" = "node" } } && aws_cloudwatch_log_group.node[0].retention_in_days == 14
    error_message = "The node logs to a group that keeps its events for 14 days."
  }

  assert {
    condition     = one(aws_ecs_service.node[0].placement_constraints).type == "distinctInstance"
    error_message = "Each task has an instance to itself, also where memory would be enough for two."
  }

  assert {
    condition     = aws_ecs_service.node[0].deployment_minimum_healthy_percent == 100 && aws_ecs_service.node[0].deployment_maximum_percent == 200 && aws_ecs_service.node[0].health_check_grace_period_seconds == 180
    error_message = "The old tasks stay until the new ones are healthy, which have three minutes for it."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].secrets[0].valueFrom == "arn:aws:ssm:us-east-1:123456789012:parameter/wallarm-apigw/token"
    error_message = "The token comes from the given parameter."
  }

  assert {
    condition     = length(aws_ssm_parameter.token) == 0
    error_message = "With a given parameter none is made, and no token is in the state."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.execution[0].statement : s.sid]) == "WriteNodeLog ReadToken"
    error_message = "The node's execution role writes its log and reads the token, no more."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.instance[0].statement : s.sid]) == "JoinCluster HearFromCluster FindEcs"
    error_message = "The instance's role does what ECS's agent does, and neither pulls images nor writes logs."
  }

  assert {
    condition     = data.aws_iam_policy_document.instance[0].statement[0].resources == toset([aws_ecs_cluster.this[0].arn]) && one(data.aws_iam_policy_document.instance[0].statement[1].condition).values == tolist([aws_ecs_cluster.this[0].arn]) && data.aws_iam_policy_document.instance[0].statement[2].actions == toset(["ecs:DiscoverPollEndpoint"])
    error_message = "The instance joins this cluster alone, and hears from no other."
  }

  assert {
    condition     = aws_lb_target_group.node[0].port == 5050 && aws_lb_target_group.node[0].health_check[0].path == "/ready" && aws_lb_target_group.node[0].health_check[0].port == "8080"
    error_message = "Traffic to 5050, health from /ready on 8080."
  }

  assert {
    condition     = aws_lb.node[0].xff_header_processing_mode == "preserve"
    error_message = "The load balancer leaves X-Forwarded-For as it is: the forwarder's address is nobody's."
  }

  assert {
    condition     = aws_lb_listener.node[0].protocol == "HTTP" && aws_lb_listener.node[0].port == 80 && length(aws_acm_certificate.node) == 0 && length(aws_route53_record.node) == 0
    error_message = "Without a domain: HTTP, no certificate, no record."
  }

  assert {
    condition     = output.node_scheme == "http" && output.node_url == aws_lb.node[0].dns_name
    error_message = "Without a domain the forwarder calls the load balancer by its own name."
  }

  assert {
    condition     = aws_ecs_capacity_provider.node[0].auto_scaling_group_provider[0].managed_termination_protection == "DISABLED" && aws_ecs_service.node[0].force_delete && aws_autoscaling_group.node[0].force_delete && !aws_lb.node[0].enable_deletion_protection
    error_message = "Nothing stands in the way of destroy."
  }

  assert {
    condition = alltrue([for value in [
      output.node_log_group, output.ecs_cluster, output.ecs_service, output.target_group_arn,
      output.load_balancer_arn, output.load_balancer_dns_name, output.load_balancer_security_group,
    ] : value != ""])
    error_message = "Every output about the node has a value."
  }
}

run "two_nodes_with_https_an_application_and_an_own_token" {
  variables {
    wallarm_api_token_ssm_parameter = ""
    wallarm_api_token               = format("%064d", 0)
    wallarm_api_token_kms_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef" # checkov:skip=CKV_SECRET_6:a name, no secret
    wallarm_api_host                = "us1.api.wallarm.com"
    x_wallarm_application_id        = 7
    node_group                      = "other"
    node_image                      = "registry.example.com:5000/wallarm/node"
    node_tag                        = "0.25.5"
    node_count                      = 2
    node_access_log                 = true
    node_instance_type              = "m6i.large"
    node_image_id                   = "ami-0123456789abcdef0"
    r53_domain_name                 = "example.com"
    node_dns_name                   = "wallarm-node"
  }

  assert {
    condition     = aws_ecs_service.node[0].desired_count == 2 && aws_autoscaling_group.node[0].max_size == 4
    error_message = "Two tasks, with room for two more during an update."
  }

  assert {
    condition     = yamldecode(local.node_config).connector.mesh == { discovery = "dns", name = "node.${aws_service_discovery_private_dns_namespace.this[0].name}", port = 9093 }
    error_message = "Two nodes find each other by DNS, under the Cloud Map service's name."
  }

  assert {
    condition     = aws_service_discovery_service.node[0].name == "node" && aws_ecs_service.node[0].service_registries[0].registry_arn == aws_service_discovery_service.node[0].arn
    error_message = "The tasks are registered with Cloud Map."
  }

  assert {
    condition = alltrue([
      for rule in concat(aws_vpc_security_group_ingress_rule.node_mesh, aws_vpc_security_group_egress_rule.node_mesh) :
      rule.security_group_id == aws_security_group.node[0].id && rule.referenced_security_group_id == aws_security_group.node[0].id && rule.from_port == 9093 && rule.to_port == 9093
    ]) && length(aws_vpc_security_group_ingress_rule.node_mesh) == 1 && length(aws_vpc_security_group_egress_rule.node_mesh) == 1
    error_message = "Nodes reach each other, and only each other, on the mesh's port."
  }

  assert {
    condition     = yamldecode(local.node_config).log.access_log == { enabled = true, verbose = false }
    error_message = "An access log that was asked for is not verbose even so."
  }

  assert {
    condition     = yamldecode(local.node_config).route_config.wallarm_application == 7
    error_message = "The node knows the application."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].image == "registry.example.com:5000/wallarm/node:0.25.5"
    error_message = "Image and tag are those asked for."
  }

  assert {
    condition     = { for e in jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].environment : e.name => e.value } == { WALLARM_API_HOST = "us1.api.wallarm.com", WALLARM_APID_ONLY = "true", WALLARM_LABELS = "group=other" }
    error_message = "Host and group are those asked for."
  }

  assert {
    condition     = aws_launch_template.node[0].image_id == "ami-0123456789abcdef0" && aws_launch_template.node[0].instance_type == "m6i.large"
    error_message = "AMI and instance type are those asked for."
  }

  assert {
    condition     = length(aws_ssm_parameter.token) == 1 && aws_ssm_parameter.token[0].type == "SecureString" && aws_ssm_parameter.token[0].key_id == var.wallarm_api_token_kms_key_arn
    error_message = "A token handed over is kept in a SecureString, under the given key."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].secrets[0].valueFrom == aws_ssm_parameter.token[0].arn
    error_message = "The node reads the token from that parameter."
  }

  assert {
    condition     = !strcontains(aws_ecs_task_definition.node[0].container_definitions, nonsensitive(var.wallarm_api_token)) && !strcontains(base64decode(aws_launch_template.node[0].user_data), nonsensitive(var.wallarm_api_token))
    error_message = "The token is in neither task definition nor user data."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.execution[0].statement : s.sid]) == "WriteNodeLog ReadToken DecryptToken"
    error_message = "The node's execution role may use the token's key."
  }

  assert {
    condition     = aws_lb_listener.node[0].protocol == "HTTPS" && aws_lb_listener.node[0].port == 443 && aws_lb_listener.node[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    error_message = "With a domain: HTTPS with TLS 1.2 and 1.3 only."
  }

  assert {
    condition     = aws_acm_certificate.node[0].domain_name == "wallarm-node.example.com" && aws_route53_record.node[0].name == "wallarm-node.example.com" && aws_route53_record.validation[0].type == "CNAME" && aws_route53_record.validation[0].allow_overwrite != true
    error_message = "A certificate and a record for the node's name, and the record that validates the certificate, unless somebody else's is there."
  }

  assert {
    condition     = output.node_scheme == "https" && output.node_url == "wallarm-node.example.com" && aws_lambda_function.forwarder.environment[0].variables.X_NODE_URL == "wallarm-node.example.com"
    error_message = "The forwarder calls the node by its name, over HTTPS."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder[0].from_port == 443 && aws_vpc_security_group_egress_rule.forwarder_to_load_balancer[0].from_port == 443
    error_message = "The security groups follow the listener's port."
  }
}

run "an_image_in_a_private_registry_of_aws" {
  command = plan

  variables {
    node_image = "210987654321.dkr.ecr.eu-central-1.amazonaws.com/mirror/wallarm/node-native-aio"
    node_tag   = "0.25.5"
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.execution[0].statement : s.sid]) == "WriteNodeLog ReadToken PullImage LogInToRegistry"
    error_message = "The node's execution role may pull the image."
  }

  assert {
    condition     = data.aws_iam_policy_document.execution[0].statement[2].resources == toset(["arn:aws:ecr:eu-central-1:210987654321:repository/mirror/wallarm/node-native-aio"])
    error_message = "From that repository and no other."
  }
}

run "the_name_of_the_zone_itself_in_capitals" {
  command = plan

  variables {
    r53_domain_name = "Node.Example.com"
    node_dns_name   = "node.example.COM"
  }

  assert {
    condition     = output.node_url == "node.example.com" && aws_acm_certificate.node[0].domain_name == "node.example.com"
    error_message = "A zone may be made for the node alone, and AWS answers in lower case."
  }
}

run "the_third_cloud_of_wallarm" {
  command = plan

  variables {
    wallarm_api_host = "me1.api.wallarm.com"
  }

  assert {
    condition     = one([for e in jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].environment : e.value if e.name == "WALLARM_API_HOST"]) == "me1.api.wallarm.com"
    error_message = "The ME Cloud is one of Wallarm's own."
  }
}

run "a_record_that_validates_another_certificate_of_the_same_name" {
  variables {
    r53_domain_name               = "example.com"
    node_dns_name                 = "wallarm-node"
    certificate_validation_record = false
  }

  assert {
    condition     = length(aws_acm_certificate.node) == 1 && length(aws_acm_certificate_validation.node) == 1 && length(aws_route53_record.validation) == 0
    error_message = "The certificate is made and waited for; the record is somebody else's, and stays theirs."
  }
}

run "a_certificate_of_the_owners" {
  variables {
    r53_domain_name = "example.com"
    node_dns_name   = "wallarm-node"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/fedcba98-7654-3210-fedc-ba9876543210"
  }

  assert {
    condition     = aws_lb_listener.node[0].protocol == "HTTPS" && aws_lb_listener.node[0].port == 443 && aws_lb_listener.node[0].certificate_arn == var.certificate_arn
    error_message = "The listener shows the given certificate."
  }

  assert {
    condition     = length(aws_acm_certificate.node) == 0 && length(aws_acm_certificate_validation.node) == 0 && length(aws_route53_record.validation) == 0
    error_message = "No certificate is made, and no record that would validate one."
  }

  assert {
    condition     = length(data.aws_route53_zone.this) == 1 && aws_route53_record.node[0].name == "wallarm-node.example.com" && aws_route53_record.node[0].type == "A"
    error_message = "The node's name leads to the load balancer all the same."
  }

  assert {
    condition     = output.node_scheme == "https" && output.node_url == "wallarm-node.example.com" && aws_lambda_function.forwarder.environment[0].variables.X_NODE_URL == "wallarm-node.example.com"
    error_message = "The forwarder calls the node by the name that is in the certificate."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.forwarder.environment[0].variables), "X_NODE_CA_CERTIFICATE")
    error_message = "It trusts the public CAs."
  }
}

run "a_certificate_of_a_private_ca" {
  command = plan

  variables {
    r53_domain_name     = "example.com"
    node_dns_name       = "wallarm-node"
    certificate_arn     = "arn:aws:acm:us-east-1:123456789012:certificate/fedcba98-7654-3210-fedc-ba9876543210"
    node_ca_certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_NODE_CA_CERTIFICATE == var.node_ca_certificate
    error_message = "The forwarder trusts the CA that signed it."
  }
}

run "a_longer_name_with_a_certificate_of_the_owners" {
  command = plan

  variables {
    r53_domain_name = "example.com"
    node_dns_name   = format("a%052d", 0)
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/fedcba98-7654-3210-fedc-ba9876543210"
  }

  assert {
    condition     = length(output.node_url) == 65
    error_message = "The limit of 64 characters is that of a certificate that is made."
  }
}

run "the_longest_name_of_a_certificate" {
  command = plan

  variables {
    r53_domain_name = "example.com"
    node_dns_name   = format("a%051d", 0)
  }

  assert {
    condition     = length(output.node_url) == 64
    error_message = "64 characters are accepted."
  }
}

run "a_record_name_with_its_domain" {
  command = plan

  variables {
    r53_domain_name = "example.com"
    node_dns_name   = "wallarm-node.example.com"
  }

  assert {
    condition     = output.node_url == "wallarm-node.example.com"
    error_message = "The domain is not appended twice."
  }
}

run "the_longest_prefix_and_another_cloud" {
  variables {
    name_prefix                  = "a2345678901234567890123456789012345678"
    region                       = "ap-southeast-2"
    iam_path                     = "/platform/"
    wallarm_api_host             = "api.example.com"
    allow_other_wallarm_api_host = true
  }

  assert {
    condition     = length(aws_lb.node[0].name) <= 32 && length(aws_lb_target_group.node[0].name) <= 32 && can(regex("^[a-z0-9-]*[a-z0-9]$", aws_lb.node[0].name))
    error_message = "Load balancer and target group have at most 32 characters."
  }

  assert {
    condition     = length(aws_s3_bucket.undelivered.bucket) <= 63
    error_message = "The bucket's name has at most 63 characters."
  }

  assert {
    condition = alltrue([
      for name in [aws_iam_role.forwarder.name, aws_iam_role.execution[0].name, aws_iam_role.task[0].name, aws_iam_role.instance[0].name] : length(name) <= 64
    ])
    error_message = "Roles have at most 64 characters."
  }

  assert {
    condition     = startswith(aws_iam_role.forwarder.name, "${var.name_prefix}-${var.region}-fwd-")
    error_message = "Under another path the forwarder's role has another name: it is made before the old one is removed."
  }

  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.node[0].container_definitions)[0].environment, { name = "WALLARM_API_HOST", value = "api.example.com" })
    error_message = "A cloud of another name, when that is allowed."
  }
}
