# CloudWatch Logs -> subscription filter -> forwarder -> node.

locals {
  function_name = "wallarm-cw-resend-${local.suffix}"
  package       = var.lambda_package == "" ? "${path.module}/cw-resend-lambda.zip" : var.lambda_package

  # The host and port that the forwarder calls.
  node_url    = local.deploys_node ? (local.https ? local.node_host : aws_lb.node[0].dns_name) : var.node_url
  node_scheme = local.deploys_node ? (local.https ? "https" : "http") : var.node_scheme
  node_port   = length(split(":", var.node_url)) > 1 ? tonumber(split(":", var.node_url)[1]) : (var.node_scheme == "https" ? 443 : 80)

  # Where the node shows its counters; the name leads to every replica.
  node_metrics = local.deploys_node ? "node.${local.namespace}:${local.metrics_port}" : var.node_metrics
  metrics_port = try(tonumber(regex(":([0-9]+)", var.node_metrics)[0]), 9000)

  creates_log_group = var.api_gateway_log_group_name == ""
  main_log_group    = local.creates_log_group ? aws_cloudwatch_log_group.api[0].name : var.api_gateway_log_group_name
  arn_of_log_groups = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group"

  # Keys must be known while planning; the created group's name is not. A group may itself be called
  # "main"; no group has a space in its name.
  further_log_groups = {
    for name in toset(var.api_gateway_log_group_names) :
    name == "main" ? "named main" : name => name if name != var.api_gateway_log_group_name
  }
  subscribed = merge({ main = local.main_log_group }, local.further_log_groups)
}

resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_338:log_retention_days is the user's choice; access logs hold addresses of people, and less is kept unless asked for
  count             = local.creates_log_group ? 1 : 0
  name              = "${var.vended_log_group ? "/aws/vendedlogs/apigateway" : "/aws/apigateway"}/wallarm-api-discovery-${local.suffix}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = local.own_tags
}

resource "aws_cloudwatch_log_group" "forwarder" {
  #checkov:skip=CKV_AWS_338:log_retention_days is the user's choice; the forwarder's log is for finding faults
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = local.own_tags
}

resource "aws_lambda_function" "forwarder" {
  #checkov:skip=CKV_AWS_50:traces are billed and need a permission; the forwarder calls one host, and publishes its duration, deliveries and failures as metrics
  #checkov:skip=CKV_AWS_116:the on-failure destination (aws_lambda_function_event_invoke_config) keeps the whole event in S3, whatever its size
  #checkov:skip=CKV_AWS_272:a signing profile belongs to the account and signs packages in S3; here source_code_hash binds the function to the zip beside the module

  function_name                  = local.function_name
  description                    = "Forwards API Gateway access logs to the Wallarm node"
  role                           = aws_iam_role.forwarder.arn
  filename                       = local.package
  source_code_hash               = filebase64sha256(local.package)
  handler                        = var.lambda_handler
  runtime                        = var.lambda_runtime
  architectures                  = [var.forwarder_architecture]
  timeout                        = var.lambda_timeout
  memory_size                    = var.lambda_memory_size
  reserved_concurrent_executions = var.lambda_reserved_concurrency
  kms_key_arn                    = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags                           = local.own_tags

  environment {
    variables = merge(
      var.forwarder_environment,
      {
        X_WALLARM_APPLICATION_ID = tostring(var.x_wallarm_application_id)
        X_NODE_URL               = local.node_url
        X_NODE_SCHEME            = local.node_scheme
      },
      var.node_ca_certificate == "" ? {} : { X_NODE_CA_CERTIFICATE = var.node_ca_certificate },
      local.node_metrics == "" ? {} : { X_NODE_METRICS = local.node_metrics },
      local.node_metrics != "" && var.alarms ? { X_NODE_WATCH = "true" } : {},
      var.installation_id == "" ? {} : { X_INSTALLATION_ID = var.installation_id },
    )
  }

  dynamic "vpc_config" {
    for_each = local.forwarder_in_vpc ? [1] : []
    content {
      subnet_ids         = local.private_subnet_ids
      security_group_ids = [aws_security_group.forwarder[0].id]
    }
  }

  # A role cannot be handed over, or assumed, in its first seconds: the bucket's rules, and where a node is
  # deployed its load balancer, whose name is in X_NODE_URL, take a minute and more.
  depends_on = [
    aws_iam_role_policy.forwarder,
    aws_iam_role_policy.forwarder_vpc,
    aws_cloudwatch_log_group.forwarder,
    aws_s3_bucket_lifecycle_configuration.undelivered,
  ]
}

