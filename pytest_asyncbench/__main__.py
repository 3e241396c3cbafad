"""The command line: ``python -m pytest_asyncbench combine PART.json …``."""

import sys

from pytest_asyncbench._outside.combine import main

if __name__ == "__main__":
    sys.exit(main())
