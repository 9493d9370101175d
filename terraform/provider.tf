# What only a root module may have: the provider, its Region and the tags that it puts on everything.
# Everything else is also the module that other configurations call: modules/connector.

variable "region" {
  description = "AWS region where all resources are deployed."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Write a Region name such as eu-central-1, not a zone and not a display name."
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

locals {
  region   = var.region
  own_tags = null # the provider puts them on; written twice they would be a change of every resource
}
