"""How durations and paths are written for people, everywhere alike."""

from __future__ import annotations

import os
import site
import sysconfig
from pathlib import Path

__all__ = ["INSTALLED", "seconds", "shown"]


def _packages() -> list[str]:
    """Give the folders of Debian's own packages, and of ``pip install --user``."""
    # Old virtualenvs have a `site` without these; some systems have no such folder.
    folders: list[str | None] = [
        *getattr(site, "getsitepackages", list)(),
        getattr(site, "getusersitepackages", lambda: None)(),
    ]
    # On Windows the whole installation is among them, and a project may lie there.
    names = {"site-packages", "dist-packages"}
    return [folder for folder in folders if folder and Path(folder).name in names]


_PATHS = sysconfig.get_paths()
_FOLDERS = (
    *(_PATHS[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *_packages(),
)

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


def seconds(value: float) -> str:
    """Write a duration so that its size is seen at once."""
    if value >= 0.1:
        return f"{value:.3f} s" if value < 100 else f"{value:.1f} s"
    if value >= 0.001:
        return f"{value * 1e3:.1f} ms"
    return f"{value * 1e6:.0f} µs"


def shown(file: str) -> str:
    """Write a path as people do: from the current folder, or from its installation.

    What lies elsewhere keeps its whole path.
    """
    for folder in INSTALLED:
        if file.startswith(folder):
            return file[len(folder) :]
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return file
    return file if relative.startswith("..") else relative
