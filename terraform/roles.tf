# Roles: each may do what its component does, on this deployment's own resources. Wider than that is
# only what AWS cannot narrow.

locals {
  boundary  = var.permissions_boundary == "" ? null : var.permissions_boundary
  role_base = "${var.name_prefix}-${local.region}" # IAM is global: two regions must not collide

  # The forwarder's role is made anew before the old one goes, so a new path is also a new name.
  path_mark = var.iam_path == "/" ? "" : "-${substr(sha1(var.iam_path), 0, 4)}"

  # Image layers in a private ECR repository: registry's account, its Region, the repository's name.
  ecr = regexall("^([0-9]{12})[.]dkr[.-]ecr(?:-fips)?[.]([a-z0-9-]+)[.](?:amazonaws[.](?:com(?:[.]cn)?|eu)|on[.]aws)/(.+)$", var.node_image)

  # Who may assume each kind of role. China's EC2 is the one name that the data source has otherwise.
  principals = merge(
    { for service, principal in data.aws_service_principal.this : service => principal.name },
    local.partition == "aws-cn" ? { ec2 = "ec2.${data.aws_partition.current.dns_suffix}" } : {},
  )
}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["ec2", "ecs-tasks", "lambda"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.principals[each.value]]
    }
  }
}

# --- Forwarder -----------------------------------------------------------------------------------

resource "aws_iam_role" "forwarder" {
  name                 = "${local.role_base}-fwd${local.path_mark}"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["lambda"].json
  tags                 = local.own_tags

  lifecycle {
    create_before_destroy = true # as its policy below
  }
}

data "aws_iam_policy_document" "forwarder" {
  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.forwarder.arn}:*"]
  }

  statement {
    sid       = "KeepUndelivered"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.undelivered.arn}/*"]

    # A deleted bucket's name is free for anybody; log events go to no other account's bucket.
    condition {
      test     = "StringEquals"
      variable = "s3:ResourceAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid       = "FindUndeliveredBucket"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.undelivered.arn]

    condition {
      test     = "StringEquals"
      variable = "s3:ResourceAccount"
      values   = [local.account_id]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == "" ? [] : [1]
    content {
      sid       = "EncryptUndelivered"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [var.kms_key_arn]
    }
  }
}

resource "aws_iam_role_policy" "forwarder" {
  name   = "forwarder"
  role   = aws_iam_role.forwarder.id
  policy = data.aws_iam_policy_document.forwarder.json
}

data "aws_iam_policy_document" "forwarder_vpc" {
  #checkov:skip=CKV_AWS_111:AWS supports no resource-level permissions for what Lambda needs to join a VPC; the function's own code is denied it below
  count = local.forwarder_in_vpc ? 1 : 0

  statement {
    sid       = "JoinVpc"
    actions   = local.vpc_actions
    resources = ["*"]
  }

  statement {
    # Those actions are for the Lambda service; the function's own code may not use them.
    sid       = "NotFromTheFunctionItself"
    effect    = "Deny"
    actions   = local.vpc_actions
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.function_name}"]
    }
  }
}

locals {
  vpc_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

# Lambda takes its network interfaces back with the rights of this role, 20 to 60 minutes after the
# function has gone; without them they stay, and hold security group and subnets. So the security group
# depends on this policy: it is removed, and with it the wait is over, before the policy and the role.
resource "aws_iam_role_policy" "forwarder_vpc" {
  count  = local.forwarder_in_vpc ? 1 : 0
  name   = "vpc"
  role   = aws_iam_role.forwarder.id
  policy = data.aws_iam_policy_document.forwarder_vpc[0].json

  lifecycle {
    create_before_destroy = true # the forwarder leaves the VPC first
  }
}

# --- Node ----------------------------------------------------------------------------------------

resource "aws_iam_role" "execution" {
  count                = local.deploys_node ? 1 : 0
  name                 = "${local.role_base}-exe"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["ecs-tasks"].json
  tags                 = local.own_tags
}

data "aws_iam_policy_document" "execution" {
  count = local.deploys_node ? 1 : 0

  statement {
    sid       = "WriteNodeLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.node[0].arn}:*"]
  }

  statement {
    sid       = "ReadToken"
    actions   = ["ssm:GetParameters"]
    resources = [local.token_arn]
  }

  dynamic "statement" {
    for_each = var.wallarm_api_token_kms_key_arn == "" ? [] : [1]
    content {
      sid       = "DecryptToken"
      actions   = ["kms:Decrypt"]
      resources = [var.wallarm_api_token_kms_key_arn]
    }
  }

  dynamic "statement" {
    for_each = local.ecr
    content {
      sid       = "PullImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = ["arn:${local.partition}:ecr:${statement.value[1]}:${statement.value[0]}:repository/${statement.value[2]}"]
    }
  }

  dynamic "statement" {
    for_each = local.ecr
    content {
      sid       = "LogInToRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"] # AWS supports no resource-level permissions for it
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  count  = local.deploys_node ? 1 : 0
  name   = "execution"
  role   = aws_iam_role.execution[0].id
  policy = data.aws_iam_policy_document.execution[0].json
}

# The node calls no AWS API: a role without any permission.
resource "aws_iam_role" "task" {
  count                = local.deploys_node ? 1 : 0
  name                 = "${local.role_base}-tsk"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["ecs-tasks"].json
  tags                 = local.own_tags
}

resource "aws_iam_role" "instance" {
  count                = local.deploys_node ? 1 : 0
  name                 = "${local.role_base}-ec2"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["ec2"].json
  tags                 = local.own_tags
}

# What AWS documents that the container agent calls, for this cluster alone. Its managed policy
# (AmazonEC2ContainerServiceforEC2Role) reaches every cluster, log group and image of the account; images
# are pulled and logs written with the execution role, there is no Spot instance, and no tag is propagated.
# Tasks cannot use this role: the instance's metadata is out of their reach (ECS_AWSVPC_BLOCK_IMDS, one hop).
data "aws_iam_policy_document" "instance" {
  count = local.deploys_node ? 1 : 0

  statement {
    sid = "JoinCluster"
    actions = [
      "ecs:RegisterContainerInstance",
      "ecs:SubmitAttachmentStateChanges",
      "ecs:SubmitContainerStateChange",
      "ecs:SubmitTaskStateChange",
    ]
    resources = [aws_ecs_cluster.this[0].arn]
  }

  statement {
    sid       = "HearFromCluster"
    actions   = ["ecs:Poll", "ecs:StartTelemetrySession"]
    resources = ["*"] # the instance has no name before it has joined

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.this[0].arn]
    }
  }

  statement {
    sid       = "FindEcs"
    actions   = ["ecs:DiscoverPollEndpoint"]
    resources = ["*"] # AWS supports no resource-level permissions for it
  }
}

resource "aws_iam_role_policy" "instance" {
  count  = local.deploys_node ? 1 : 0
  name   = "instance"
  role   = aws_iam_role.instance[0].id
  policy = data.aws_iam_policy_document.instance[0].json
}

resource "aws_iam_instance_profile" "instance" {
  count = local.deploys_node ? 1 : 0
  name  = "${local.role_base}-ec2"
  path  = var.iam_path
  role  = aws_iam_role.instance[0].name
  tags  = local.own_tags
}
