"""`python -m wizard.cli` is the same command as `wallarm-apigw`."""

from wizard.cli import command

command()
