# The Wallarm Native Node as an ECS service on EC2.

locals {
  creates_token = local.deploys_node && var.wallarm_api_token_ssm_parameter == ""
  token_arn = local.creates_token ? join("", aws_ssm_parameter.token[*].arn) : join("", [
    "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter",
    var.wallarm_api_token_ssm_parameter,
  ])
  config_folder = "/opt/wallarm-connector"
  node_config = yamlencode(merge(
    {
      version = 4
      mode    = "connector-server"
      connector = merge(
        # Not blocking: 403 would be a verdict about somebody's request, and look like a fault of ours.
        { address = ":5050", blocking = false },
        var.node_count > 1 ? {
          mesh = {
            discovery = "dns"
            name      = "node.${local.namespace}"
            port      = 9093
          }
        } : {},
      )
      log = {
        log_file   = "stdout"
        access_log = { enabled = var.node_access_log, verbose = false }
      }
    },
    var.x_wallarm_application_id > 0 ? {
      route_config = { wallarm_application = var.x_wallarm_application_id }
    } : {},
  ))
  namespace = "${var.name_prefix}-${local.suffix}.internal"

  # Known while planning: the provider cannot plan a service whose strategy names something unknown.
  # "wallarm-" first, because AWS refuses names that begin with aws, ecs or fargate.
  capacity_provider = "wallarm-${var.name_prefix}"
}

# Standalone use only: whoever hands over a parameter's name keeps the token out of the state.
resource "aws_ssm_parameter" "token" {
  count  = local.creates_token ? 1 : 0
  name   = "/wallarm-apigw/${var.name_prefix}/token-${local.suffix}"
  type   = "SecureString"
  value  = var.wallarm_api_token
  key_id = var.wallarm_api_token_kms_key_arn == "" ? null : var.wallarm_api_token_kms_key_arn
  tags   = local.own_tags
}

resource "aws_cloudwatch_log_group" "node" {
  #checkov:skip=CKV_AWS_338:log_retention_days is the user's choice; the node's log is for finding faults
  count             = local.deploys_node ? 1 : 0
  name              = "/ecs/${var.name_prefix}-node-${local.suffix}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = local.own_tags
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:Container Insights is billed for each metric; the alarm on running tasks works without it
  count = local.deploys_node ? 1 : 0
  name  = "${var.name_prefix}-${local.suffix}"
  tags  = local.own_tags

  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = local.deploys_node ? 1 : 0
  name  = local.namespace
  vpc   = local.vpc_id
  tags  = local.own_tags
}

resource "aws_service_discovery_service" "node" {
  count        = local.deploys_node ? 1 : 0
  name         = "node"
  namespace_id = aws_service_discovery_private_dns_namespace.this[0].id
  tags         = local.own_tags

  force_destroy = true # a task that is still leaving must not stop destroy

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

# --- Container instances -------------------------------------------------------------------------

resource "aws_launch_template" "node" {
  count                  = local.deploys_node ? 1 : 0
  name                   = "${var.name_prefix}-${local.suffix}"
  image_id               = var.node_image_id
  instance_type          = var.node_instance_type
  vpc_security_group_ids = [aws_security_group.node[0].id]
  update_default_version = true
  tags                   = local.own_tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance[0].arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 30
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  user_data = base64encode(join("\n", [
    "#!/bin/bash",
    "set -euo pipefail",
    "install -d -m 0755 ${local.config_folder}",
    "cat > ${local.config_folder}/go-node.yaml <<'WALLARM'",
    local.node_config,
    "WALLARM",
    "chmod 0644 ${local.config_folder}/go-node.yaml",
    "echo ECS_CLUSTER=${aws_ecs_cluster.this[0].name} >> /etc/ecs/ecs.config",
    "echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config",
    "",
  ]))

  tag_specifications {
    resource_type = "instance"
    tags          = merge(local.tags, { Name = "${var.name_prefix}-node" })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(local.tags, { Name = "${var.name_prefix}-node" })
  }

  tag_specifications {
    resource_type = "network-interface"
    tags          = merge(local.tags, { Name = "${var.name_prefix}-node" })
  }
}

resource "aws_autoscaling_group" "node" {
  count               = local.deploys_node ? 1 : 0
  name                = "${var.name_prefix}-${local.suffix}"
  min_size            = 0
  max_size            = var.node_count * 2 # a rolling update needs room for the new beside the old
  desired_capacity    = var.node_count
  vpc_zone_identifier = local.private_subnet_ids
  force_delete        = true # destroy must not wait for instances that are leaving anyway

  launch_template {
    id      = aws_launch_template.node[0].id
    version = aws_launch_template.node[0].latest_version
  }

  # A changed configuration reaches the node with a new instance; ECS moves the tasks first.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 200
      instance_warmup        = 120
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { AmazonECSManaged = "true", Name = "${var.name_prefix}-node" })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity] # managed scaling moves it
  }

  # An instance joins the cluster and leaves it over these: they come first and go last.
  depends_on = [
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.node_out,
    aws_iam_role_policy.instance,
  ]
}

