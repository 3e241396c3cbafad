"""Tell when a module has been imported that was not needed so far.

To load a module in order to wrap what is in it costs a run that has no use for it as
much as all that the run does need: `multiprocessing` and `sqlite3` take a tenth of a
start. To look for them before each test is too late for what a module, or the test
itself, makes of them as soon as they are there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pytest_asyncbench._words.undo import Undo

__all__ = ["when_imported"]


def when_imported(names: Iterable[str], then: Callable[[str], None]) -> Undo:
    """Call `then` with the name of each of these modules as soon as it is loaded.

    Once for each, in the thread that imports it, before its import comes back. None of
    them is there yet.
    """
    finder = _Finder(names, then)
    # Others look at the path only, or rewrite what they load.
    sys.meta_path.insert(0, finder)

    def undo() -> None:
        if finder in sys.meta_path:  # a test may have put another path there
            sys.meta_path.remove(finder)

    return undo


class _Finder(MetaPathFinder):
    """Has others find a module, and its loader tell when that is done."""

    def __init__(self, names: Iterable[str], then: Callable[[str], None]) -> None:
        self._names = {*names}
        self._then = then

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        for other in sys.meta_path:
            spec: ModuleSpec | None = None
            if other is not self and hasattr(other, "find_spec"):
                spec = other.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Telling(spec, spec.loader, self._loaded)
                return spec
        return None

    def _loaded(self, name: str) -> None:
        if name in self._names:
            self._names.discard(name)
            self._then(name)


class _Telling(Loader):
    """Loads a module as another one does, which is then the module's own."""

    def __init__(
        self, spec: ModuleSpec, loader: Loader, loaded: Callable[[str], None]
    ) -> None:
        self._spec, self._loader, self._loaded = spec, loader, loaded

    def __getattr__(self, name: str) -> Any:
        # Who only looks for a module asks for its source, its file, its data.
        if name == "_loader":  # a copy has none yet
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._spec.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._loaded(self._spec.name)
