# --- Wallarm ---------------------------------------------------------------------------------

variable "wallarm_api_host" {
  description = "Wallarm API server: us1.api.wallarm.com for the US Cloud, api.wallarm.com for the EU Cloud, me1.api.wallarm.com for the ME Cloud."
  type        = string
  default     = "api.wallarm.com"

  validation {
    condition     = can(regex("^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\\.)+[a-zA-Z]{2,}$", var.wallarm_api_host))
    error_message = "Write a host name such as us1.api.wallarm.com or api.wallarm.com, without https:// and without a path."
  }
}

variable "allow_other_wallarm_api_host" {
  description = "Accept a wallarm_api_host that is none of the US, EU and ME Clouds, for instance a private cloud."
  type        = bool
  default     = false
}

variable "wallarm_api_token" {
  description = "Wallarm API token with usage type Node deployment. It ends up in the state; prefer wallarm_api_token_ssm_parameter."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.wallarm_api_token == "" || can(regex("^[A-Za-z0-9+/]{64}$", var.wallarm_api_token))
    error_message = "Write the token exactly as Wallarm Console shows it: 64 letters, digits, + and /."
  }
}

variable "wallarm_api_token_ssm_parameter" {
  description = "Name of an existing SSM SecureString that holds the token. With it the token is in no plan and no state."
  type        = string
  default     = ""

  validation {
    condition     = var.wallarm_api_token_ssm_parameter == "" || can(regex("^(/[a-zA-Z0-9_.-]+)+$", var.wallarm_api_token_ssm_parameter))
    error_message = "Write the parameter's full name, starting with a slash, such as /wallarm-apigw/token."
  }
}

variable "wallarm_api_token_kms_key_arn" {
  description = "KMS key that encrypts the SSM parameter, if it is not the AWS managed key of SSM."
  type        = string
  default     = ""

  validation {
    condition     = var.wallarm_api_token_kms_key_arn == "" || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.wallarm_api_token_kms_key_arn))
    error_message = "Write the key's ARN, such as arn:aws:kms:us-east-1:123456789012:key/…, not its id or alias."
  }
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

variable "name_prefix" {
  description = "Resource name prefix, at most 38 characters."
  type        = string
  default     = "api-gw-discovery"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,36}[a-z0-9]$", var.name_prefix))
    error_message = "Use 2 to 38 lower-case letters, digits and dashes; start with a letter and do not end with a dash."
  }

  validation {
    condition     = !can(regex("^(internal-|sg-|xn--|sthree-|amzn-s3-demo-)", var.name_prefix))
    error_message = "Use another beginning: AWS keeps internal-, sg-, xn--, sthree- and amzn-s3-demo- for itself."
  }
}

variable "tags" {
  description = "Tags put on every resource."
  type        = map(string)
  default     = {}

  validation {
    condition = length(var.tags) <= 40 && alltrue([
      for name, value in var.tags :
      can(regex("^[\\p{L}\\p{N}\\p{Z}_.:/=+@-]{1,128}$", name)) &&
      can(regex("^[\\p{L}\\p{N}\\p{Z}_.:/=+@-]{0,256}$", value)) &&
      !can(regex("^(?i:aws:)", name))
    ])
    error_message = "Use at most 40 tags; names of 1-128 and values of 0-256 letters, digits, spaces and _.:/=+-@; no name starting with aws:."
  }
}

variable "deployment_id" {
  description = "Value of the tag wallarm:deployment, by which the deployment can be found again."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9_.:/=+@-]{0,256}$", var.deployment_id))
    error_message = "Use at most 256 letters, digits and _.:/=+-@, or leave it empty."
  }
}

variable "installation_id" {
  description = "Value of the tag wallarm-apigw:installation on every resource, and of X_INSTALLATION_ID of the forwarder: whose deployment it is. Empty writes neither."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9_.:/=+@-]{0,128}$", var.installation_id))
    error_message = "Use at most 128 letters, digits and _.:/=+-@, or leave it empty."
  }
}

