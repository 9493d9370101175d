# --- Wallarm ---------------------------------------------------------------------------------

variable "wallarm_api_host" {
  description = "Wallarm API server: us1.api.wallarm.com for the US Cloud, api.wallarm.com for the EU Cloud."
  type        = string
  default     = "api.wallarm.com"

  validation {
    condition     = can(regex("^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\\.)+[a-zA-Z]{2,}$", var.wallarm_api_host))
    error_message = "Write a host name such as us1.api.wallarm.com or api.wallarm.com, without https:// and without a path."
  }
}

variable "wallarm_api_token" {
  description = "Wallarm API token with usage type Node deployment. It ends up in the state; prefer wallarm_api_token_ssm_parameter."
  type        = string
  default     = ""
  sensitive   = true
}

variable "wallarm_api_token_ssm_parameter" {
  description = "Name of an existing SSM SecureString that holds the token. With it the token is in no plan and no state."
  type        = string
  default     = ""

  validation {
    condition     = var.wallarm_api_token_ssm_parameter == "" || can(regex("^/[a-zA-Z0-9_./-]+$", var.wallarm_api_token_ssm_parameter))
    error_message = "Write the parameter's full name, starting with a slash, such as /wallarm-apigw/token."
  }
}

variable "wallarm_api_token_kms_key_arn" {
  description = "KMS key that encrypts the SSM parameter, if it is not the AWS managed key of SSM."
  type        = string
  default     = ""
}

variable "x_wallarm_application_id" {
  description = "Wallarm application ID: -1 (default application) or positive."
  type        = number
  default     = -1

  validation {
    condition     = var.x_wallarm_application_id == -1 || (var.x_wallarm_application_id > 0 && floor(var.x_wallarm_application_id) == var.x_wallarm_application_id)
    error_message = "Use -1 for the default application, or a positive whole number; 0 is not an application."
  }
}

variable "node_group" {
  description = "Node group identifier in Wallarm Console."
  type        = string
  default     = "api-gateway-api-discovery"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", var.node_group))
    error_message = "Use letters, digits, dot, dash and underscore, at most 128 characters."
  }
}

# --- General -----------------------------------------------------------------------------------

variable "region" {
  description = "AWS region where all resources are deployed."
  type        = string
  default     = "us-east-1"
}

variable "name_prefix" {
  description = "Resource name prefix, at most 38 characters."
  type        = string
  default     = "api-gw-discovery"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,36}[a-z0-9]$", var.name_prefix))
    error_message = "Use 2 to 38 lower-case letters, digits and dashes; start with a letter and do not end with a dash."
  }
}

variable "tags" {
  description = "Tags put on every resource."
  type        = map(string)
  default     = {}
}

variable "deployment_id" {
  description = "Value of the tag wallarm:deployment, by which the deployment can be found again."
  type        = string
  default     = ""
}

variable "permissions_boundary" {
  description = "ARN of a permissions boundary put on every role."
  type        = string
  default     = ""
}

variable "iam_path" {
  description = "Path of the roles and the instance profile."
  type        = string
  default     = "/"
}

variable "kms_key_arn" {
  description = "KMS key for the log groups and the bucket of undelivered events; empty uses AWS managed encryption."
  type        = string
  default     = ""
}

# --- Logs --------------------------------------------------------------------------------------

variable "api_gateway_log_group_name" {
  description = "Existing log group that API Gateway writes to; empty creates one."
  type        = string
  default     = ""
}

variable "api_gateway_log_group_names" {
  description = "Further existing log groups to subscribe to, for stages that keep their own."
  type        = list(string)
  default     = []
}

variable "subscription_filter_pattern" {
  description = "CloudWatch Logs filter pattern; empty forwards every event. `{ $.status = 2* && $.httpMethod != OPTIONS && $.httpMethod != HEAD }` keeps only what API Discovery counts."
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "Days that log groups created here keep their events."
  type        = number
  default     = 14
}

variable "undelivered_retention_days" {
  description = "Days that undelivered events are kept, at least 14."
  type        = number
  default     = 30

  validation {
    condition     = var.undelivered_retention_days >= 14
    error_message = "Keep undelivered events for at least 14 days."
  }
}

variable "undelivered_force_destroy" {
  description = "Let destroy delete the bucket even while undelivered events wait in it."
  type        = bool
  default     = false
}

# --- Node --------------------------------------------------------------------------------------

