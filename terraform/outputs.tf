output "api_gateway_log_group" {
  description = "Log group that stages log to."
  value       = local.main_log_group
}

output "api_gateway_log_group_arn" {
  description = "Its ARN, as an access-log destination wants it."
  value       = "${local.arn_of_log_groups}:${local.main_log_group}"
}

output "api_gateway_log_groups" {
  description = "Every log group the forwarder is subscribed to."
  value       = sort(values(local.subscribed))
}

output "subscription_filter_name" {
  description = "Name of the subscription filter on each of them."
  value       = local.function_name
}

output "lambda_function_name" {
  description = "The forwarder."
  value       = aws_lambda_function.forwarder.function_name
}

output "lambda_function_arn" {
  description = "ARN of the forwarder."
  value       = aws_lambda_function.forwarder.arn
}

output "lambda_log_group" {
  description = "The forwarder's own log group."
  value       = aws_cloudwatch_log_group.forwarder.name
}

output "lambda_role_arn" {
  description = "Role of the forwarder."
  value       = aws_iam_role.forwarder.arn
}

output "undelivered_bucket" {
  description = "Bucket that keeps undelivered events."
  value       = aws_s3_bucket.undelivered.id
}

output "node_url" {
  description = "Host and port of the node that the forwarder calls."
  value       = local.node_url
}

output "node_scheme" {
  description = "http or https."
  value       = local.node_scheme
}

output "node_log_group" {
  description = "The node's log group; empty with an existing node."
  value       = join("", aws_cloudwatch_log_group.node[*].name)
}

output "ecs_cluster" {
  description = "The ECS cluster; empty with an existing node."
  value       = join("", aws_ecs_cluster.this[*].name)
}

output "ecs_service" {
  description = "The ECS service; empty with an existing node."
  value       = join("", aws_ecs_service.node[*].name)
}

output "target_group_arn" {
  description = "Target group of the node; empty with an existing node."
  value       = join("", aws_lb_target_group.node[*].arn)
}

output "load_balancer_arn" {
  description = "Load balancer of the node; empty with an existing node."
  value       = join("", aws_lb.node[*].arn)
}

output "load_balancer_dns_name" {
  description = "DNS name of the load balancer; empty with an existing node."
  value       = join("", aws_lb.node[*].dns_name)
}

output "load_balancer_security_group" {
  description = "Security group of the load balancer; empty with an existing node."
  value       = join("", aws_security_group.load_balancer[*].id)
}

output "forwarder_security_group" {
  description = "Security group of the forwarder, which an existing node in the VPC has to let in; empty if it is in no VPC."
  value       = join("", aws_security_group.forwarder[*].id)
}

output "vpc_id" {
  description = "The VPC the forwarder is in; empty if it is in none."
  value       = local.forwarder_in_vpc ? local.vpc_id : ""
}

output "suffix" {
  description = "The suffix of names that must be unique."
  value       = local.suffix
}

output "node_metrics" {
  description = "Host and port where the node shows its counters, as the forwarder reads them; empty where it reads none."
  value       = local.node_metrics
}

output "installation_id" {
  description = "Whose deployment it is, as the tag wallarm-apigw:installation says; empty where nobody said."
  value       = var.installation_id
}
