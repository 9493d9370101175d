"""wallarm-apigw connects Amazon API Gateway traffic to Wallarm API Discovery."""

__version__ = "0.1.0"
