# Alarms, dashboard, tags, and what an organisation asks of its IAM roles.

mock_provider "aws" {
  source = "./tests/mocked/answers"
}

variables {
  wallarm_api_token_ssm_parameter = "/wallarm-apigw/token"
}

run "nothing_that_was_not_asked_for" {
  assert {
    condition     = 0 == length(concat(aws_cloudwatch_metric_alarm.not_forwarded, aws_cloudwatch_metric_alarm.unhealthy_targets, aws_cloudwatch_metric_alarm.no_running_task, values(aws_cloudwatch_metric_alarm.forwarder), values(aws_cloudwatch_metric_alarm.silence)))
    error_message = "No alarm unless asked for."
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0
    error_message = "No dashboard unless asked for."
  }

  assert {
    condition     = 0 == length(concat(aws_lambda_function.replay, aws_iam_role.replay, aws_cloudwatch_event_rule.replay, aws_cloudwatch_event_target.replay, aws_cloudwatch_log_group.replay, aws_lambda_permission.replay, aws_lambda_function_event_invoke_config.replay, aws_cloudwatch_metric_alarm.replay, data.aws_iam_policy_document.replay))
    error_message = "Nothing is replayed by itself unless asked for."
  }

  assert {
    condition     = local.tags == { "wallarm:component" = "api-gateway-connector" }
    error_message = "One tag on everything."
  }

  assert {
    condition     = output.installation_id == "" && !contains(keys(aws_lambda_function.forwarder.environment[0].variables), "X_INSTALLATION_ID")
    error_message = "Whoever uses the module without the wizard need not say whose it is."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.forwarder, aws_iam_role.execution[0], aws_iam_role.task[0], aws_iam_role.instance[0]] : role.path == "/" && role.permissions_boundary == null])
    error_message = "Roles without path and boundary."
  }
}

run "everything" {
  variables {
    alarms                      = true
    dashboard                   = true
    alarm_topic_arn             = "arn:aws:sns:us-east-1:123456789012:on-call"
    alarm_silence_hours         = 6
    api_gateway_log_group_names = ["/aws/vendedlogs/orders"]
    tags                        = { team = "platform" }
    deployment_id               = "d-1"
    installation_id             = "0198f3c2"
    installation_tags           = { "wallarm-apigw:installed-by" = "anna on desk" }
    permissions_boundary        = "arn:aws:iam::123456789012:policy/boundary"
    iam_path                    = "/platform/"
  }

  assert {
    condition     = join(" ", keys(aws_cloudwatch_metric_alarm.forwarder)) == "errors lost node_rejected quarantined throttles undelivered"
    error_message = "Alarms on what goes wrong in the forwarder."
  }

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.silence : alarm.dimensions.LogGroupName]) == toset(output.api_gateway_log_groups)
    error_message = "An alarm on the silence of each log group."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.silence : alarm.evaluation_periods * alarm.period == 6 * 3600 && alarm.treat_missing_data == "breaching"])
    error_message = "Silence is six hours without an event, and no data is silence."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.not_forwarded) == 1 && length(aws_cloudwatch_metric_alarm.unhealthy_targets) == 1 && length(aws_cloudwatch_metric_alarm.no_running_task) == 1
    error_message = "Alarms on a forwarder that is not called and on a node that is down."
  }

  assert {
    condition = alltrue([
      for alarm in concat(
        aws_cloudwatch_metric_alarm.not_forwarded, aws_cloudwatch_metric_alarm.unhealthy_targets, aws_cloudwatch_metric_alarm.no_running_task,
        values(aws_cloudwatch_metric_alarm.forwarder), values(aws_cloudwatch_metric_alarm.silence),
      ) : toset(alarm.alarm_actions) == toset([var.alarm_topic_arn]) && toset(alarm.ok_actions) == toset([var.alarm_topic_arn])
    ])
    error_message = "Every alarm tells the topic, also when it is over."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 7
    error_message = "The dashboard shows forwarder and node."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.metrics) == 2
    error_message = "The dashboard shows every log group."
  }

  assert {
    condition     = local.tags == { team = "platform", "wallarm:component" = "api-gateway-connector", "wallarm:deployment" = "d-1", "wallarm-apigw:installation" = "0198f3c2", "wallarm-apigw:installed-by" = "anna on desk" }
    error_message = "The user's tags, the component, the deployment, and whose it is."
  }

  assert {
    condition     = output.installation_id == "0198f3c2" && aws_lambda_function.forwarder.environment[0].variables.X_INSTALLATION_ID == "0198f3c2"
    error_message = "State and forwarder say whose deployment it is."
  }

  assert {
    condition     = alltrue([for specification in aws_launch_template.node[0].tag_specifications : specification.tags["wallarm:deployment"] == "d-1" && specification.tags["wallarm-apigw:installation"] == "0198f3c2" && specification.tags.team == "platform"])
    error_message = "Instances, volumes and network interfaces carry the tags."
  }

  assert {
    condition     = { for tag in aws_autoscaling_group.node[0].tag : tag.key => tag.value if tag.propagate_at_launch } == merge(local.tags, { AmazonECSManaged = "true", Name = "api-gw-discovery-node" })
    error_message = "What the Auto Scaling group starts carries the tags."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.forwarder, aws_iam_role.execution[0], aws_iam_role.task[0], aws_iam_role.instance[0]] : role.path == "/platform/" && role.permissions_boundary == var.permissions_boundary])
    error_message = "Every role has the path and the boundary."
  }

  assert {
    condition     = aws_iam_instance_profile.instance[0].path == "/platform/"
    error_message = "So has the instance profile its path."
  }
}

