# What takes the place of the root module's provider.tf where another configuration calls this module: the
# provider is the caller's, and with it the Region; its default tags are the caller's, so ours are written out.

data "aws_region" "current" {}

locals {
  region   = data.aws_region.current.id
  own_tags = local.tags
}
