# A node that exists already: no VPC, cluster or load balancer; the forwarder alone.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  node_url = "node.example.com:8443"
}

run "outside_a_vpc" {
  assert {
    condition = 0 == length(concat(
      aws_vpc.this, aws_subnet.public, aws_subnet.private, aws_nat_gateway.this, aws_eip.nat, aws_vpc_endpoint.s3,
      aws_security_group.forwarder, aws_security_group.load_balancer, aws_security_group.node, aws_iam_role_policy.forwarder_vpc,
      aws_vpc_security_group_egress_rule.forwarder_to_load_balancer, aws_vpc_security_group_egress_rule.forwarder_to_existing_node,
      aws_vpc_security_group_egress_rule.node_out, aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder,
      aws_vpc_security_group_egress_rule.forwarder_to_node_metrics, aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics,
      aws_vpc_security_group_ingress_rule.node_metrics_from_forwarder,
    ))
    error_message = "Nothing of a network is made."
  }

  assert {
    condition = 0 == length(concat(
      aws_ecs_cluster.this, aws_ecs_service.node, aws_ecs_task_definition.node, aws_ecs_capacity_provider.node, aws_ecs_cluster_capacity_providers.this,
      aws_launch_template.node, aws_autoscaling_group.node, aws_cloudwatch_log_group.node, aws_ssm_parameter.token,
      aws_service_discovery_private_dns_namespace.this, aws_service_discovery_service.node,
      aws_lb.node, aws_lb_target_group.node, aws_lb_listener.node, aws_acm_certificate.node, aws_route53_record.node,
    ))
    error_message = "Nothing of a node is made."
  }

  assert {
    condition     = 0 == length(concat(aws_iam_role.execution, aws_iam_role.task, aws_iam_role.instance, aws_iam_instance_profile.instance))
    error_message = "No role of a node is made."
  }

  assert {
    condition     = length(aws_lambda_function.forwarder.vpc_config) == 0
    error_message = "The forwarder stays outside a VPC."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.forwarder.statement : s.sid]) == "WriteOwnLog KeepUndelivered FindUndeliveredBucket"
    error_message = "Outside a VPC the forwarder's role writes its log and the undelivered events, no more."
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables == tomap({ X_WALLARM_APPLICATION_ID = "-1", X_NODE_URL = "node.example.com:8443", X_NODE_SCHEME = "https" })
    error_message = "The forwarder calls the given node over HTTPS."
  }

  assert {
    condition = alltrue([for value in [
      output.vpc_id, output.node_log_group, output.ecs_cluster, output.ecs_service, output.target_group_arn,
      output.load_balancer_arn, output.load_balancer_dns_name, output.load_balancer_security_group, output.forwarder_security_group, output.node_metrics,
    ] : value == ""])
    error_message = "Outputs about what is not made are empty."
  }

  assert {
    condition     = output.node_url == "node.example.com:8443" && output.node_scheme == "https"
    error_message = "The outputs name the given node."
  }
}

run "inside_a_given_vpc_with_a_private_ca" {
  variables {
    vpc_id              = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids  = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
    node_ca_certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  }

  assert {
    condition     = toset(aws_lambda_function.forwarder.vpc_config[0].subnet_ids) == toset(["subnet-0000000000000000a", "subnet-0000000000000000b"]) && toset(aws_lambda_function.forwarder.vpc_config[0].security_group_ids) == toset([aws_security_group.forwarder[0].id])
    error_message = "The forwarder is in the given subnets, with a security group of its own."
  }

  assert {
    condition     = aws_security_group.forwarder[0].vpc_id == "vpc-0a1b2c3d4e5f60718" && output.vpc_id == "vpc-0a1b2c3d4e5f60718"
    error_message = "The security group is in the given VPC."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_existing_node[0].from_port == 8443 && aws_vpc_security_group_egress_rule.forwarder_to_existing_node[0].to_port == 8443
    error_message = "The forwarder leaves on the node's port alone."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.forwarder_vpc[0].statement : "${coalesce(s.effect, "Allow")} ${s.sid}"]) == "Allow JoinVpc Deny NotFromTheFunctionItself"
    error_message = "Lambda may join the VPC; the function's own code may not use what that takes."
  }

  assert {
    condition     = data.aws_iam_policy_document.forwarder_vpc[0].statement[0].actions == data.aws_iam_policy_document.forwarder_vpc[0].statement[1].actions && one([for c in data.aws_iam_policy_document.forwarder_vpc[0].statement[1].condition : c.variable]) == "lambda:SourceFunctionArn"
    error_message = "The function's own code is denied exactly what Lambda is allowed."
  }

  assert {
    condition     = output.forwarder_security_group == aws_security_group.forwarder[0].id
    error_message = "The output names the group that the node has to let in."
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_NODE_CA_CERTIFICATE == "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    error_message = "The forwarder is handed the private CA."
  }

  assert {
    condition     = length(aws_lb.node) == 0 && length(aws_ecs_cluster.this) == 0 && length(aws_vpc.this) == 0
    error_message = "Nothing of a node or a VPC is made."
  }
}

run "its_counters_are_read_where_the_owner_says_they_are" {
  command = plan

  variables {
    node_metrics       = "metrics.example.com:9100"
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_NODE_METRICS == "metrics.example.com:9100" && output.node_metrics == "metrics.example.com:9100"
    error_message = "The forwarder and the output name that address."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics[0].from_port == 9100 && aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics[0].to_port == 9100
    error_message = "The forwarder leaves the VPC on that port too."
  }
}

run "its_counters_on_the_usual_port" {
  command = plan

  variables {
    node_metrics       = "metrics.example.com"
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics[0].from_port == 9000
    error_message = "Without a port it is 9000."
  }
}

run "its_counters_on_the_port_of_its_traffic_need_no_second_rule" {
  command = plan

  variables {
    node_metrics       = "metrics.example.com:8443"
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics) == 0
    error_message = "AWS refuses the same rule twice."
  }
}

run "without_a_port_over_https" {
  command = plan

  variables {
    node_url           = "node.example.com"
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_existing_node[0].from_port == 443
    error_message = "HTTPS without a port is 443."
  }
}

run "without_a_port_over_http" {
  command = plan

  variables {
    node_url           = "10.7.0.12"
    node_scheme        = "http"
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_existing_node[0].from_port == 80 && output.node_scheme == "http"
    error_message = "HTTP without a port is 80."
  }
}
