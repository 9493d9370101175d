"""A local AWS, a stand-in node, sample APIs and traffic: the whole product without an account."""

from __future__ import annotations

from wizard.sandbox.foreground import run_foreground
from wizard.sandbox.node_client import NodeClient
from wizard.sandbox.sandbox import Sandbox
from wizard.sandbox.traffic import SampleRequest, Sent

__all__ = ["NodeClient", "SampleRequest", "Sandbox", "Sent", "run_foreground"]
