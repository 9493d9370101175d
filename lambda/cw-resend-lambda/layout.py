"""How a line of the connector's format is laid out, and who writes what of it.

    {"wallarm_log":"http/<api id>", <written by AWS>, <written by the client>, "wallarm_end":"1" …}

API Gateway puts values into a line as they are. So what AWS writes itself stands before the first
character that a client can choose, and nothing a client sends can come before it. What a stage logs
besides stands behind the end, and is not read. The wizard writes this layout
(wizard/core/stages/log_format.py); a test holds both to the same lists.
"""

MARKER, END = "wallarm_log", "wallarm_end"
HTTP, WEBSOCKET = "http", "websocket"  # the marker's first word; the API's id follows
END_VALUE = "1"
ALIAS = "wallarm_"  # before our key where the stage's own format has that key

# In the order of the line. `httpMethod` comes last of AWS's: a client chooses it, out of few.
AWS_WRITTEN = (
    "stage", "status", "responseLength", "requestTime", "requestTimeEpoch", "responseLatency",
    "integrationLatency", "integrationStatus", "sourceIp", "protocol", "httpMethod",
)  # fmt: skip
CLIENT_WRITTEN = ("requestId", "domainName", "path", "errorMessage", "userAgent")
KEYS = AWS_WRITTEN + CLIENT_WRITTEN
# A stage's own format may hold these in its own place; the others are always in ours.
OPTIONAL = (
    "requestTime", "requestTimeEpoch", "integrationLatency", "integrationStatus", "protocol",
    "requestId", "errorMessage",
)  # fmt: skip

# The order before there was a marker: lines of stages that were not moved yet.
OLDER = (
    "requestId", "httpMethod", "path", "protocol", "status", "responseLength", "requestTime",
    "requestTimeEpoch", "responseLatency", "integrationLatency", "integrationStatus",
    "errorMessage", "stage", "domainName", "sourceIp", "userAgent",
)  # fmt: skip
OLDER_WEBSOCKET = (
    "requestId", "status", "requestTime", "requestTimeEpoch", "integrationLatency",
    "errorMessage", "stage", "domainName", "sourceIp", "userAgent",
)  # fmt: skip
