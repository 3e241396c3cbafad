"""The face of a room, through which others come to the names of its files.

A file is loaded when somebody first asks for a name of it. Who enters a room for one
small thing would else load all that is in there: a run whose tests have no loop needs
a fifth of the engines, and to load a file takes half a millisecond.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping

__all__ = ["face"]


def face(room: str, files: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a room.

    Args:
        room: the name of its package.
        files: the names that each file of it gives to others, in one text, by the
            file's own name.
            No file is called like a name: the import system puts files there, too.
    """
    homes = {name: file for file, names in files.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)  # it is asked for once
        return value

    return find
