# What takes the place of the root module's provider.tf where another configuration calls this module: the
# provider is the caller's, and with it the Region. Tags are written out but for those that the provider puts
# on everything anyway: written twice they would be a change of every resource, without an effect.

data "aws_region" "current" {}

data "aws_default_tags" "current" {}

locals {
  region = data.aws_region.current.id

  tags_to_write = {
    for key, value in local.tags : key => value if try(data.aws_default_tags.current.tags[key], null) != value
  }
  own_tags = length(local.tags_to_write) > 0 ? local.tags_to_write : null
}
