"""`python -m tsmodels` is the command `tsmodels`."""

import sys

from tsmodels.cli import main

if __name__ == "__main__":
    sys.exit(main())
