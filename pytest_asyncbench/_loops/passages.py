"""Where each step of asyncio's loops passes, for who wants to stand there in turn.

Problem: from test to test somebody else stands there, and from 3.13 on CPython caches
what is looked up in a class no longer once that has been written to a thousand times
(``MAX_VERSIONS_PER_CLASS`` in its ``typeobject.c``; see ``findings/``). After some five
hundred tests each step took a tenth to a fifth more. What we do: one function stands on
``Handle`` for as long as the run watches, and leads on to what stands on an object of
ours, which may be written to as often as one likes.

Before 3.13, where nothing is lost so, a call more would be lost.
"""

from __future__ import annotations

import sys
from asyncio.events import Handle

from pytest_asyncbench._loops import names
from pytest_asyncbench._words.undo import Undo, nothing

__all__ = ["LEADS_TO", "keep_passage", "passage"]

LEADS_TO = "asyncbench_leads_to"
"""The attribute of what we put on a class of asyncio's that names what it leads to."""


class _Passage:
    """Has, under the name that ``Handle`` has it, what takes a step."""

    def __init__(self, runner: names.Runner) -> None:
        self._run = runner

    def lead(self) -> names.Runner:
        """Give what stands on ``Handle`` in its place."""

        def _run(handle: names.Handle) -> None:
            self._run(handle)
            del handle  # as the others do: a kept exception's frames keep this one

        setattr(_run, LEADS_TO, self)
        return _run


def keep_passage() -> Undo:
    """Stand on ``Handle`` until undone, and lead on to asyncio's own or who asks."""
    if sys.version_info < (3, 13):
        return nothing
    return names.RUN.replace(Handle, _Passage(names.RUN.of(Handle)).lead())


def passage() -> object:
    """Give the object on which ``_run`` is to be replaced by who wants each step."""
    return getattr(names.RUN.of(Handle), LEADS_TO, Handle)
