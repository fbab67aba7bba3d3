"""`python3 -m pyinit.check` is `pyinit-check`."""

import sys

from pyinit.check import entry

sys.exit(entry.main())
