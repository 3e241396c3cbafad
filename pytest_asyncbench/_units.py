"""How durations and paths are written for people, everywhere alike."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

__all__ = ["INSTALLED", "seconds", "shown"]

# Longest first, since packages are installed below the standard library.
INSTALLED = tuple(
    sorted(
        {
            str(Path(form(sysconfig.get_paths()[name]))) + os.sep
            for name in ("stdlib", "platstdlib", "purelib", "platlib")
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
    relative = os.path.relpath(file) if Path(file).is_absolute() else file
    return file if relative.startswith("..") else relative