run "replays_on_a_schedule" {
  variables {
    undelivered_replay_hours = 1
    alarms                   = true
    lambda_package           = "./tests/mocked/answers/bundle.zip"
    lambda_handler           = "index.handler"
    lambda_timeout           = 120
    permissions_boundary     = "arn:aws:iam::123456789012:policy/boundary"
    iam_path                 = "/platform/"
    kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.replay[0].schedule_expression == "rate(1 hour)" && aws_cloudwatch_event_rule.replay[0].name == "api-gw-discovery-replay-${local.suffix}"
    error_message = "EventBridge says hour where it is one."
  }

  assert {
    condition     = aws_cloudwatch_event_target.replay[0].arn == aws_lambda_function.replay[0].arn && aws_cloudwatch_event_target.replay[0].input == "{\"wallarm-apigw\":\"replay\"}"
    error_message = "The rule calls the replay with its event, as the function takes it."
  }

  assert {
    condition     = aws_lambda_permission.replay[0].source_arn == aws_cloudwatch_event_rule.replay[0].arn && aws_lambda_permission.replay[0].source_account == "123456789012" && aws_lambda_permission.replay[0].principal == local.principals["events"]
    error_message = "Only this rule of this account may call it."
  }

  assert {
    condition     = aws_lambda_function.replay[0].function_name == "${aws_lambda_function.forwarder.function_name}-replay" && aws_lambda_function.replay[0].handler == "replay.lambda_handler" && aws_lambda_function.replay[0].filename == "./cw-resend-lambda.zip"
    error_message = "It is our own code, whatever bundle the forwarder is."
  }

  assert {
    condition     = length(aws_lambda_function.replay[0].vpc_config) == 0
    error_message = "It reaches S3 and Lambda from outside the VPC."
  }

  assert {
    condition     = aws_lambda_function.replay[0].environment[0].variables.X_FORWARDER == aws_lambda_function.forwarder.function_name && aws_lambda_function.replay[0].environment[0].variables.X_FORWARDER_SECONDS == "120"
    error_message = "It knows its forwarder and how long that may take."
  }

  assert {
    condition     = one(aws_lambda_function_event_invoke_config.replay[0].destination_config[*]) == null && aws_lambda_function_event_invoke_config.replay[0].maximum_retry_attempts == 0
    error_message = "A replay that fails is neither repeated nor kept: the next one comes by itself."
  }

  assert {
    condition     = { for s in data.aws_iam_policy_document.replay[0].statement : s.sid => join(" ", sort(s.actions)) } == { WriteOwnLog = "logs:CreateLogStream logs:PutLogEvents", ListUndelivered = "s3:ListBucket", TakeUndelivered = "s3:DeleteObject s3:GetObject", ReplayThroughForwarder = "lambda:InvokeFunction", DecryptUndelivered = "kms:Decrypt" }
    error_message = "It may take what is kept, and call the forwarder, and nothing else."
  }

  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.replay[0].statement : !contains(s.resources, "*")])
    error_message = "On its own things alone."
  }

  assert {
    condition     = !anytrue([for s in data.aws_iam_policy_document.forwarder.statement : contains(s.actions, "s3:GetObject") || contains(s.actions, "s3:DeleteObject")])
    error_message = "The forwarder may read and delete nothing that is kept."
  }

  assert {
    condition     = aws_iam_role.replay[0].path == "/platform/" && aws_iam_role.replay[0].permissions_boundary == var.permissions_boundary && aws_iam_role.replay[0].name == "api-gw-discovery-us-east-1-rpl"
    error_message = "Its role has path and boundary as every one."
  }

  assert {
    condition     = aws_lambda_function.replay[0].kms_key_arn == var.kms_key_arn && aws_cloudwatch_log_group.replay[0].kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.replay[0].name == "/aws/lambda/${aws_lambda_function.replay[0].function_name}"
    error_message = "Environment and log are under the given key."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.replay[0].dimensions.FunctionName == aws_lambda_function.replay[0].function_name
    error_message = "An alarm tells of a replay that fails."
  }
}

run "replays_twice_a_day" {
  command = plan

  variables {
    undelivered_replay_hours = 12
    node_url                 = "node.example.com"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.replay[0].schedule_expression == "rate(12 hours)" && length(aws_cloudwatch_metric_alarm.replay) == 0
    error_message = "EventBridge says hours where they are more; no alarm unless asked for."
  }
}

run "alarms_without_a_topic_and_with_a_given_node" {
  command = plan

  variables {
    alarms    = true
    dashboard = true
    node_url  = "node.example.com"
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.forwarder), values(aws_cloudwatch_metric_alarm.silence), aws_cloudwatch_metric_alarm.not_forwarded) :
      try(length(alarm.alarm_actions), 0) == 0 && try(length(alarm.ok_actions), 0) == 0
    ])
    error_message = "Without a topic alarms only show their state."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.unhealthy_targets) == 0 && length(aws_cloudwatch_metric_alarm.no_running_task) == 0
    error_message = "No alarm on a node that is not deployed here."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.forwarder) == 5 && length(aws_cloudwatch_metric_alarm.not_forwarded) == 1
    error_message = "The forwarder's alarms are the same."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 4
    error_message = "The dashboard shows the forwarder alone."
  }
}
