data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Names of AWS services in policies; China has its own for some.
data "aws_service_principal" "this" {
  for_each     = toset(["ec2", "ecs-tasks", "events", "lambda", "logs"])
  service_name = each.value
}

locals {
  account_id   = data.aws_caller_identity.current.account_id
  partition    = data.aws_partition.current.partition
  deploys_node = var.node_url == ""
  creates_vpc  = local.deploys_node && var.vpc_id == ""
  https        = var.r53_domain_name != "" && var.node_dns_name != ""

  # Names that AWS asks to be unique carry a suffix derived from a resource that exists in every
  # mode: stable for the life of the deployment, and no further provider is needed.
  suffix = substr(sha1(aws_iam_role.forwarder.unique_id), 0, 8)

  # Load balancer and target group names end after 32 characters.
  short_name = "${substr(var.name_prefix, 0, min(length(var.name_prefix), 22))}-${local.suffix}"

  # Terraform 1.0 lets a validation look only at its own variable. Conditions that join several
  # are raised here: converting the message to a bool fails, and the message is what is shown.
  check_dns = (var.r53_domain_name == "") == (var.node_dns_name == "") ? true : tobool(
    "Set both r53_domain_name and node_dns_name for HTTPS, or neither."
  )
  check_token = !local.deploys_node || var.wallarm_api_token_ssm_parameter != "" || nonsensitive(var.wallarm_api_token != "") ? true : tobool(
    "Set wallarm_api_token_ssm_parameter (or wallarm_api_token), or use an existing node with node_url."
  )
  check_host = contains(["api.wallarm.com", "us1.api.wallarm.com", "me1.api.wallarm.com"], var.wallarm_api_host) || var.allow_other_wallarm_api_host ? true : tobool(
    "Set wallarm_api_host to us1.api.wallarm.com (US Cloud), api.wallarm.com (EU Cloud) or me1.api.wallarm.com (ME Cloud); for another cloud also set allow_other_wallarm_api_host = true."
  )
  check_ca = var.node_ca_certificate == "" || !local.deploys_node || var.certificate_arn != "" ? true : tobool(
    "Set node_ca_certificate only together with node_url or certificate_arn: the certificate made for a node deployed here is a public one."
  )
  check_metrics = var.node_metrics == "" || !local.deploys_node ? true : tobool(
    "Set node_metrics only together with node_url: a node deployed here shows its counters by itself."
  )
  check_environment = length(var.node_ca_certificate) + length(jsonencode(var.forwarder_environment)) <= 3502 ? true : tobool(
    "Shorten forwarder_environment or node_ca_certificate: together they may have 3500 characters, for a Lambda environment holds 4 KB."
  )
  check_own_certificate = var.certificate_arn == "" || local.https || !local.deploys_node ? true : tobool(
    "Set certificate_arn together with r53_domain_name and node_dns_name: the forwarder looks for the node's name in the certificate."
  )
  check_vpc = var.vpc_id != "" || length(var.private_subnet_ids) + length(var.public_subnet_ids) == 0 ? true : tobool(
    "Set vpc_id as well: private_subnet_ids and public_subnet_ids belong to an existing VPC."
  )
  check_subnets = !local.deploys_node || var.vpc_id == "" || (length(var.private_subnet_ids) > 0 && length(var.public_subnet_ids) > 1) ? true : tobool(
    "With vpc_id also set private_subnet_ids (one or more) and public_subnet_ids (two or more, in different Availability Zones)."
  )
  check_architecture = !local.deploys_node || !can(regex("^([a-z]+[0-9]+g[a-z]*|a1)[.]", var.node_instance_type)) || !can(regex("/amazon-linux-2023/recommended/", var.node_image_id)) ? true : tobool(
    "Set node_instance_type to an x86-64 type such as t3.medium: the AMI of node_image_id is for x86-64, and Graviton does not start it."
  )
  check_certificate = !local.makes_certificate || length(local.node_host) <= 64 ? true : tobool(
    "Shorten node_dns_name: together with r53_domain_name it may have 64 characters, the most that AWS accepts as the name of a certificate."
  )
  check_region = alltrue([
    for arn in compact([var.kms_key_arn, var.wallarm_api_token_kms_key_arn, var.alarm_topic_arn, var.certificate_arn]) :
    can(regex("^arn:[a-z-]+:[a-z]+:${local.region}:", arn))
    ]) ? true : tobool(
    "Use a kms_key_arn, wallarm_api_token_kms_key_arn, alarm_topic_arn and certificate_arn of the Region in region: AWS accepts no others."
  )

  tags = merge(
    var.tags,
    var.installation_tags,
    { "wallarm:component" = "api-gateway-connector" },
    var.deployment_id == "" ? {} : { "wallarm:deployment" = var.deployment_id },
    var.installation_id == "" ? {} : { "wallarm-apigw:installation" = var.installation_id },
  )
}
