# A VPC of its own or a given one: what is made, and who may talk to whom.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  wallarm_api_token_ssm_parameter = "/wallarm-apigw/token"
}

run "own_vpc" {
  assert {
    condition     = length(aws_vpc.this) == 1 && aws_vpc.this[0].cidr_block == "10.190.0.0/16"
    error_message = "A node without vpc_id gets a VPC of vpc_cidr."
  }

  assert {
    condition = join(" ", concat(aws_subnet.public[*].cidr_block, aws_subnet.private[*].cidr_block)) == join(" ", [
      "10.190.0.0/20", "10.190.16.0/20", "10.190.32.0/20", "10.190.48.0/20",
    ])
    error_message = "Two public and two private subnets, each a sixteenth of the VPC."
  }

  assert {
    condition     = join(" ", aws_subnet.public[*].availability_zone) == "us-east-1a us-east-1b" && join(" ", aws_subnet.private[*].availability_zone) == "us-east-1a us-east-1b"
    error_message = "The subnets are in two Availability Zones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(distinct(aws_route.nat[*].nat_gateway_id)) == 1 && length(aws_route.nat) == 2
    error_message = "Both private subnets leave through one NAT gateway."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.s3[0].route_table_ids) == 2
    error_message = "S3 is reached from both private subnets without NAT."
  }

  assert {
    condition     = length(aws_default_security_group.this) == 1
    error_message = "The default security group is emptied."
  }

  assert {
    condition     = aws_lb.node[0].internal && toset(aws_lb.node[0].subnets) == toset(aws_subnet.public[*].id)
    error_message = "The load balancer is internal and in the public subnets."
  }

  assert {
    condition     = toset(aws_ecs_service.node[0].network_configuration[0].subnets) == toset(aws_subnet.private[*].id) && aws_ecs_service.node[0].network_configuration[0].assign_public_ip != true
    error_message = "The node is in the private subnets, without a public address."
  }

  assert {
    condition     = toset(aws_lambda_function.forwarder.vpc_config[0].subnet_ids) == toset(aws_subnet.private[*].id)
    error_message = "The forwarder is in the private subnets."
  }

  assert {
    condition = alltrue([
      for rule in concat(
        aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder,
        values(aws_vpc_security_group_ingress_rule.node_from_load_balancer),
        aws_vpc_security_group_ingress_rule.node_metrics_from_forwarder,
      ) : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.referenced_security_group_id != null
    ])
    error_message = "Whoever may come in is named by a security group, never by an address."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder[0].referenced_security_group_id == aws_security_group.forwarder[0].id && aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder[0].from_port == 80
    error_message = "The load balancer accepts the forwarder, on port 80."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.forwarder_to_load_balancer[0].referenced_security_group_id == aws_security_group.load_balancer[0].id && length(aws_vpc_security_group_egress_rule.forwarder_to_existing_node) == 0
    error_message = "The forwarder reaches the load balancer, and no address."
  }

  assert {
    condition = alltrue([for rule, ends in {
      egress  = [aws_vpc_security_group_egress_rule.forwarder_to_node_metrics[0], aws_security_group.forwarder[0].id, aws_security_group.node[0].id]
      ingress = [aws_vpc_security_group_ingress_rule.node_metrics_from_forwarder[0], aws_security_group.node[0].id, aws_security_group.forwarder[0].id]
    } : ends[0].security_group_id == ends[1] && ends[0].referenced_security_group_id == ends[2] && ends[0].from_port == 9000 && ends[0].to_port == 9000])
    error_message = "The forwarder reaches the node's counters, on their port, and the node lets it in."
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_NODE_METRICS == "node.${aws_service_discovery_private_dns_namespace.this[0].name}:9000" && output.node_metrics == aws_lambda_function.forwarder.environment[0].variables.X_NODE_METRICS
    error_message = "The forwarder reads the counters under the nodes' name in Cloud Map, so those of every replica."
  }

  assert {
    condition = join(" ", [
      for rule in values(aws_vpc_security_group_ingress_rule.node_from_load_balancer) : "${rule.from_port}-${rule.to_port}"
    ]) == "5050-5050 8080-8080"
    error_message = "The node accepts the load balancer, on its connector's and its health check's port."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.node_out[0].from_port == 443 && aws_vpc_security_group_egress_rule.node_out[0].to_port == 443
    error_message = "The node leaves the VPC on port 443 alone."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.node_mesh) == 0 && length(aws_vpc_security_group_egress_rule.node_mesh) == 0
    error_message = "One node has no mesh."
  }

  assert {
    condition     = output.vpc_id == aws_vpc.this[0].id
    error_message = "The output names the VPC."
  }
}

