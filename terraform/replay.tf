# Undelivered events, replayed on a schedule: off unless undelivered_replay_hours is set.
#
# A function of its own, of the same package, and outside every VPC. The forwarder could not do it in every
# mode: inside a VPC it reaches the node and nothing else, it may be a bundle of yours, and its role may
# write what is kept but neither read nor delete it.
#
# A rule of EventBridge, not a schedule of EventBridge Scheduler: the function lets this one rule call it,
# where Scheduler would need one more role to be made and passed on.

locals {
  replays      = var.undelivered_replay_hours > 0
  replay_name  = "${local.function_name}-replay"
  replay_every = var.undelivered_replay_hours == 1 ? "1 hour" : "${var.undelivered_replay_hours} hours"
}

data "aws_iam_policy_document" "replay" {
  count = local.replays ? 1 : 0

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.replay[0].arn}:*"]
  }

  statement {
    sid       = "ListUndelivered"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.undelivered.arn]

    condition {
      test     = "StringEquals"
      variable = "s3:ResourceAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid       = "TakeUndelivered"
    actions   = ["s3:GetObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.undelivered.arn}/aws/lambda/async/${local.function_name}/*"]

    condition {
      test     = "StringEquals"
      variable = "s3:ResourceAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid       = "ReplayThroughForwarder"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.forwarder.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == "" ? [] : [1]
    content {
      sid       = "DecryptUndelivered"
      actions   = ["kms:Decrypt"]
      resources = [var.kms_key_arn]
    }
  }
}

resource "aws_iam_role" "replay" {
  count                = local.replays ? 1 : 0
  name                 = "${local.role_base}-rpl"
  path                 = var.iam_path
  permissions_boundary = local.boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["lambda"].json
  tags                 = local.own_tags
}

resource "aws_iam_role_policy" "replay" {
  count  = local.replays ? 1 : 0
  name   = "replay"
  role   = aws_iam_role.replay[0].id
  policy = data.aws_iam_policy_document.replay[0].json
}

resource "aws_cloudwatch_log_group" "replay" {
  #checkov:skip=CKV_AWS_338:log_retention_days is the user's choice; the log says what was replayed and why the rest was not
  count             = local.replays ? 1 : 0
  name              = "/aws/lambda/${local.replay_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags              = local.own_tags
}

resource "aws_lambda_function" "replay" {
  #checkov:skip=CKV_AWS_50:traces are billed and need a permission; its log says what became of each batch
  #checkov:skip=CKV_AWS_115:its schedule starts one an hour at most, each for a quarter of an hour at most; reserving would take from the account's quota
  #checkov:skip=CKV_AWS_117:it asks S3 and Lambda alone, and is outside on purpose: a VPC may have no way to them
  #checkov:skip=CKV_AWS_116:its event holds nothing: what it did not replay stays in the bucket, and the next time comes by itself
  #checkov:skip=CKV_AWS_272:a signing profile belongs to the account and signs packages in S3; here source_code_hash binds the function to the zip beside the module

  count            = local.replays ? 1 : 0
  function_name    = local.replay_name
  description      = "Replays what the Wallarm forwarder could not deliver"
  role             = aws_iam_role.replay[0].arn
  filename         = "${path.module}/cw-resend-lambda.zip" # never a bundle of the user's
  source_code_hash = filebase64sha256("${path.module}/cw-resend-lambda.zip")
  handler          = "replay.lambda_handler"
  runtime          = var.lambda_runtime
  architectures    = [var.forwarder_architecture]
  timeout          = 900 # it ends by itself before
  memory_size      = 256
  kms_key_arn      = var.kms_key_arn == "" ? null : var.kms_key_arn
  tags             = local.own_tags

  environment {
    variables = {
      X_FORWARDER         = local.function_name
      X_FORWARDER_SECONDS = tostring(var.lambda_timeout)
      X_BUCKET            = aws_s3_bucket.undelivered.id
      X_BUCKET_HOST       = aws_s3_bucket.undelivered.bucket_regional_domain_name
      X_ACCOUNT           = local.account_id
      X_DNS_SUFFIX        = data.aws_partition.current.dns_suffix
    }
  }

  depends_on = [aws_iam_role_policy.replay]
}

# It comes again by itself: neither retries nor a destination.
resource "aws_lambda_function_event_invoke_config" "replay" {
  count                        = local.replays ? 1 : 0
  function_name                = aws_lambda_function.replay[0].function_name
  maximum_event_age_in_seconds = 900
  maximum_retry_attempts       = 0
}

resource "aws_cloudwatch_event_rule" "replay" {
  count               = local.replays ? 1 : 0
  name                = "${var.name_prefix}-replay-${local.suffix}"
  description         = "Replays undelivered API events to the Wallarm node"
  schedule_expression = "rate(${local.replay_every})"
  tags                = local.own_tags
}

resource "aws_lambda_permission" "replay" {
  count          = local.replays ? 1 : 0
  statement_id   = "schedule"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.replay[0].function_name
  principal      = local.principals["events"]
  source_arn     = aws_cloudwatch_event_rule.replay[0].arn
  source_account = local.account_id
}

resource "aws_cloudwatch_event_target" "replay" {
  count = local.replays ? 1 : 0
  rule  = aws_cloudwatch_event_rule.replay[0].name
  arn   = aws_lambda_function.replay[0].arn
  input = jsonencode({ "wallarm-apigw" = "replay" })

  depends_on = [aws_lambda_permission.replay, aws_lambda_function_event_invoke_config.replay]
}
