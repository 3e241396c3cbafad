"""One replacing of all targets by their wrappers, and putting everything back.

Who listens, and what a call through a wrapper counts for, is not known here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._interception.aliases import Swap, swap_aliases
from pytest_asyncbench._interception.callers import top
from pytest_asyncbench._interception.locks import (
    LockKind,
    lock_stand_in,
    watch_lock,
)
from pytest_asyncbench._interception.predicates import PREDICATES
from pytest_asyncbench._interception.seams import Seam, check, find
from pytest_asyncbench._interception.sqlite import (
    connecting_with,
    sqlite_stand_ins,
)
from pytest_asyncbench._interception.waiters import (
    WAITERS,
    waiter_stand_in,
)
from pytest_asyncbench._interception.words import (
    AbsentError,
    Call,
    CannotWrapError,
    Row,
    Watch,
)
from pytest_asyncbench._interception.wrappers import Builtin, watched
from pytest_asyncbench._rules.table import ABSENT_SOMEWHERE
from pytest_asyncbench._words.globs import one_pattern
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.undo import Undo

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Rule

__all__ = ["Installation"]


class Installation:
    """The wrappers of one `install`.

    Args:
        rules: whose targets are replaced.
        watch: what a wrapper hands a call to, while its row is on.
        report: takes a problem for each target that cannot be wrapped.
    """

    def __init__(
        self, rules: Sequence[Rule], watch: Watch, report: Callable[[Problem], None]
    ) -> None:
        self._rules = rules
        self._watch = watch
        self._report = report
        self._undo = ExitStack()
        self._rows: list[Row] = []
        self._locks: list[tuple[Row, type]] = []
        self._builtins: list[tuple[Row, Builtin]] = []
        self._late: list[Rule] = []
        self._swaps: dict[int, Swap] = {}
        self._stand_ins: dict[str, type] = {}
        self._calls: dict[str, Call] = {}

    # --------------------------------------------------------- on and off

    def replace_all(self) -> Undo:
        """Replace every target, silently as yet; the returned call restores all."""
        with ExitStack() as undo:
            self._undo = undo
            undo.callback(self._take_back_aliases)
            self._make_stand_ins()
            self._wrap(self._rules)
            swap_aliases(self._swaps.values())
            self._undo = undo.pop_all()
        return self._undo.close

    def switch_on(self, families: frozenset[str]) -> Undo:
        """Watch the calls under these families' rules, until undone."""
        self._wrap_late()
        with ExitStack() as undo:
            undo.callback(self._switch_off)
            for row in self._rows:
                row.on = row.rule.family in families
            self._switch_builtins()
            for row, kind in self._locks:
                if row.on:
                    undo.callback(watch_lock(row, kind, self._watch))
            return undo.pop_all().close

    def _switch_off(self) -> None:
        for row in self._rows:
            row.on = False
        self._switch_builtins()

    def _switch_builtins(self) -> None:
        for row, wrapper in self._builtins:
            wrapper.switch(row.on)

    # ---------------------------------------------------------- stand-ins

    def _make_stand_ins(self) -> None:
        wanted = {rule.target.rpartition(".")[0] for rule in self._rules}
        for name in ("Lock", "RLock"):
            if f"threading.{name}" in wanted:
                self._stand_in_for_lock(name)
        for target in WAITERS:
            if target in wanted:
                self._stand_in_for_waiter(target)
        if wanted & {"sqlite3.Connection", "sqlite3.Cursor"}:
            self._stand_in_for_sqlite()

    def _stand_in_for_lock(self, name: str) -> None:
        try:
            kind = lock_stand_in(name)
        except CannotWrapError as error:
            self._report_of(f"threading.{name}.acquire", error)
            return
        self._stand_ins[f"threading.{name}"] = kind
        self._replace(Seam(threading, name, getattr(threading, name)), kind, False)

    def _stand_in_for_waiter(self, target: str) -> None:
        try:
            kind = waiter_stand_in(target)
        except CannotWrapError as error:
            self._report_of(target, error)
            return
        if kind is not None:
            self._stand_ins[target] = kind
            module, _, name = target.partition(".")
            owner = sys.modules[module]
            self._replace(Seam(owner, name, getattr(owner, name)), kind, False)

    def _stand_in_for_sqlite(self) -> None:
        try:
            self._stand_ins |= sqlite_stand_ins()
        except ImportError:  # a Python built without it
            return
        sqlite3 = sys.modules["sqlite3"]
        seam = Seam(sqlite3, "connect", sqlite3.connect)
        kind = self._stand_ins["sqlite3.Connection"]
        connect = connecting_with(kind, sqlite3.connect)
        if any(rule.target == "sqlite3.connect" for rule in self._rules):
            self._calls["sqlite3.connect"] = connect
        else:
            self._replace(seam, seam.dressed(connect))

    # ----------------------------------------------------------- replacing

    def _wrap(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            self._wrap_or_say_why(rule)

    def _wrap_or_say_why(self, rule: Rule) -> None:
        try:
            self._wrap_one(rule)
        except AbsentError as error:
            if rule.target not in ABSENT_SOMEWHERE:
                self._report_of(rule.target, error)
        except CannotWrapError as error:
            self._report_of(rule.target, error)
        except TypeError:  # what setattr() says of types written in C
            self._report_of(rule.target, CannotWrapError("its type is written in C"))

    def _wrap_one(self, rule: Rule) -> None:
        seam = find(rule.target, self._stand_ins)
        if seam is None:
            self._late.append(rule)
            return
        row = Row(
            rule,
            PREDICATES[rule.harmless] if rule.harmless else None,
            one_pattern(rule.allowed),
        )
        if isinstance(seam.owner, LockKind):
            self._locks.append((row, seam.owner))  # what stands there is a slot
        else:
            check(seam)
            if id(seam.raw) not in self._swaps:  # else it has a rule by another name
                call = self._calls.get(rule.target, seam.function)
                wrapper = seam.dressed(watched(row, call, self._watch), call)
                self._replace(seam, wrapper)
                if isinstance(wrapper, Builtin):
                    wrapper.switch(False)
                    self._builtins.append((row, wrapper))
        self._rows.append(row)

    def _replace(self, seam: Seam, value: Any, everywhere: bool = True) -> None:
        self._undo.callback(seam.put(value))
        if isinstance(seam.owner, ModuleType):
            self._swaps[id(seam.raw)] = Swap(seam.raw, value, everywhere)

    def _wrap_late(self) -> None:
        late, self._late = self._late, []
        imported = [rule for rule in late if top(rule.target) in sys.modules]
        self._late = [rule for rule in late if rule not in imported]
        known = len(self._swaps)
        self._wrap(imported)
        if len(self._swaps) > known:  # a row may wait for a module of its package
            swap_aliases(self._swaps.values())

    def _take_back_aliases(self) -> None:
        # Modules that were imported meanwhile took our wrappers along, so what to
        # restore is looked for and not remembered.
        swap_aliases(
            Swap(swap.new, swap.old, everywhere=True) for swap in self._swaps.values()
        )

    def _report_of(self, target: str, error: CannotWrapError) -> None:
        text = f"rule {target!r}: {error}"
        self._report(Problem(kind=error.kind, target=target, text=text))
