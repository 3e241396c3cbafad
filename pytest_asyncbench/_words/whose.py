"""Whose code is: the user's, an installed package's, what runs the test, or ours."""

from __future__ import annotations

import functools
import os
import site
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_asyncbench._words.seen import Frame

from pytest_asyncbench._words import held

__all__ = [
    "INSTALLED",
    "is_ours",
    "is_plumbing",
    "is_there",
    "is_users",
    "users_frame",
]


def _packages() -> list[str]:
    """Give the folders of packages beside the environment's own.

    They are Debian's, those of ``pip install --user``, and of an environment that this
    one lies on top of: ``uv run --with`` makes such a one, and names the other's folder
    in the path.
    """
    # Old virtualenvs have a `site` without these; some systems have no such folder.
    folders: list[str | None] = [
        *getattr(site, "getsitepackages", list)(),
        getattr(site, "getusersitepackages", lambda: None)(),
        *sys.path,
    ]
    # On Windows the whole installation is among them, and a project may lie there.
    names = {"site-packages", "dist-packages"}
    return [folder for folder in folders if folder and Path(folder).name in names]


# `sysconfig` tells of them, too, but first reads all that Python was built with.
_FOLDERS = (str(Path(os.__file__).parent), *_packages())

# Longest first, since packages are installed below the standard library.
INSTALLED = tuple(
    sorted(
        {
            str(Path(form(folder))) + os.sep
            for folder in _FOLDERS
            for form in (str, os.path.realpath)
        },
        key=len,
        reverse=True,
    )
)
"""The folders of the standard library and of installed packages."""

_OURS = str(Path(__file__).parent.parent) + os.sep
# What is made at run time has a file such as "<string>".
_NOT_USERS = ("<", _OURS, *INSTALLED)

_RUN_THE_TEST = frozenset({"asyncio", "pytest_asyncio"})


def is_ours(file: str) -> bool:
    """Tell whether a file is of this plugin."""
    return file.startswith(_OURS)


def is_users(file: str) -> bool:
    """Tell whether a file is neither the standard library's, installed nor ours."""
    return not file.startswith(_NOT_USERS)


@functools.lru_cache(maxsize=1024)
def is_there(file: str) -> bool:
    """Tell whether a file exists; what is generated may have the name of any."""
    try:
        held.stat(file)
    except (OSError, ValueError):
        return False
    return True


def users_frame(stack: Sequence[Frame]) -> Frame | None:
    """Give the innermost frame of the user's own; of a library, where there is none."""
    told = [frame for frame in stack if not is_ours(frame.file)]
    own = (frame for frame in told if is_users(frame.file))
    return next(own, told[0] if told else None)


def is_plumbing(frame: Frame) -> bool:
    """Tell whether a frame is of what runs a test's code: ours, or the loop's.

    Such a frame says nothing of what the test did, so reports leave it out.
    """
    return is_ours(frame.file) or frame.module.partition(".")[0] in _RUN_THE_TEST
