# Roles: each may do what its component does, on this deployment's own resources.

locals {
  boundary  = var.permissions_boundary == "" ? null : var.permissions_boundary
  role_base = "${var.name_prefix}-${var.region}" # IAM is global: two regions must not collide
}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "ec2.amazonaws.com"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

# --- Forwarder -----------------------------------------------------------------------------------

resource "aws_iam_role" "forwarder" {
  name                 = "${local.role_base}-fwd"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["lambda.amazonaws.com"].json
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
  }

  statement {
    sid       = "FindUndeliveredBucket"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.undelivered.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == "" ? [] : [1]
    content {
      sid       = "EncryptUndelivered"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [var.kms_key_arn]
    }
  }

  dynamic "statement" {
    for_each = local.forwarder_in_vpc ? [1] : []
    content {
      # AWS supports no resource-level permissions for what Lambda needs to join a VPC.
      sid = "JoinVpc"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = local.forwarder_in_vpc ? [1] : []
    content {
      # Those actions are for the Lambda service; the function's own code may not use them.
      sid    = "NotFromTheFunctionItself"
      effect = "Deny"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${local.function_name}"]
      }
    }
  }
}

resource "aws_iam_role_policy" "forwarder" {
  name   = "forwarder"
  role   = aws_iam_role.forwarder.id
  policy = data.aws_iam_policy_document.forwarder.json
}

# --- Node ----------------------------------------------------------------------------------------

resource "aws_iam_role" "execution" {
  count                = local.deploys_node ? 1 : 0
  name                 = "${local.role_base}-exe"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["ecs-tasks.amazonaws.com"].json
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
  assume_role_policy   = data.aws_iam_policy_document.assume["ecs-tasks.amazonaws.com"].json
}

resource "aws_iam_role" "instance" {
  count                = local.deploys_node ? 1 : 0
  name                 = "${local.role_base}-ec2"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["ec2.amazonaws.com"].json
}

resource "aws_iam_role_policy_attachment" "instance" {
  count      = local.deploys_node ? 1 : 0
  role       = aws_iam_role.instance[0].id # not its name: that stays when the role is replaced
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  count = local.deploys_node ? 1 : 0
  name  = "${local.role_base}-ec2"
  path  = var.iam_path
  role  = aws_iam_role.instance[0].name
}