run "own_vpc_of_another_size_with_a_nat_gateway_per_zone" {
  variables {
    vpc_cidr           = "10.7.0.0/23"
    nat_gateway_per_az = true
  }

  assert {
    condition     = join(" ", aws_subnet.private[*].cidr_block) == "10.7.0.64/27 10.7.0.96/27"
    error_message = "The subnets follow vpc_cidr."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_eip.nat) == 2 && join(" ", aws_route.nat[*].nat_gateway_id) == join(" ", aws_nat_gateway.this[*].id)
    error_message = "Each private subnet leaves through the NAT gateway of its own zone."
  }
}

run "own_vpc_when_a_zone_is_not_available_for_a_while" {
  variables {
    vpc_cidr           = "10.7.0.0/23"
    nat_gateway_per_az = true
  }

  override_data {
    target = data.aws_availability_zones.available[0]
    values = {
      names = ["us-east-1b", "us-east-1c"]
    }
  }

  assert {
    condition     = join(" ", concat(aws_subnet.public[*].availability_zone, aws_subnet.private[*].availability_zone)) == "us-east-1a us-east-1b us-east-1a us-east-1b"
    error_message = "Subnets stay in their zones, and with them the load balancer and the node."
  }
}

run "given_vpc" {
  command = plan

  variables {
    vpc_id             = "vpc-0a1b2c3d4e5f60718"
    private_subnet_ids = ["subnet-0000000000000000a"]
    public_subnet_ids  = ["subnet-0000000000000000b", "subnet-0000000000000000c"]
  }

  assert {
    condition = 0 == length(concat(
      aws_vpc.this, aws_default_security_group.this, aws_internet_gateway.this, aws_subnet.public, aws_subnet.private, aws_eip.nat,
      aws_nat_gateway.this, aws_route_table.public, aws_route_table.private, aws_route.internet, aws_route.nat, aws_vpc_endpoint.s3,
      aws_route_table_association.public, aws_route_table_association.private, data.aws_availability_zones.available,
    ))
    error_message = "A given VPC is left as it is: no subnet, route, gateway or endpoint is made."
  }

  assert {
    condition     = toset(aws_lb.node[0].subnets) == toset(["subnet-0000000000000000b", "subnet-0000000000000000c"])
    error_message = "The load balancer is in the given public subnets."
  }

  assert {
    condition     = toset(aws_ecs_service.node[0].network_configuration[0].subnets) == toset(["subnet-0000000000000000a"]) && toset(aws_autoscaling_group.node[0].vpc_zone_identifier) == toset(["subnet-0000000000000000a"])
    error_message = "The node and its instance are in the given private subnets."
  }

  assert {
    condition     = toset(aws_lambda_function.forwarder.vpc_config[0].subnet_ids) == toset(["subnet-0000000000000000a"])
    error_message = "The forwarder is in the given private subnets."
  }

  assert {
    condition = toset(["vpc-0a1b2c3d4e5f60718"]) == toset([
      aws_security_group.forwarder[0].vpc_id, aws_security_group.load_balancer[0].vpc_id, aws_security_group.node[0].vpc_id,
      aws_lb_target_group.node[0].vpc_id, aws_service_discovery_private_dns_namespace.this[0].vpc, output.vpc_id,
    ])
    error_message = "Security groups, target group, namespace and output are those of the given VPC."
  }
}