variable "node_url" {
  description = "Existing Native Node as host[:port]; then no VPC, cluster or load balancer is made. Empty deploys a node."
  type        = string
  default     = ""

  validation {
    condition     = var.node_url == "" || can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$", var.node_url))
    error_message = "Write host or host:port, without http:// and without a path; the scheme goes into node_scheme."
  }
}

variable "node_scheme" {
  description = "How to talk to an existing node: http or https."
  type        = string
  default     = "https"

  validation {
    condition     = contains(["http", "https"], var.node_scheme)
    error_message = "Use http or https."
  }
}

variable "node_ca_certificate" {
  description = "PEM certificate of a private CA that signed the node's certificate; the forwarder then trusts only it."
  type        = string
  default     = ""
}

variable "node_image" {
  description = "Docker image of the Native Node."
  type        = string
  default     = "wallarm/node-native-aio"
}

variable "node_tag" {
  description = "Docker image tag; pin one for production. API Gateway needs 0.21.0 or newer."
  type        = string
  default     = "latest"

  validation {
    condition     = !can(regex("^v?0\\.([0-9]|1[0-9]|20)(\\..*)?$", var.node_tag))
    error_message = "API Gateway traffic needs node 0.21.0 or newer; use a tag such as 0.25.5."
  }
}

variable "node_count" {
  description = "Number of node tasks; more than one join a mesh over Cloud Map."
  type        = number
  default     = 1

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 16 && floor(var.node_count) == var.node_count
    error_message = "Use a whole number from 1 to 16."
  }
}

variable "node_instance_type" {
  description = "EC2 instance type of the node."
  type        = string
  default     = "t3.medium"
}

variable "node_image_id" {
  description = "AMI of the container instances, or resolve:ssm: and the name of a parameter that holds one."
  type        = string
  default     = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
}

variable "r53_domain_name" {
  description = "Route 53 domain for HTTPS between forwarder and node; needs node_dns_name."
  type        = string
  default     = ""
}

variable "node_dns_name" {
  description = "DNS record of the node in r53_domain_name; needs r53_domain_name."
  type        = string
  default     = ""
}

# --- Network -----------------------------------------------------------------------------------

variable "vpc_id" {
  description = "Existing VPC; empty creates one."
  type        = string
  default     = ""
}

variable "vpc_cidr" {
  description = "CIDR of the VPC that is created."
  type        = string
  default     = "10.190.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 3))
    error_message = "Write an IPv4 CIDR of /24 or larger, such as 10.190.0.0/16."
  }
}

variable "private_subnet_ids" {
  description = "Private subnets of the existing VPC, for node and forwarder; with node_url they put the forwarder into the VPC."
  type        = list(string)
  default     = []
}

variable "public_subnet_ids" {
  description = "Subnets of the existing VPC for the load balancer, in two Availability Zones."
  type        = list(string)
  default     = []
}

variable "nat_gateway_per_az" {
  description = "One NAT gateway per Availability Zone instead of one in all."
  type        = bool
  default     = false
}

# --- Forwarder ---------------------------------------------------------------------------------

variable "lambda_package" {
  description = "Zip of a forwarder of your own; empty uses the one beside this module."
  type        = string
  default     = ""
}

variable "lambda_handler" {
  description = "Handler of the forwarder."
  type        = string
  default     = "lambda_function.lambda_handler"
}

variable "lambda_runtime" {
  description = "Runtime of the forwarder."
  type        = string
  default     = "python3.13"
}

variable "lambda_timeout" {
  description = "Seconds the forwarder may run."
  type        = number
  default     = 60

  validation {
    condition     = var.lambda_timeout >= 10 && var.lambda_timeout <= 900
    error_message = "Use 10 to 900 seconds."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the forwarder in MB; CPU grows with it."
  type        = number
  default     = 512

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "Use 128 to 10240 MB."
  }
}

variable "lambda_reserved_concurrency" {
  description = "Reserved concurrency of the forwarder; -1 reserves none."
  type        = number
  default     = -1
}

# --- Operations --------------------------------------------------------------------------------

variable "alarms" {
  description = "Create CloudWatch alarms."
  type        = bool
  default     = false
}

variable "alarm_topic_arn" {
  description = "SNS topic that the alarms notify."
  type        = string
  default     = ""
}

variable "dashboard" {
  description = "Create a CloudWatch dashboard."
  type        = bool
  default     = false
}
