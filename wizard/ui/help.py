"""Help texts of the screens: what is asked, why, and what happens with the answer."""

from __future__ import annotations

KEYS = """\
esc          Back                 ctrl+n   Next
tab          next field           ctrl+q   Quit
up, down     move in a list       space    select
ctrl+p       command palette      ctrl+t   light or dark
1 to 8       straight to a step
?  or  F1    this help"""

HELP: dict[str, str] = {
    "welcome": "The checks look at this machine and your AWS account and change nothing. r runs "
    "all of them again, Retry (or r while Retry has the focus) one of them and what hangs on it. A "
    "check that fails here does not stop you from answering the questions; it says what to do "
    "before Deploy.\n\n"
    "Next asks what has no good default: the stages and the token. Review lists what was assumed; "
    "the number before a line opens its screen. a goes through every question instead.",
    "home": "Each connected stage: when its last log line came, which share of the last hour's "
    "lines the forwarder could not read, and whether somebody changed its logging. Enter opens "
    "one. Nothing is changed before you have seen what would be.\n\n"
    "a  add stages      x  remove stages      t  rotate the token      s  change settings\n"
    "d  troubleshoot    u  uninstall          n  deploy another one    i  all of the status",
    "remove": "A connected stage gets back exactly the access-log settings it had before; what it "
    "has now and what it gets back is shown first, Enter opens both formats. Where somebody "
    "changed them since, you are asked. The rest of the deployment stays.\n\n"
    "space  select      a  all or none",
    "doctor": "Every link between your API and the Wallarm Cloud is looked at, and nothing is "
    "changed. A check is skipped when what it hangs on has failed: fix the first failure, then "
    "look again. f previews a safe repair, asks, and records it.\n\n"
    "r  run all      t  run this one, and what it hangs on      f  fix      enter  all of it\n"
    "l  the logs in turn (node, Lambda, API Gateway, ECS), then the evidence again\n"
    "   in a log: /  find      p  pause      w  whole screen      enter  unfold a line\n"
    "o  open in the console      y  copy the report      e  export it (.txt .json .xml .zip)",
    "uninstall": "Stages come first: their logging is put back. Then everything that was made is "
    "destroyed, last the stored token. It can be stopped and goes on from there. What has to stay "
    "is listed with the reason.",
    "aws": "Profiles come from your AWS configuration (~/.aws/config and credentials). For a "
    "profile that uses IAM Identity Center (SSO), l starts the login in your browser. If a "
    "profile asks for an MFA code, a dialog appears. Everything is deployed into the Region you "
    "pick here, and only APIs of that Region are offered. Beside each Region "
    "stands how many APIs and connected stages it has, or why that is not known; r counts again.",
    "stages": "A stage is one deployed version of an API. Selecting one means that its access "
    "log is switched on; the lower part shows what would change. Rules (u) choose stages by what "
    "they are, also those that `stages reconcile` finds later.\n\n"
    "WebSocket APIs have no method and path in their access log: they can be connected, but "
    "they add nothing to the API inventory. Stages that AWS manages itself cannot be changed.\n\n"
    "space  select      a  select all shown      /  find      u  rules\n"
    "d      details     s  sort                  r  read again",
    "logs": "The forwarder subscribes to a CloudWatch log group. A new group keeps your other "
    "logs out of it. For a stage that already has an access log you decide whether it keeps its "
    "group (fields that are missing are added to a JSON format, yours stay), is switched to the "
    "connector's group, or is skipped. Retention counts for groups that are created here.",
    "wallarm": "The token registers the node in the Wallarm Cloud. Create it in Wallarm Console, "
    "Settings, API tokens, with usage type Node deployment. It is kept in an encrypted SSM "
    "parameter of your account, never in a file, plan, log or command line.\n\nA deployment token "
    "often may not ask the Cloud anything. 'Not checked' then means just that, not 'wrong'.",
    "node": "The Wallarm Node receives the requests' metadata from the forwarder and reports to "
    "the Wallarm Cloud. It runs on ECS in private subnets behind an internal load balancer. HTTPS "
    "between forwarder and node needs a Route 53 zone; the certificate is made, or one of yours "
    "that is for the node's name. If you run a node already, give its "
    "address: then nothing of ECS is deployed.",
    "options": "The prefix starts the name of every resource, so that two deployments can live in "
    "one Region. Tags are put on every resource. The proof sends one harmless request to a path "
    "that no API defines; your backend does not see it.",
    "review": "This is Terraform's plan in the reader's words, and every change to a stage. What "
    "is shown here is what is applied: the plan is saved. Nothing was changed until here.",
    "deploy": "Terraform works through the saved plan. Times beside a resource say how long it "
    "usually takes. c stops gracefully: what is running is finished, state is saved, and Retry "
    "goes on from there.",
    "logging": "Each stage is changed on its own, read back, and recorded with what was there "
    "before. u puts a stage's logging back.",
    "proof": "One marked request is followed from your API to the node. API Discovery lists an "
    "endpoint after at least two requests with one more than five minutes after the first.",
}
