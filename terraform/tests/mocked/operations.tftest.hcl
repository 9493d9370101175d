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
