"""`python -m boxwright.cli` is the `boxwright` command."""

import sys

from boxwright.cli import main

sys.exit(main())