variable "installation_tags" {
  description = "Further tags put on every resource that say who installed it, when and from where. Changed values replace the node's instances, as with tags."
  type        = map(string)
  default     = {}

  validation {
    condition = length(var.installation_tags) <= 5 && alltrue([
      for name, value in var.installation_tags :
      can(regex("^[\\p{L}\\p{N}\\p{Z}_.:/=+@-]{1,128}$", name)) &&
      can(regex("^[\\p{L}\\p{N}\\p{Z}_.:/=+@-]{0,256}$", value)) &&
      !can(regex("^(?i:aws:)", name))
    ])
    error_message = "Use at most 5 tags; names of 1-128 and values of 0-256 letters, digits, spaces and _.:/=+-@; no name starting with aws:."
  }
}

variable "permissions_boundary" {
  description = "ARN of a permissions boundary put on every role."
  type        = string
  default     = ""

  validation {
    condition     = var.permissions_boundary == "" || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "Write the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "iam_path" {
  description = "Path of the roles and the instance profile."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.,+@=-]+/)*$", var.iam_path))
    error_message = "Write a path that starts and ends with a slash, such as /platform/."
  }
}

variable "kms_key_arn" {
  description = "KMS key for the log groups, the forwarder's environment and the bucket of undelivered events; empty uses AWS managed encryption. Its policy must allow CloudWatch Logs of the Region."
  type        = string
  default     = ""

  validation {
    condition     = var.kms_key_arn == "" || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "Write the key's ARN, such as arn:aws:kms:us-east-1:123456789012:key/…, not its id or alias."
  }
}

# --- Logs --------------------------------------------------------------------------------------

variable "api_gateway_log_group_name" {
  description = "Existing log group that API Gateway writes to; empty creates one."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9_./#-]{0,512}$", var.api_gateway_log_group_name))
    error_message = "Write the log group's name, not its ARN: letters, digits and _./#-, at most 512; or leave it empty."
  }

  validation {
    condition     = !can(regex("^/aws/lambda/wallarm-cw-resend-", var.api_gateway_log_group_name))
    error_message = "Write a log group of API Gateway: a forwarder that is called for its own log would call itself for ever."
  }
}

variable "vended_log_group" {
  description = "Put the log group that is created under /aws/vendedlogs/, where log delivery needs no resource policy of its own: for accounts whose policies are full. Decide before the first apply: a change replaces the group, with what is in it."
  type        = bool
  default     = false
}

variable "api_gateway_log_group_names" {
  description = "Further existing log groups to subscribe to, for stages that keep their own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.api_gateway_log_group_names : can(regex("^[A-Za-z0-9_./#-]{1,512}$", name))])
    error_message = "Write log groups' names, not ARNs: letters, digits and _./#-, at most 512 each."
  }

  validation {
    condition     = alltrue([for name in var.api_gateway_log_group_names : !can(regex("^/aws/lambda/wallarm-cw-resend-", name))])
    error_message = "Write log groups of API Gateway: a forwarder that is called for its own log would call itself for ever."
  }
}

variable "log_group_permissions" {
  description = "Those of api_gateway_log_group_names that keep a permission of their own beside the shared one. For one apply after a version that gave each its own: otherwise AWS may have neither for a moment, and skips logs."
  type        = list(string)
  default     = []
}

variable "subscription_filter_pattern" {
  description = "CloudWatch Logs filter pattern; empty forwards every event. `{ $.status = 2* && $.httpMethod != OPTIONS && $.httpMethod != HEAD }` keeps only what API Discovery counts."
  type        = string
  default     = ""

  validation {
    condition     = length(var.subscription_filter_pattern) <= 1024
    error_message = "Use a filter pattern of at most 1024 characters."
  }
}

variable "log_retention_days" {
  description = "Days that log groups created here keep their events."
  type        = number
  default     = 14

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "Use a number of days CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "undelivered_retention_days" {
  description = "Days that undelivered events are kept, at least 14."
  type        = number
  default     = 30

  validation {
    condition     = var.undelivered_retention_days >= 14 && var.undelivered_retention_days <= 3653 && floor(var.undelivered_retention_days) == var.undelivered_retention_days
    error_message = "Keep undelivered events for 14 to 3653 whole days."
  }
}

