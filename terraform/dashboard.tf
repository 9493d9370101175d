# A dashboard, optional: the way of an event from left to right, top to bottom.

locals {
  own_metrics = "WallarmApiDiscovery"

  widgets_forwarder = [
    {
      title = "Access-log events written"
      stat  = "Sum"
      metrics = [
        for name in sort(values(local.subscribed)) : ["AWS/Logs", "IncomingLogEvents", "LogGroupName", name]
      ]
    },
    {
      title = "Forwarder: calls and failures"
      stat  = "Sum"
      metrics = [
        for name in ["Invocations", "Errors", "Throttles", "AsyncEventsDropped", "DestinationDeliveryFailures"] :
        ["AWS/Lambda", name, "FunctionName", local.function_name]
      ]
    },
    {
      title = "Forwarder: events"
      stat  = "Sum"
      metrics = [
        for name in ["received", "delivered", "retried", "quarantined", "malformed", "skipped", "failed"] :
        [local.own_metrics, name, "FunctionName", local.function_name]
      ]
    },
    {
      title   = "Forwarder: duration (ms)"
      stat    = "p95"
      metrics = [["AWS/Lambda", "Duration", "FunctionName", local.function_name]]
    },
  ]

  widgets_node = !local.deploys_node ? [] : [
    {
      title = "Node: health"
      stat  = "Minimum"
      metrics = [
        for name in ["HealthyHostCount", "UnHealthyHostCount"] : [
          "AWS/ApplicationELB", name,
          "TargetGroup", aws_lb_target_group.node[0].arn_suffix, "LoadBalancer", aws_lb.node[0].arn_suffix,
        ]
      ]
    },
    {
      title = "Node: answers"
      stat  = "Sum"
      metrics = [
        for name in ["HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"] :
        ["AWS/ApplicationELB", name, "LoadBalancer", aws_lb.node[0].arn_suffix]
      ]
    },
    {
      title = "Node: CPU and memory (%)"
      stat  = "Average"
      metrics = [
        for name in ["CPUUtilization", "MemoryUtilization"] :
        ["AWS/ECS", name, "ClusterName", aws_ecs_cluster.this[0].name, "ServiceName", aws_ecs_service.node[0].name]
      ]
    },
  ]

  widgets = concat(local.widgets_forwarder, local.widgets_node)
}

resource "aws_cloudwatch_dashboard" "this" {
  count          = var.dashboard ? 1 : 0
  dashboard_name = "${var.name_prefix}-${local.suffix}"

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          stat    = widget.stat
          period  = 300
          view    = "timeSeries"
          metrics = widget.metrics
        }
      }
    ]
  })
}