# What could not be delivered after AWS's retries is kept whole, and can be replayed.
resource "aws_lambda_function_event_invoke_config" "forwarder" {
  function_name                = aws_lambda_function.forwarder.function_name
  maximum_event_age_in_seconds = 21600
  maximum_retry_attempts       = 2

  destination_config {
    on_failure {
      destination = aws_s3_bucket.undelivered.arn
    }
  }

  depends_on = [aws_iam_role_policy.forwarder]
}

resource "aws_lambda_permission" "logs" {
  for_each = merge({ main = local.main_log_group }, {
    for key, name in local.further_log_groups : key => name if contains(var.log_group_permissions, name)
  })
  statement_id   = "logs-${substr(sha1(each.key), 0, 8)}"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.forwarder.function_name
  principal      = "logs.${local.region}.${data.aws_service_principal.this["logs"].suffix}"
  source_arn     = "${local.arn_of_log_groups}:${each.value}:*"
  source_account = local.account_id
}

# The policy of a function ends at 20,480 bytes, which is some fifty statements. So further log groups, however
# many, share one: any log group of this account and Region may call. Who may subscribe one is IAM's to say.
resource "aws_lambda_permission" "further_logs" {
  count          = length(local.subscribed) > 1 ? 1 : 0
  statement_id   = "logs-of-this-account"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.forwarder.function_name
  principal      = "logs.${local.region}.${data.aws_service_principal.this["logs"].suffix}"
  source_arn     = "${local.arn_of_log_groups}:*:*"
  source_account = local.account_id
}

# Created last and destroyed first: a filter whose permission or node is missing loses events.
resource "aws_cloudwatch_log_subscription_filter" "forwarder" {
  for_each        = local.subscribed
  name            = local.function_name
  log_group_name  = each.value
  filter_pattern  = var.subscription_filter_pattern
  destination_arn = aws_lambda_function.forwarder.arn

  depends_on = [
    aws_lambda_permission.logs,
    aws_lambda_permission.further_logs,
    aws_lambda_function_event_invoke_config.forwarder,
    aws_s3_bucket_policy.undelivered,
    aws_s3_bucket_server_side_encryption_configuration.undelivered,
    aws_s3_bucket_lifecycle_configuration.undelivered,
    aws_vpc_security_group_egress_rule.forwarder_to_load_balancer,
    aws_vpc_security_group_ingress_rule.load_balancer_from_forwarder,
    aws_vpc_security_group_egress_rule.forwarder_to_existing_node,
    aws_vpc_security_group_egress_rule.forwarder_to_node_metrics,
    aws_vpc_security_group_ingress_rule.node_metrics_from_forwarder,
    aws_vpc_security_group_egress_rule.forwarder_to_existing_metrics,
    aws_ecs_service.node,
    aws_route53_record.node,
  ]
}

# --- Undelivered events ----------------------------------------------------------------------------

resource "aws_s3_bucket" "undelivered" {
  #checkov:skip=CKV_AWS_18:access logs would need a second bucket to guard; CloudTrail data events record access where the account wants it
  #checkov:skip=CKV_AWS_19:encrypted below with AES256, or aws:kms with kms_key_arn; checkov does not evaluate the condition
  #checkov:skip=CKV_AWS_21:Lambda writes each event once, under a name of its own; versions would only keep events past undelivered_retention_days
  #checkov:skip=CKV_AWS_144:what waits here is replayed in the same Region or expires; a copy elsewhere would only spread it
  #checkov:skip=CKV_AWS_145:kms_key_arn chooses a key; without one there is no key to name, and AES256 is used
  #checkov:skip=CKV2_AWS_62:the alarms on undelivered and lost events tell; nothing is to be done for each object

  bucket        = "${var.name_prefix}-undelivered-${local.suffix}"
  force_destroy = var.undelivered_force_destroy
  tags          = local.own_tags
}

resource "aws_s3_bucket_public_access_block" "undelivered" {
  bucket                  = aws_s3_bucket.undelivered.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "undelivered" {
  bucket = aws_s3_bucket.undelivered.id

  rule {
    bucket_key_enabled = var.kms_key_arn != ""

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == "" ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn == "" ? null : var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "undelivered" {
  bucket = aws_s3_bucket.undelivered.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.undelivered_retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "OnlyEncryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.undelivered.arn, "${aws_s3_bucket.undelivered.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "undelivered" {
  bucket     = aws_s3_bucket.undelivered.id
  policy     = data.aws_iam_policy_document.undelivered.json
  depends_on = [aws_s3_bucket_public_access_block.undelivered]
}