variable "undelivered_replay_hours" {
  description = "Hours after which undelivered events are replayed, again and again, by a small function and an EventBridge rule; 0 makes neither."
  type        = number
  default     = 0

  validation {
    condition     = var.undelivered_replay_hours >= 0 && var.undelivered_replay_hours <= 24 && floor(var.undelivered_replay_hours) == var.undelivered_replay_hours
    error_message = "Use 1 to 24 whole hours, or 0 to replay nothing by itself."
  }
}

variable "undelivered_force_destroy" {
  description = "Let destroy delete the undelivered events that still wait in the bucket. Set to false (and apply) before destroying to keep them."
  type        = bool
  default     = true
}

# --- Node --------------------------------------------------------------------------------------

variable "node_url" {
  description = "Existing Native Node as host[:port]; then no VPC, cluster or load balancer is made. Empty deploys a node."
  type        = string
  default     = ""

  validation {
    condition     = var.node_url == "" || can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$", var.node_url))
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
  description = "PEM certificate of a private CA that signed the certificate of an existing node, or the one of certificate_arn; the forwarder then trusts only it."
  type        = string
  default     = ""

  validation {
    condition     = var.node_ca_certificate == "" || can(regex("^\\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----\\s*)+$", var.node_ca_certificate))
    error_message = "Write the PEM text itself, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, for instance file(\"ca.pem\"); certificates and nothing else."
  }

  validation {
    condition     = length(var.node_ca_certificate) <= 3500
    error_message = "Use at most 3500 characters: a Lambda environment holds 4 KB. The one certificate of the CA is enough."
  }
}

variable "node_metrics" {
  description = "Where an existing node shows its counters, as host[:port][/path], port 9000 and /metrics if left out; empty leaves them unread. A node deployed here shows them by itself."
  type        = string
  default     = ""

  validation {
    condition     = var.node_metrics == "" || can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9/._~-]{0,128})?$", var.node_metrics))
    error_message = "Write host, host:port or host:port/path, such as node.internal.example.com:9000, without http://."
  }
}

variable "node_access_log" {
  description = "Let the node write a line about every message into its log group. Each is paid as log ingestion; nothing reads them."
  type        = bool
  default     = false
}

variable "node_image" {
  description = "Docker image of the Native Node."
  type        = string
  default     = "wallarm/node-native-aio"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*$", var.node_image))
    error_message = "Write the image without its tag, such as wallarm/node-native-aio; the tag goes into node_tag."
  }
}

variable "node_tag" {
  description = "Docker image tag; pin one for production, 0.23.1 or newer: API Gateway needs 0.21.0, before 0.23.0 the node writes API tokens into its log, before 0.23.1 it loses memory."
  type        = string
  default     = "latest"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.node_tag))
    error_message = "Write an image tag such as 0.25.5."
  }

  validation {
    condition     = !can(regex("^v?0\\.([0-9]|1[0-9]|20)([.-].*)?$", var.node_tag))
    error_message = "API Gateway traffic needs node 0.21.0 or newer; use a tag such as 0.25.5."
  }
}

variable "node_count" {
  description = "Number of node tasks, one on each instance; more than one join a mesh over Cloud Map."
  type        = number
  default     = 1

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 16 && floor(var.node_count) == var.node_count
    error_message = "Use a whole number from 1 to 16."
  }
}

variable "node_instance_type" {
  description = "EC2 instance type of the node: x86-64 with 4 GB of memory or more; t3.large, with 8 GB, for production."
  type        = string
  default     = "t3.medium"

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.node_instance_type))
    error_message = "Write an instance type such as t3.medium."
  }

  validation {
    condition     = !can(regex("\\.(nano|micro|small)$", var.node_instance_type))
    error_message = "The node needs 4 GB of memory; use t3.medium or larger, t3.large for production."
  }
}

variable "node_image_id" {
  description = "AMI of the container instances, or resolve:ssm: and the name of a parameter that holds one."
  type        = string
  default     = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"

  validation {
    condition     = can(regex("^(ami-[0-9a-f]{8,17}|resolve:ssm:[A-Za-z0-9_.:/-]+)$", var.node_image_id))
    error_message = "Write ami-… or resolve:ssm: followed by the name of a parameter that holds an AMI id."
  }
}

