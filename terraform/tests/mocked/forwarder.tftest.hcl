# The forwarder: which log groups it is subscribed to, its package, its limits, and what it keeps.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  node_url = "node.example.com:443"
}

run "defaults" {
  assert {
    condition     = length(output.suffix) == 8 && output.suffix == substr(sha1(aws_iam_role.forwarder.unique_id), 0, 8)
    error_message = "The suffix is made of the role's id."
  }

  assert {
    condition     = aws_lambda_function.forwarder.function_name == "wallarm-cw-resend-${output.suffix}" && output.lambda_function_name == aws_lambda_function.forwarder.function_name
    error_message = "The forwarder's name."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api[0].name == "/aws/apigateway/wallarm-api-discovery-${output.suffix}" && aws_cloudwatch_log_group.api[0].retention_in_days == 14
    error_message = "A log group is made for the stages."
  }

  assert {
    condition     = output.api_gateway_log_group == aws_cloudwatch_log_group.api[0].name && output.api_gateway_log_group_arn == "arn:aws:logs:us-east-1:123456789012:log-group:${aws_cloudwatch_log_group.api[0].name}"
    error_message = "The outputs name the log group, without :* at the end of its ARN."
  }

  assert {
    condition     = join(" ", keys(aws_cloudwatch_log_subscription_filter.forwarder)) == "main" && aws_cloudwatch_log_subscription_filter.forwarder["main"].log_group_name == aws_cloudwatch_log_group.api[0].name
    error_message = "The forwarder is subscribed to it, and to nothing else."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.forwarder["main"].filter_pattern == "" && aws_cloudwatch_log_subscription_filter.forwarder["main"].destination_arn == aws_lambda_function.forwarder.arn
    error_message = "Every event goes to the forwarder."
  }

  assert {
    condition     = aws_lambda_permission.logs["main"].principal == "logs.us-east-1.amazonaws.com" && aws_lambda_permission.logs["main"].source_account == "123456789012" && aws_lambda_permission.logs["main"].source_arn == "arn:aws:logs:us-east-1:123456789012:log-group:${aws_cloudwatch_log_group.api[0].name}:*"
    error_message = "Only this account's log group may call the forwarder."
  }

  assert {
    condition     = length(aws_lambda_permission.further_logs) == 0
    error_message = "And no other."
  }

  assert {
    condition     = endswith(aws_lambda_function.forwarder.filename, "/cw-resend-lambda.zip") && aws_lambda_function.forwarder.source_code_hash == filebase64sha256("./cw-resend-lambda.zip")
    error_message = "The package beside the module."
  }

  assert {
    condition     = aws_lambda_function.forwarder.handler == "lambda_function.lambda_handler" && aws_lambda_function.forwarder.runtime == "python3.13" && aws_lambda_function.forwarder.timeout == 60 && aws_lambda_function.forwarder.memory_size == 512 && aws_lambda_function.forwarder.reserved_concurrent_executions == -1 && join(" ", aws_lambda_function.forwarder.architectures) == "x86_64"
    error_message = "Handler, runtime, timeout, memory, processor, and no reserved concurrency."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.forwarder.maximum_event_age_in_seconds == 21600 && aws_lambda_function_event_invoke_config.forwarder.maximum_retry_attempts == 2 && aws_lambda_function_event_invoke_config.forwarder.destination_config[0].on_failure[0].destination == aws_s3_bucket.undelivered.arn
    error_message = "Two retries within six hours, then into the bucket."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.undelivered.block_public_acls, aws_s3_bucket_public_access_block.undelivered.block_public_policy,
      aws_s3_bucket_public_access_block.undelivered.ignore_public_acls, aws_s3_bucket_public_access_block.undelivered.restrict_public_buckets,
    ])
    error_message = "The bucket is private."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.undelivered.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm]) == "AES256"
    error_message = "The bucket is encrypted."
  }

  assert {
    condition     = join(" ", [for s in data.aws_iam_policy_document.undelivered.statement : "${s.effect} ${s.sid}"]) == "Deny OnlyEncryptedTransport"
    error_message = "The bucket refuses requests without TLS."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.undelivered.rule[0].expiration[0].days == 30 && aws_s3_bucket.undelivered.force_destroy
    error_message = "Undelivered events are kept for 30 days, and do not stand in the way of destroy."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.api[0], aws_cloudwatch_log_group.forwarder] : group.kms_key_id == null]) && aws_lambda_function.forwarder.kms_key_arn == null
    error_message = "No key of the user's own."
  }
}

