"""`python -m wizard.cli` is the same command as `wallarm-apigw`."""

import sys

from wizard.cli import main

sys.exit(main())
