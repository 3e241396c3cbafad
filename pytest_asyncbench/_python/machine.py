"""What class of machine this is: figures of one say nothing of another."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version

from pytest_asyncbench._words.units import many

__all__ = ["machine_class", "software"]


def machine_class() -> str:
    """Name system, processor, number of processors, and Python."""
    python = "{}.{}".format(*sys.version_info)
    processors = many(_processors(), "processor")
    return f"{platform.system()}, {_processor()}, {processors}, Python {python}"


def software() -> dict[str, str]:
    """Name the releases of this package and of Python, and the system."""
    return {
        "asyncbench": version("pytest-asyncbench"),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def _processor() -> str:
    # `platform.processor()` starts a process, and is empty on most Linux.
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return " ".join(value.split())
    except OSError:
        pass
    return os.environ.get("PROCESSOR_IDENTIFIER") or platform.machine() or "?"


def _processors() -> int:
    """Count those that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