run "reused_log_group" {
  command = plan

  variables {
    api_gateway_log_group_name = "/aws/apigateway/mine"
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.api) == 0 && aws_cloudwatch_log_subscription_filter.forwarder["main"].log_group_name == "/aws/apigateway/mine"
    error_message = "A given log group is subscribed to, and none is made."
  }

  assert {
    condition     = output.api_gateway_log_group == "/aws/apigateway/mine" && output.api_gateway_log_group_arn == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/apigateway/mine"
    error_message = "The outputs name the given log group."
  }
}

run "several_log_groups_one_of_them_named_twice" {
  command = plan

  variables {
    api_gateway_log_group_name  = "/aws/apigateway/mine"
    api_gateway_log_group_names = ["/aws/vendedlogs/orders", "/aws/apigateway/mine", "orders", "orders"]
  }

  assert {
    condition     = join(" ", output.api_gateway_log_groups) == "/aws/apigateway/mine /aws/vendedlogs/orders orders"
    error_message = "Every log group, each once."
  }

  assert {
    condition     = join(" ", sort([for filter in aws_cloudwatch_log_subscription_filter.forwarder : filter.log_group_name])) == "/aws/apigateway/mine /aws/vendedlogs/orders orders"
    error_message = "One subscription filter on each."
  }

  assert {
    condition     = length(aws_lambda_permission.logs) == 1 && aws_lambda_permission.logs["main"].source_arn == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/apigateway/mine:*"
    error_message = "A permission for the one that stages log to."
  }

  assert {
    condition     = aws_lambda_permission.further_logs[0].source_arn == "arn:aws:logs:us-east-1:123456789012:log-group:*:*" && aws_lambda_permission.further_logs[0].source_account == "123456789012" && aws_lambda_permission.further_logs[0].principal == aws_lambda_permission.logs["main"].principal && aws_lambda_permission.further_logs[0].statement_id != aws_lambda_permission.logs["main"].statement_id
    error_message = "One for all others of this account, for a function's policy is full at some fifty."
  }
}

run "a_log_group_that_keeps_its_permission_for_one_apply" {
  command = plan

  variables {
    api_gateway_log_group_name  = "/aws/apigateway/mine"
    api_gateway_log_group_names = ["orders", "payments"]
    log_group_permissions       = ["orders", "gone"]
  }

  assert {
    condition     = join(" ", sort([for permission in aws_lambda_permission.logs : permission.source_arn])) == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/apigateway/mine:* arn:aws:logs:us-east-1:123456789012:log-group:orders:*"
    error_message = "Beside the shared one; of a group that is not subscribed to there is none."
  }
}

run "a_log_group_for_vended_logs" {
  command = plan

  variables {
    vended_log_group = true
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.api[0].name, "/aws/vendedlogs/apigateway/wallarm-api-discovery-")
    error_message = "Where log delivery needs no resource policy of its own."
  }
}

run "a_further_log_group_that_is_called_main" {
  command = plan

  variables {
    api_gateway_log_group_name  = "/aws/apigateway/mine"
    api_gateway_log_group_names = ["main"]
  }

  assert {
    condition     = join(" ", sort([for filter in aws_cloudwatch_log_subscription_filter.forwarder : filter.log_group_name])) == "/aws/apigateway/mine main"
    error_message = "It takes no other group's place."
  }
}

