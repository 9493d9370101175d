# Alarms, optional. "No data" is read per alarm: a sum of errors without data is silence, and fine;
# a count of tasks or events without data is what the alarm is there to find.

locals {
  alarm_name    = "${var.name_prefix}-${local.suffix}"
  alarm_actions = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  # Sums over five minutes that should be zero.
  forwarder_alarms = merge(local.counter_alarms, {
    errors = {
      namespace = "AWS/Lambda", metric = "Errors", periods = 1
      text      = "The forwarder failed; AWS Lambda tries the events again. Its log group says why."
    }
    throttles = {
      namespace = "AWS/Lambda", metric = "Throttles", periods = 3
      text      = "The forwarder has been throttled for 15 minutes; events wait, for up to 6 hours. Raise lambda_reserved_concurrency or the account's quota."
    }
    undelivered = {
      namespace = "AWS/Lambda", metric = "AsyncEventsDropped", periods = 1
      text      = "Events could not be delivered after every retry. They wait in the bucket of undelivered events."
    }
    lost = {
      namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", periods = 1
      text      = "Undelivered events could not be written to their bucket and are lost. Check the bucket, its key and the forwarder's role."
    }
    quarantined = {
      namespace = "WallarmApiDiscovery", metric = "quarantined", periods = 1
      text      = "The node refused events for good. The forwarder's log group says which and why."
    }
  })

  # Where the forwarder can read the node's counters.
  counter_alarms = local.deploys_node || var.node_metrics != "" ? {
    node_rejected = {
      namespace = "WallarmApiDiscovery", metric = "node_rejected", periods = 3
      text      = "For 15 minutes the node has rejected messages, or could not read them, by its own counters; it may answer 200 all the same. wallarm-apigw doctor says why."
    }
  } : {}
}

resource "aws_cloudwatch_metric_alarm" "forwarder" {
  for_each            = var.alarms ? local.forwarder_alarms : {}
  alarm_name          = "${local.alarm_name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags
}

resource "aws_cloudwatch_metric_alarm" "replay" {
  count               = var.alarms && local.replays ? 1 : 0
  alarm_name          = "${local.alarm_name}-replay"
  alarm_description   = "Undelivered events could not be replayed. The log group of the replay's function says why."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.replay_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags
}

# A client can have a line of its own given up, so single ones are no alarm; a share of them is.
resource "aws_cloudwatch_metric_alarm" "malformed" {
  count               = var.alarms ? 1 : 0
  alarm_name          = "${local.alarm_name}-malformed"
  alarm_description   = "5 % or more of the log lines could not be read for 15 minutes. The forwarder's log group names them and shows their shape; wallarm-apigw doctor says which stage."
  namespace           = "WallarmApiDiscovery"
  metric_name         = "malformed_share"
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  for_each            = var.alarms ? local.subscribed : {}
  alarm_name          = "${local.alarm_name}-silence-${substr(sha1(each.key), 0, 8)}"
  alarm_description   = "No access-log event reached ${each.value} for ${var.alarm_silence_hours} h. Check that the stages still log to it."
  namespace           = "AWS/Logs"
  metric_name         = "IncomingLogEvents"
  dimensions          = { LogGroupName = each.value }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.alarm_silence_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags
}

# Log events come in and the forwarder is never called: the filter or its permission is gone.
resource "aws_cloudwatch_metric_alarm" "not_forwarded" {
  count               = var.alarms ? 1 : 0
  alarm_name          = "${local.alarm_name}-not-forwarded"
  alarm_description   = "The forwarder was not called for ${var.alarm_silence_hours} h. Check the subscription filters and the permission to invoke it."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = local.function_name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.alarm_silence_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags
}

resource "aws_cloudwatch_metric_alarm" "unhealthy_targets" {
  count               = var.alarms && local.deploys_node ? 1 : 0
  alarm_name          = "${local.alarm_name}-unhealthy-targets"
  alarm_description   = "The node does not answer its health check (/ready on 8080). Its log group says why."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # no target at all is the next alarm's business
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags

  dimensions = {
    TargetGroup  = aws_lb_target_group.node[0].arn_suffix
    LoadBalancer = aws_lb.node[0].arn_suffix
  }
}

# ECS counts running tasks only in Container Insights, which is billed. But each running task
# reports its CPU once a minute, so the number of samples is the number of tasks.
resource "aws_cloudwatch_metric_alarm" "no_running_task" {
  count               = var.alarms && local.deploys_node ? 1 : 0
  alarm_name          = "${local.alarm_name}-no-running-task"
  alarm_description   = "No node task is running. The events of the ECS service say why."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  statistic           = "SampleCount"
  period              = 60
  evaluation_periods  = 10
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.own_tags

  dimensions = {
    ClusterName = aws_ecs_cluster.this[0].name
    ServiceName = aws_ecs_service.node[0].name
  }
}
