"""Our modules are imported as they are written, without pytest's assertion rewriting.

Problem: pytest marks each package of a distribution that has a plugin, and parses,
rewrites and compiles all its modules. It takes no bytecode files but its own, so that
where none can be written each run does so anew, for asserts that we do not have.
What does not work: ``PYTEST_DONT_REWRITE`` in a docstring spares the rewriting alone;
the module has been parsed by then, and is compiled, and no other bytecode is read.
What we do: a finder stands before pytest's while a run lasts, and finds our modules
as Python does. What still fails: the few that the package itself imports come first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

__all__ = ["restore"]

_OURS = f"{__package__}."


class _AsWritten:
    """Find our modules, and those of nobody else."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OURS):
            return None
        return PathFinder.find_spec(fullname, path, target)


_FINDER = _AsWritten()


def restore() -> None:
    """Leave our modules to pytest again."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)


# On import, since what the plugin imports next is to be found so.
sys.meta_path.insert(0, _FINDER)