run "every_option" {
  variables {
    x_wallarm_application_id    = 7
    subscription_filter_pattern = "{ $.status = 2* }"
    log_retention_days          = 90
    undelivered_retention_days  = 60
    undelivered_force_destroy   = false
    lambda_package              = "./tests/mocked/answers/bundle.zip"
    lambda_handler              = "index.handler"
    lambda_runtime              = "python3.12"
    lambda_timeout              = 120
    lambda_memory_size          = 1024
    lambda_reserved_concurrency = 5
    forwarder_architecture      = "arm64"
    forwarder_environment       = { X_NODE_STYLE = "one-message", X_NODE_CONNECTOR_TYPE = "other" }
    kms_key_arn                 = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_WALLARM_APPLICATION_ID == "7"
    error_message = "The forwarder knows the application."
  }

  assert {
    condition     = aws_lambda_function.forwarder.environment[0].variables.X_NODE_STYLE == "one-message" && aws_lambda_function.forwarder.environment[0].variables.X_NODE_CONNECTOR_TYPE == "other"
    error_message = "The forwarder gets the settings of the protocol."
  }

  assert {
    condition     = join(" ", aws_lambda_function.forwarder.architectures) == "arm64"
    error_message = "The processor is the given one."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.forwarder["main"].filter_pattern == "{ $.status = 2* }"
    error_message = "The filter pattern is the given one."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api[0].retention_in_days == 90 && aws_cloudwatch_log_group.forwarder.retention_in_days == 90
    error_message = "Log groups made here keep their events as long as asked."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.undelivered.rule[0].expiration[0].days == 60 && !aws_s3_bucket.undelivered.force_destroy
    error_message = "Undelivered events are kept as long as asked, also from destroy."
  }

  assert {
    condition     = aws_lambda_function.forwarder.filename == "./tests/mocked/answers/bundle.zip" && aws_lambda_function.forwarder.source_code_hash == filebase64sha256("./tests/mocked/answers/bundle.zip")
    error_message = "The package is the given one."
  }

  assert {
    condition     = aws_lambda_function.forwarder.handler == "index.handler" && aws_lambda_function.forwarder.runtime == "python3.12" && aws_lambda_function.forwarder.timeout == 120 && aws_lambda_function.forwarder.memory_size == 1024 && aws_lambda_function.forwarder.reserved_concurrent_executions == 5
    error_message = "Handler, runtime, timeout, memory and reserved concurrency are the given ones."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.api[0], aws_cloudwatch_log_group.forwarder] : group.kms_key_id == var.kms_key_arn]) && aws_lambda_function.forwarder.kms_key_arn == var.kms_key_arn
    error_message = "Log groups and environment are under the given key."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.undelivered.rule : "${rule.apply_server_side_encryption_by_default[0].sse_algorithm} ${rule.apply_server_side_encryption_by_default[0].kms_master_key_id} ${rule.bucket_key_enabled}"]) == "aws:kms ${var.kms_key_arn} true"
    error_message = "The bucket is under the given key."
  }

  assert {
    condition     = contains(data.aws_iam_policy_document.forwarder.statement[*].sid, "EncryptUndelivered")
    error_message = "The forwarder's role may use the given key."
  }
}

run "in_china_names_end_otherwise" {
  command = plan

  variables {
    region = "cn-north-1"
  }

  override_data {
    target = data.aws_partition.current
    values = {
      partition  = "aws-cn"
      dns_suffix = "amazonaws.com.cn"
    }
  }

  override_data {
    target = data.aws_service_principal.this["logs"]
    values = {
      suffix = "amazonaws.com.cn"
    }
  }

  assert {
    condition     = aws_lambda_permission.logs["main"].principal == "logs.cn-north-1.amazonaws.com.cn"
    error_message = "CloudWatch Logs has another name there."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.assume["ec2"].statement[0].principals).identifiers == toset(["ec2.amazonaws.com.cn"])
    error_message = "So has EC2."
  }

  assert {
    condition     = startswith(local.arn_of_log_groups, "arn:aws-cn:logs:cn-north-1:")
    error_message = "And every ARN begins otherwise."
  }
}
