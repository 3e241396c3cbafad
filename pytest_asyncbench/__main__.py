"""The command line: ``python -m pytest_asyncbench COMMAND``."""

import sys

from pytest_asyncbench._outside.commands import main

if __name__ == "__main__":
    sys.exit(main())
