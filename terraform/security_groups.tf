# Forwarder -> load balancer -> node -> Wallarm Cloud. Every rule names the group on the other end;
# only the node may leave the VPC. Names do not carry local.suffix: a new role must not replace the groups.

locals {
  forwarder_in_vpc = local.deploys_node || length(var.private_subnet_ids) > 0
  listener_port    = local.https ? 443 : 80
}

resource "aws_security_group" "forwarder" {
  count       = local.forwarder_in_vpc ? 1 : 0
  name_prefix = "${var.name_prefix}-forwarder-"
  description = "Wallarm log forwarder: reaches the node, accepts nothing"
  vpc_id      = local.vpc_id
  tags        = merge(local.own_tags, { Name = "${var.name_prefix}-forwarder" })

  # AWS keeps a group, and a subnet, for as long as the forwarder is in it: the forwarder moves first.
  lifecycle {
    create_before_destroy = true
  }

  # After the forwarder is gone AWS keeps its network interfaces for 20 to 60 minutes.
  timeouts {
    delete = "60m"
  }

  depends_on = [aws_iam_role_policy.forwarder_vpc] # which has to outlive those interfaces
}

resource "aws_security_group" "load_balancer" {
  count       = local.deploys_node ? 1 : 0
  name_prefix = "${var.name_prefix}-lb-"
  description = "Wallarm node load balancer: accepts the forwarder, reaches the node"
  vpc_id      = local.vpc_id
  tags        = merge(local.own_tags, { Name = "${var.name_prefix}-lb" })
}

resource "aws_security_group" "node" {
  count       = local.deploys_node ? 1 : 0
  name_prefix = "${var.name_prefix}-node-"
  description = "Wallarm node: accepts the load balancer, reaches the Wallarm Cloud"
  vpc_id      = local.vpc_id
  tags        = merge(local.own_tags, { Name = "${var.name_prefix}-node" })

  # It can be removed only when the last instance is gone. Until then each instance needs its way out and
  # its rights, to leave the cluster: one that AWS lost sight of stays registered, and so does the cluster.
  depends_on = [
    aws_route.nat,
    aws_route_table_association.private,
    aws_iam_role_policy.instance,
    aws_iam_instance_profile.instance,
  ]
}

resource "aws_vpc_security_group_egress_rule" "forwarder_to_load_balancer" {
  count                        = local.deploys_node ? 1 : 0
  security_group_id            = aws_security_group.forwarder[0].id
  description                  = "To the load balancer"
  referenced_security_group_id = aws_security_group.load_balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.listener_port
  to_port                      = local.listener_port
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_egress_rule" "forwarder_to_existing_node" {
  count             = !local.deploys_node && local.forwarder_in_vpc ? 1 : 0
  security_group_id = aws_security_group.forwarder[0].id
  description       = "To the existing node, wherever it is"
  tags              = local.own_tags
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = local.node_port
  to_port           = local.node_port

  lifecycle {
    create_before_destroy = true
  }
}

# Unencrypted counters, no requests; the load balancer does not carry them: each replica has its own.
resource "aws_vpc_security_group_egress_rule" "forwarder_to_node_metrics" {
  count                        = local.deploys_node ? 1 : 0
  security_group_id            = aws_security_group.forwarder[0].id
  description                  = "To the counters of the nodes"
  referenced_security_group_id = aws_security_group.node[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_egress_rule" "forwarder_to_existing_metrics" {
  count             = !local.deploys_node && local.forwarder_in_vpc && var.node_metrics != "" && local.metrics_port != local.node_port ? 1 : 0
  security_group_id = aws_security_group.forwarder[0].id
  description       = "To the counters of the existing node, wherever it is"
  tags              = local.own_tags
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = local.metrics_port
  to_port           = local.metrics_port

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_from_forwarder" {
  count                        = local.deploys_node ? 1 : 0
  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "From the forwarder"
  referenced_security_group_id = aws_security_group.forwarder[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.listener_port
  to_port                      = local.listener_port
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_node" {
  for_each                     = local.deploys_node ? { connector = 5050, health = 8080 } : {}
  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "To the node (${each.key})"
  referenced_security_group_id = aws_security_group.node[0].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_ingress_rule" "node_from_load_balancer" {
  for_each                     = local.deploys_node ? { connector = 5050, health = 8080 } : {}
  security_group_id            = aws_security_group.node[0].id
  description                  = "From the load balancer (${each.key})"
  referenced_security_group_id = aws_security_group.load_balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_ingress_rule" "node_metrics_from_forwarder" {
  count                        = local.deploys_node ? 1 : 0
  security_group_id            = aws_security_group.node[0].id
  description                  = "From the forwarder (counters)"
  referenced_security_group_id = aws_security_group.forwarder[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_ingress_rule" "node_mesh" {
  count                        = local.deploys_node && var.node_count > 1 ? 1 : 0
  security_group_id            = aws_security_group.node[0].id
  description                  = "Between the nodes of the mesh"
  referenced_security_group_id = aws_security_group.node[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9093
  to_port                      = 9093
  tags                         = local.own_tags
}

resource "aws_vpc_security_group_egress_rule" "node_out" {
  count             = local.deploys_node ? 1 : 0
  security_group_id = aws_security_group.node[0].id
  description       = "To the Wallarm Cloud, Docker Hub and AWS APIs; their addresses change"
  tags              = local.own_tags
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "node_mesh" {
  count                        = local.deploys_node && var.node_count > 1 ? 1 : 0
  security_group_id            = aws_security_group.node[0].id
  description                  = "Between the nodes of the mesh"
  referenced_security_group_id = aws_security_group.node[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9093
  to_port                      = 9093
  tags                         = local.own_tags
}
