"""Gathers the evidence for the checklist: one function per check id, read-only towards AWS.

Importing the package registers every one of them in `exam.CHECK_FUNCTIONS`.
"""

from wizard.services.checks import api_gateway as api_gateway
from wizard.services.checks import forwarder as forwarder
from wizard.services.checks import local as local
from wizard.services.checks import log_groups as log_groups
from wizard.services.checks import network as network
from wizard.services.checks import node as node
from wizard.services.checks import wallarm as wallarm