variable "r53_domain_name" {
  description = "Public Route 53 zone for HTTPS between forwarder and node; needs node_dns_name."
  type        = string
  default     = ""

  validation {
    condition     = var.r53_domain_name == "" || can(regex("^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\\.)+[a-zA-Z]{2,}$", var.r53_domain_name))
    error_message = "Write the hosted zone's domain, such as example.com, without a trailing dot."
  }
}

variable "node_dns_name" {
  description = "DNS record of the node in r53_domain_name, with or without the domain; needs r53_domain_name."
  type        = string
  default     = ""

  validation {
    condition     = var.node_dns_name == "" || can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$", var.node_dns_name))
    error_message = "Write a record name such as wallarm-node or wallarm-node.example.com, without https:// and without a trailing dot."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of yours for the node's name, in the same account and Region; needs r53_domain_name and node_dns_name. Empty makes one."
  type        = string
  default     = ""

  validation {
    condition     = var.certificate_arn == "" || can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$", var.certificate_arn))
    error_message = "Write the certificate's ARN, such as arn:aws:acm:us-east-1:123456789012:certificate/…, not its id or domain."
  }
}

variable "certificate_validation_record" {
  description = "Make the DNS record by which ACM validates the certificate made here. Set to false where the record is there already, made for another certificate of the same name: it is then used and never removed."
  type        = bool
  default     = true
}

# --- Network -----------------------------------------------------------------------------------

variable "vpc_id" {
  description = "Existing VPC; empty creates one."
  type        = string
  default     = ""

  validation {
    condition     = var.vpc_id == "" || can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "Write a VPC id such as vpc-0123456789abcdef0."
  }
}

variable "vpc_cidr" {
  description = "CIDR of the VPC that is created, /16 to /23."
  type        = string
  default     = "10.190.0.0/16"

  validation {
    # A load balancer takes no subnet smaller than /27, and a subnet is a sixteenth of the VPC.
    condition     = try(cidrsubnet(var.vpc_cidr, 0, 0) == var.vpc_cidr, false) && can(regex("^[0-9.]+/(1[6-9]|2[0-3])$", var.vpc_cidr))
    error_message = "Write an IPv4 CIDR from /16 to /23 that starts at the network's first address, such as 10.190.0.0/16."
  }
}

variable "private_subnet_ids" {
  description = "Private subnets of the existing VPC, for node and forwarder; with node_url they put the forwarder into the VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "Write subnet ids such as subnet-0123456789abcdef0."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of the existing VPC for the load balancer, in two Availability Zones."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.public_subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "Write subnet ids such as subnet-0123456789abcdef0."
  }
}

variable "nat_gateway_per_az" {
  description = "One NAT gateway per Availability Zone instead of one in all."
  type        = bool
  default     = false
}

# --- Forwarder ---------------------------------------------------------------------------------

variable "lambda_package" {
  description = "Zip of a forwarder of your own, such as Wallarm's official bundle; empty uses the one beside this module."
  type        = string
  default     = ""

  validation {
    condition     = var.lambda_package == "" || can(regex("\\.zip$", var.lambda_package))
    error_message = "Write the path of a zip file, such as /home/me/cw-resend-lambda.zip."
  }

  validation {
    condition     = var.lambda_package == "" || can(filebase64sha256(var.lambda_package))
    error_message = "There is no such file; write a path that exists on this machine, best an absolute one."
  }
}

variable "lambda_handler" {
  description = "Handler of the forwarder."
  type        = string
  default     = "lambda_function.lambda_handler"

  validation {
    condition     = can(regex("^[A-Za-z0-9_/-]+(\\.[A-Za-z0-9_]+)+$", var.lambda_handler))
    error_message = "Write module.function, such as lambda_function.lambda_handler."
  }
}

