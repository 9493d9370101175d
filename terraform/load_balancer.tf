resource "aws_lb" "node" {
  #checkov:skip=CKV_AWS_91:internal, and its only client, the forwarder, counts every delivery; access logs would store the same requests once more
  #checkov:skip=CKV_AWS_131:API paths and headers are foreign data; the node decides what is invalid, not the load balancer
  #checkov:skip=CKV_AWS_150:destroy must work without hand work; a load balancer stores nothing

  count                      = local.deploys_node ? 1 : 0
  name                       = local.short_name
  internal                   = true
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.load_balancer[0].id]
  subnets                    = local.public_subnet_ids
  drop_invalid_header_fields = false
  enable_deletion_protection = false
  idle_timeout               = 120
  tags                       = local.own_tags

  # Who called the API is in the message; the forwarder's own address says nothing about it.
  xff_header_processing_mode = "preserve"
}

resource "aws_lb_target_group" "node" {
  count                = local.deploys_node ? 1 : 0
  name                 = local.short_name
  port                 = 5050
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = local.vpc_id
  deregistration_delay = 30
  tags                 = local.own_tags

  health_check {
    path                = "/ready"
    port                = "8080"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 4
  }
}

resource "aws_lb_listener" "node" {
  count             = local.deploys_node ? 1 : 0
  load_balancer_arn = aws_lb.node[0].arn
  port              = local.listener_port
  protocol          = local.https ? "HTTPS" : "HTTP"
  ssl_policy        = local.https ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null
  certificate_arn   = local.https ? local.certificate_arn : null
  tags              = local.own_tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.node[0].arn
  }
}

# --- HTTPS: a certificate and a name ------------------------------------------------------------

locals {
  names_node        = local.deploys_node && local.https
  makes_certificate = local.names_node && var.certificate_arn == ""
  certificate_arn   = local.makes_certificate ? aws_acm_certificate_validation.node[0].certificate_arn : var.certificate_arn

  # In lower case, as AWS answers: another case would be a difference in every plan.
  domain      = lower(var.r53_domain_name)
  record_name = lower(var.node_dns_name)
  own_name    = local.record_name == local.domain ? local.domain : "${trimsuffix(local.record_name, ".${local.domain}")}.${local.domain}"
  node_host   = local.https ? local.own_name : ""
}

data "aws_route53_zone" "this" {
  count = local.names_node ? 1 : 0
  name  = local.domain
}

resource "aws_acm_certificate" "node" {
  count             = local.makes_certificate ? 1 : 0
  domain_name       = local.node_host
  validation_method = "DNS"
  tags              = local.own_tags

  lifecycle {
    create_before_destroy = true
  }
}

# ACM asks for the same record for every certificate of one name in one account, and looks at it again
# whenever it renews one. So a record that is there is never taken over (allow_overwrite stays off): it would go
# when this goes.
resource "aws_route53_record" "validation" {
  count   = local.makes_certificate && var.certificate_validation_record ? 1 : 0
  zone_id = data.aws_route53_zone.this[0].zone_id
  name    = tolist(aws_acm_certificate.node[0].domain_validation_options)[0].resource_record_name
  type    = tolist(aws_acm_certificate.node[0].domain_validation_options)[0].resource_record_type
  records = [tolist(aws_acm_certificate.node[0].domain_validation_options)[0].resource_record_value]
  ttl     = 60
}

resource "aws_acm_certificate_validation" "node" {
  count                   = local.makes_certificate ? 1 : 0
  certificate_arn         = aws_acm_certificate.node[0].arn
  validation_record_fqdns = var.certificate_validation_record ? [aws_route53_record.validation[0].fqdn] : null

  # Minutes where the zone answers for its domain. Where it does not, no wait is long enough.
  timeouts {
    create = "45m"
  }
}

resource "aws_route53_record" "node" {
  count   = local.names_node ? 1 : 0
  zone_id = data.aws_route53_zone.this[0].zone_id
  name    = local.node_host
  type    = "A"

  alias {
    name                   = aws_lb.node[0].dns_name
    zone_id                = aws_lb.node[0].zone_id
    evaluate_target_health = false
  }
}
