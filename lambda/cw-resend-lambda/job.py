"""One event on its way, and what became of it."""

DELIVERED, REFUSED, FAILED = "delivered", "refused", "failed"


class Job:
    """One event to deliver. `outcome` is None until it is settled; `status` is the node's last."""

    __slots__ = ("attempts", "began", "first", "head_only", "key", "outcome", "reason", "second",
                 "seconds", "stage", "stale", "status", "tag")  # fmt: skip

    def __init__(self, key, first, second=None, tag=None):
        self.key = key
        self.first = first
        self.second = second
        self.tag = tag
        self.head_only = first[:5] == b"HEAD "
        self.stage = 0
        self.attempts = 0
        self.stale = 0
        self.began = 0.0
        self.seconds = 0.0
        self.status = None
        self.outcome = None
        self.reason = ""

    def halve(self):
        """The request has been accepted: only the response is left to send."""
        self.first, self.second = self.second, None