variable "lambda_runtime" {
  description = "Runtime of the forwarder."
  type        = string
  default     = "python3.13"

  validation {
    condition     = can(regex("^python3\\.1[0-9]$", var.lambda_runtime))
    error_message = "Use a Python runtime of Lambda, 3.10 or newer, such as python3.13."
  }
}

variable "lambda_timeout" {
  description = "Seconds the forwarder may run."
  type        = number
  default     = 60

  validation {
    condition     = var.lambda_timeout >= 10 && var.lambda_timeout <= 900 && floor(var.lambda_timeout) == var.lambda_timeout
    error_message = "Use 10 to 900 whole seconds."
  }
}

variable "lambda_memory_size" {
  description = "Memory of the forwarder in MB; CPU grows with it."
  type        = number
  default     = 512

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240 && floor(var.lambda_memory_size) == var.lambda_memory_size
    error_message = "Use 128 to 10240 whole MB."
  }
}

variable "forwarder_architecture" {
  description = "Processor of the forwarder: x86_64, or arm64, which AWS sells for less. A package of your own has to run on it."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.forwarder_architecture)
    error_message = "Use x86_64 or arm64."
  }
}

variable "forwarder_environment" {
  description = "Further settings of the forwarder, such as X_NODE_STYLE, X_NODE_REQUEST_ID, X_NODE_HEADER_PREFIX, X_NODE_CONNECTOR_TYPE and X_NODE_CONNECTOR_VERSION: what of the node's protocol is unverified."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name, value in var.forwarder_environment :
      can(regex("^X_[A-Z0-9]+(_[A-Z0-9]+)*$", name)) && can(regex(lookup({
        X_NODE_STYLE         = "^(two-messages|one-message|multipart)$"
        X_NODE_REQUEST_ID    = "^(event|log)$"
        X_NODE_HEADER_PREFIX = "^[A-Za-z0-9-]{1,64}$"
      }, name, "^[ -~]{1,256}$"), value))
    ])
    error_message = "Write names such as X_NODE_STYLE (two-messages, one-message or multipart), X_NODE_REQUEST_ID (event or log) or X_NODE_HEADER_PREFIX (letters, digits, dashes), and values of 1 to 256 plain characters."
  }

  validation {
    condition = length(setintersection(keys(var.forwarder_environment), [
      "X_WALLARM_APPLICATION_ID", "X_NODE_URL", "X_NODE_SCHEME", "X_NODE_CA_CERTIFICATE", "X_NODE_METRICS", "X_INSTALLATION_ID",
    ])) == 0
    error_message = "Use the variables x_wallarm_application_id, node_url, node_scheme, node_ca_certificate, node_metrics and installation_id for what they set."
  }
}

variable "lambda_reserved_concurrency" {
  description = "Reserved concurrency of the forwarder; -1 reserves none. What exceeds it waits up to 6 hours, so it also protects the node."
  type        = number
  default     = -1

  validation {
    condition     = (var.lambda_reserved_concurrency == -1 || var.lambda_reserved_concurrency >= 1) && floor(var.lambda_reserved_concurrency) == var.lambda_reserved_concurrency
    error_message = "Use -1 for no reservation or 1 and more; 0 would stop the forwarder."
  }
}

# --- Operations --------------------------------------------------------------------------------

variable "alarms" {
  description = "Create CloudWatch alarms."
  type        = bool
  default     = false
}

variable "alarm_topic_arn" {
  description = "SNS topic that the alarms notify; empty makes alarms that only show their state."
  type        = string
  default     = ""

  validation {
    condition     = var.alarm_topic_arn == "" || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alarm_topic_arn))
    error_message = "Write the ARN of a standard SNS topic, such as arn:aws:sns:us-east-1:123456789012:on-call."
  }
}

variable "alarm_silence_hours" {
  description = "Hours without a single access-log event after which an alarm is raised."
  type        = number
  default     = 24

  validation {
    condition     = var.alarm_silence_hours >= 1 && var.alarm_silence_hours <= 24 && floor(var.alarm_silence_hours) == var.alarm_silence_hours
    error_message = "Use 1 to 24 whole hours."
  }
}

variable "dashboard" {
  description = "Create a CloudWatch dashboard."
  type        = bool
  default     = false
}
