# A VPC of its own: public subnets for the load balancer and NAT, private ones for node and forwarder.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:zones have other names in each Region and account; two are taken once, and subnets then stay where they are (ignore_changes)
  count = local.creates_vpc ? 1 : 0
  state = "available"

  filter {
    name   = "opt-in-status" # no Local Zones: they have neither NAT nor load balancers everywhere
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = local.creates_vpc ? slice(data.aws_availability_zones.available[0].names, 0, 2) : []

  vpc_id             = local.creates_vpc ? aws_vpc.this[0].id : var.vpc_id
  private_subnet_ids = local.creates_vpc ? aws_subnet.private[*].id : var.private_subnet_ids
  public_subnet_ids  = local.creates_vpc ? aws_subnet.public[*].id : var.public_subnet_ids
  nat_count          = local.creates_vpc ? (var.nat_gateway_per_az ? 2 : 1) : 0
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow logs are billed by the gigabyte and set up where the account keeps them; one client and one service live here, and security groups name both
  count                = local.creates_vpc ? 1 : 0
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.own_tags, { Name = var.name_prefix })
}

# Nothing uses the default security group; without rules nothing ever can.
resource "aws_default_security_group" "this" {
  count  = local.creates_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = local.own_tags
}

resource "aws_internet_gateway" "this" {
  count  = local.creates_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.own_tags, { Name = var.name_prefix })
}

resource "aws_subnet" "public" {
  count             = local.creates_vpc ? 2 : 0
  vpc_id            = aws_vpc.this[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, count.index)
  tags              = merge(local.own_tags, { Name = "${var.name_prefix}-public-${count.index + 1}" })

  # A subnet stays where it was made, whatever zones AWS adds, or calls unavailable for an hour.
  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "private" {
  count             = local.creates_vpc ? 2 : 0
  vpc_id            = aws_vpc.this[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, count.index + 2)
  tags              = merge(local.own_tags, { Name = "${var.name_prefix}-private-${count.index + 1}" })

  lifecycle {
    create_before_destroy = true # the forwarder moves out first
    ignore_changes        = [availability_zone]
  }

  # After the forwarder is gone AWS keeps its network interfaces for 20 to 60 minutes.
  timeouts {
    delete = "60m"
  }
}

resource "aws_eip" "nat" {
  count      = local.nat_count
  domain     = "vpc"
  tags       = merge(local.own_tags, { Name = "${var.name_prefix}-nat" })
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = local.nat_count
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = merge(local.own_tags, { Name = var.name_prefix })

  # Whoever waits for the way out waits for all of it, and loses none of it early on destroy.
  depends_on = [aws_route.internet, aws_route_table_association.public]
}

resource "aws_route_table" "public" {
  count  = local.creates_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.own_tags, { Name = "${var.name_prefix}-public" })
}

resource "aws_route" "internet" {
  count                  = local.creates_vpc ? 1 : 0
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  count          = local.creates_vpc ? 2 : 0
  route_table_id = aws_route_table.public[0].id
  subnet_id      = aws_subnet.public[count.index].id
}

resource "aws_route_table" "private" {
  count  = local.creates_vpc ? 2 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.own_tags, { Name = "${var.name_prefix}-private-${count.index + 1}" })
}

resource "aws_route" "nat" {
  count                  = local.creates_vpc ? 2 : 0
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat_gateway_per_az ? count.index : 0].id
}

resource "aws_route_table_association" "private" {
  count          = local.creates_vpc ? 2 : 0
  route_table_id = aws_route_table.private[count.index].id
  subnet_id      = aws_subnet.private[count.index].id
}

# Image layers of ECR Public and logs come over S3 without passing, and paying for, the NAT gateway. Its
# name begins alike in these partitions, China among them; where that is not known, the way is the NAT gateway.
resource "aws_vpc_endpoint" "s3" {
  count             = local.creates_vpc && contains(["aws", "aws-cn", "aws-us-gov"], local.partition) ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = aws_route_table.private[*].id
  tags              = merge(local.own_tags, { Name = var.name_prefix })
}
