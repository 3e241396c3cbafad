"""One replacing of all targets by their wrappers, and putting everything back.

Who listens, and what a call through a wrapper counts for, is not known here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING

from pytest_asyncbench._interception.aliases import Swap, swap_aliases
from pytest_asyncbench._interception.compiled import CompiledRule, Intercept, compiled
from pytest_asyncbench._interception.errors import AbsentError, CannotWrapError
from pytest_asyncbench._interception.locks import (
    LOCKS,
    LockKind,
    intercept_lock,
    lock_stand_in,
)
from pytest_asyncbench._interception.open_files import OPENERS, TYPES, OpenFiles
from pytest_asyncbench._interception.seams import (
    Seam,
    check,
    find,
    may_be_imported,
    module_to_come,
)
from pytest_asyncbench._interception.sqlite import connecting_with, sqlite_stand_ins
from pytest_asyncbench._interception.waiters import WAITERS, waiter_stand_in
from pytest_asyncbench._interception.wrappers import Builtin, intercepted
from pytest_asyncbench._rules.table import ABSENT_SOMEWHERE, RULES
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.undo import Undo

if TYPE_CHECKING:
    from pytest_asyncbench._interception.kind import Kind
    from pytest_asyncbench._interception.signatures import Function
    from pytest_asyncbench._words.promised import Rule

__all__ = ["Installation"]

_Chosen = tuple[list[CompiledRule], list[Builtin], list[tuple[CompiledRule, LockKind]]]
"""What is switched for some families: rules, and the wrappers of two kinds."""


class Installation:
    """The wrappers of one `install`.

    Args:
        rules: whose targets are replaced.
        intercept: what a wrapper hands a call to, while its rule is active.
        report: takes a problem for each target that cannot be wrapped.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        intercept: Intercept,
        report: Callable[[Problem], None],
    ) -> None:
        self._rules = rules
        self._intercept = intercept
        self._report = report
        self._undo = ExitStack()
        self._wrapped: list[CompiledRule] = []
        self._locks: list[tuple[CompiledRule, LockKind]] = []
        self._builtins: list[tuple[CompiledRule, Builtin]] = []
        self._files = OpenFiles()
        self._late: list[Rule] = []
        """Rules of modules that nobody has imported yet."""
        self._late_packages: set[str] = set()
        """The outermost packages of these."""
        self._to_come: dict[str, list[Rule]] = {}
        """Rows of ours for what is in modules of the standard library that nobody has
        imported yet."""
        self._chosen: dict[frozenset[str], _Chosen] = {}
        self._swaps: dict[int, Swap] = {}
        """What a module has under another name, too, by the identity of what stood."""
        self._stand_ins: dict[str, type] = {}
        """Types of ours by the names of those that they stand in for."""
        self._instead: dict[str, Function] = {}
        """What a wrapper goes on to, where that isn't what stood there."""

    # --------------------------------------------------------- on and off

    def replace_all(self) -> Undo:
        """Replace every target, silently as yet; the returned call restores all."""
        with ExitStack() as undo:
            undo.callback(self._undo.close)
            self._undo.callback(self._take_back_aliases)
            self._wrap_all(self._without_those_to_come())
            return undo.pop_all().close

    @property
    def to_come(self) -> Collection[str]:
        """The modules to give to `wrap_imported` when they have been imported."""
        return self._to_come.keys()

    def wrap_imported(self, module: str) -> None:
        """Wrap the targets in a module that has just been imported.

        They are silent as yet, and all others may be.
        """
        self._wrap_all(self._to_come.pop(module, ()))

    def _without_those_to_come(self) -> Iterator[Rule]:
        """Give the rules to wrap at once: what others have added must be found now."""
        ours = {*map(id, RULES)}
        theirs = [rule for rule in self._rules if id(rule) not in ours]
        needed = {module_to_come(rule.target) for rule in theirs}
        for rule in self._rules:
            module = module_to_come(rule.target)
            if module is None or module in needed:
                yield rule
            else:
                self._to_come.setdefault(module, []).append(rule)

    def _wrap_all(self, rules: Iterable[Rule]) -> None:
        wanted, known = [*rules], len(self._swaps)
        self._stand_in_for_sqlite(wanted)
        self._wrap(wanted)
        if len(self._swaps) > known:
            swap_aliases(self._swaps.values())

    def activate(self, families: frozenset[str]) -> Undo:
        """Intercept the calls under these families' rules, until undone."""
        rules, builtins, locks = self._chosen_by(families)
        with ExitStack() as undo:
            undo.callback(self._set_active, rules, builtins, active=False)
            self._set_active(rules, builtins, active=True)
            for rule, kind in locks:
                undo.callback(intercept_lock(rule, kind, self._intercept))
            undo.callback(self._files.activate())
            return undo.pop_all().close

    def _chosen_by(self, families: frozenset[str]) -> _Chosen:
        """Give what is to be switched for these families, found once for all tests."""
        if families not in self._chosen:
            self._chosen[families] = (
                [each for each in self._wrapped if each.rule.family in families],
                [it for each, it in self._builtins if each.rule.family in families],
                [one for one in self._locks if one[0].rule.family in families],
            )
        return self._chosen[families]

    def _set_active(
        self, rules: list[CompiledRule], builtins: list[Builtin], *, active: bool
    ) -> None:
        for each in rules:
            each.active = active
        for wrapper in builtins:
            wrapper.switch(active=active)

    # ---------------------------------------------------------- stand-ins

    def _stand_in_for(self, target: str) -> None:
        """Put a type of ours where this one stands, if there is one for it."""
        kind: Kind | None
        if target in LOCKS:
            kind = lock_stand_in(target)
        elif target in WAITERS:
            kind = waiter_stand_in(target)
        else:
            return
        if kind is not None:
            self._stand_ins[target] = kind
            module, _, name = target.partition(".")
            owner = sys.modules[module]
            seam = Seam(owner, name, getattr(owner, name))
            self._replace(seam, kind, everywhere=False)

    def _stand_in_for_sqlite(self, rules: Iterable[Rule]) -> None:
        wanted = {rule.target.rpartition(".")[0] for rule in rules}
        if not wanted & {"sqlite3.Connection", "sqlite3.Cursor"}:
            return
        try:
            self._stand_ins |= sqlite_stand_ins()
        except ImportError:
            return
        sqlite3 = sys.modules["sqlite3"]
        kind = self._stand_ins["sqlite3.Connection"]
        connect = connecting_with(kind, sqlite3.connect)
        if any(rule.target == "sqlite3.connect" for rule in rules):
            self._instead["sqlite3.connect"] = connect
        else:
            seam = Seam(sqlite3, "connect", sqlite3.connect)
            self._replace(seam, seam.dressed(connect, connect))

    # ----------------------------------------------------------- replacing

    def _wrap(self, rules: Iterable[Rule]) -> None:
        self._chosen.clear()
        for rule in rules:
            try:
                self._wrap_one(rule)
            except AbsentError as error:
                if rule.target not in ABSENT_SOMEWHERE:
                    self._report_of(rule, error)
            except CannotWrapError as error:
                self._report_of(rule, error)
            except TypeError:  # what setattr() says of types written in C
                self._report_of(rule, CannotWrapError("its type is written in C"))

    def _wrap_one(self, rule: Rule) -> None:
        where = rule.target.rpartition(".")[0]
        if where not in self._stand_ins:
            self._stand_in_for(where)
        seam = find(rule.target, self._stand_ins)
        if seam is None:
            self._late.append(rule)
            self._late_packages.add(rule.target.partition(".")[0])
        elif id(seam.raw) not in self._swaps:  # else it has a rule by another name
            self._wrap_at(seam, compiled(rule))

    def _wrap_at(self, seam: Seam, rule: CompiledRule) -> None:
        if isinstance(seam.owner, LockKind):
            self._locks.append((rule, seam.owner))  # what stands there is a slot
        elif rule.rule.target.rpartition(".")[0] in TYPES:
            self._files.add(rule, seam.function, self._intercept)
        else:
            check(seam)
            target = rule.rule.target
            function = plain = self._instead.get(target, seam.function)
            if target in OPENERS:
                function = self._files.opening(plain)
            wrapper = intercepted(rule, function, self._intercept)
            dressed = seam.dressed(wrapper, plain)
            self._replace(seam, dressed)
            if isinstance(dressed, Builtin):
                dressed.switch(active=False)
                self._builtins.append((rule, dressed))
        self._wrapped.append(rule)

    def _replace(self, seam: Seam, value: Function, *, everywhere: bool = True) -> None:
        self._undo.callback(seam.put(value))
        if isinstance(seam.owner, ModuleType):
            self._swaps[id(seam.raw)] = Swap(seam.raw, value, everywhere)

    def stand_by(self, families: frozenset[str]) -> None:
        """Get ready for these families, before a loop runs."""
        self._files.stand_by(families)
        self.wrap_late()

    def wrap_late(self) -> bool:
        """Wrap the targets whose modules have been imported since; tell if any were."""
        # Of most nothing is there, not even the outermost package.
        if sys.modules.keys().isdisjoint(self._late_packages):
            return False
        late: list[Rule] = []
        left: list[Rule] = []
        for rule in self._late:
            (late if may_be_imported(rule.target) else left).append(rule)
        if not late:
            return False
        self._late = left
        self._late_packages = {rule.target.partition(".")[0] for rule in self._late}
        self._wrap_all(late)
        return True

    def _take_back_aliases(self) -> None:
        # Modules that were imported meanwhile took our wrappers along, so what to
        # restore is looked for and not remembered.
        swap_aliases(
            Swap(swap.new, swap.old, everywhere=True) for swap in self._swaps.values()
        )

    def _report_of(self, rule: Rule, error: CannotWrapError) -> None:
        text = f"rule {rule.target!r}: {error}"
        self._report(Problem(kind=error.kind, target=rule.target, text=text))