resource "aws_ecs_capacity_provider" "node" {
  count = local.deploys_node ? 1 : 0
  name  = local.capacity_provider
  tags  = local.own_tags

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.node[0].arn
    managed_termination_protection = "DISABLED" # protection would block destroy

    managed_scaling {
      status          = "ENABLED"
      target_capacity = 100
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  count              = local.deploys_node ? 1 : 0
  cluster_name       = aws_ecs_cluster.this[0].name
  capacity_providers = [aws_ecs_capacity_provider.node[0].name]
}

# --- Task and service ----------------------------------------------------------------------------

resource "aws_ecs_task_definition" "node" {
  count                    = local.deploys_node ? 1 : 0
  family                   = "${var.name_prefix}-${local.suffix}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["EC2"]
  execution_role_arn       = aws_iam_role.execution[0].arn
  task_role_arn            = aws_iam_role.task[0].arn
  tags                     = local.own_tags

  volume {
    name      = "config"
    host_path = "${local.config_folder}/go-node.yaml"
  }

  container_definitions = jsonencode([{
    name              = "node"
    image             = "${var.node_image}:${var.node_tag}"
    essential         = true
    memoryReservation = 2048
    portMappings = [
      for port in [5050, 8080, 9000] : { containerPort = port, hostPort = port, protocol = "tcp" }
    ]
    environment = [
      { name = "WALLARM_API_HOST", value = var.wallarm_api_host },
      { name = "WALLARM_APID_ONLY", value = "true" },
      { name = "WALLARM_LABELS", value = "group=${var.node_group}" },
    ]
    secrets        = [{ name = "WALLARM_API_TOKEN", valueFrom = local.token_arn }]
    mountPoints    = [{ sourceVolume = "config", containerPath = "/opt/wallarm/etc/wallarm/go-node.yaml", readOnly = true }]
    volumesFrom    = []
    systemControls = []
    cpu            = 0
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.node[0].name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "node"
      }
    }
  }])

  # A role cannot be handed over in its first seconds; a load balancer takes minutes.
  depends_on = [aws_lb.node]
}

resource "aws_ecs_service" "node" {
  count                              = local.deploys_node ? 1 : 0
  name                               = "${var.name_prefix}-node"
  cluster                            = aws_ecs_cluster.this[0].id
  task_definition                    = aws_ecs_task_definition.node[0].arn
  desired_count                      = var.node_count
  health_check_grace_period_seconds  = 180
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  wait_for_steady_state              = true
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  force_delete                       = true
  tags                               = local.own_tags

  capacity_provider_strategy {
    capacity_provider = local.capacity_provider
    weight            = 1
  }

  # Also where an instance has memory for two: one that fails takes one node along, not two.
  placement_constraints {
    type = "distinctInstance"
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = local.private_subnet_ids
    security_groups = [aws_security_group.node[0].id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.node[0].arn
    container_name   = "node"
    container_port   = 5050
  }

  service_registries {
    registry_arn = aws_service_discovery_service.node[0].arn
  }

  depends_on = [
    aws_lb_listener.node,
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.instance,
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.node_out,
    aws_vpc_security_group_ingress_rule.node_from_load_balancer,
    aws_vpc_security_group_egress_rule.load_balancer_to_node,
    aws_vpc_security_group_ingress_rule.node_mesh,
    aws_vpc_security_group_egress_rule.node_mesh,
  ]

  timeouts {
    create = "20m"
    update = "20m"
    delete = "20m"
  }
}
