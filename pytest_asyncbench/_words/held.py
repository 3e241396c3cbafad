"""Functions of the system as they were before our wrappers stood in their place.

Who asks the system by them may be loaded when these stand there already, within a test,
and its looks at a file would be that test's. This module is loaded before them.
"""

from __future__ import annotations

import builtins
import os
from time import sleep

__all__ = [
    "access",
    "close",
    "fstat",
    "listdir",
    "open_descriptor",
    "open_file",
    "read",
    "readlink",
    "sleep",
    "stat",
]

access, fstat, listdir = os.access, os.fstat, os.listdir
readlink, stat, open_file = os.readlink, os.stat, builtins.open
open_descriptor, read, close = os.open, os.read, os.close
