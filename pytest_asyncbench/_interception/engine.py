"""`Interception`: one installation, one listener, and what a call comes to.

Which wrapper a call came through is not known here.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from pytest_asyncbench._interception.callers import (
    is_ours,
    is_standard,
    is_users,
)
from pytest_asyncbench._interception.compiled import CompiledRule
from pytest_asyncbench._interception.installation import Installation
from pytest_asyncbench._interception.places import InProgress, Line, Places
from pytest_asyncbench._interception.signatures import (
    Args,
    Kwargs,
    Listener,
)
from pytest_asyncbench._python import getframe, when_imported
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.undo import Undo

if TYPE_CHECKING:
    from pytest_asyncbench._words.clock import Clock
    from pytest_asyncbench._words.promised import Rule

__all__ = ["Interception"]

T = TypeVar("T")

# Held here, so that neither our wrappers nor anybody's patches come in between.
_this_thread = threading.get_ident

_MOST_FAILURES = 20

# With these a call fails before it waits for anybody.
_AT_ONCE = (FileNotFoundError, TypeError, ValueError)

_OF_THE_SYSTEM = frozenset({"files", "network", "subprocess"})
"""Families whose calls into the standard library bring no error of somebody else's."""


def _comes_back(outer: InProgress, frame: FrameType) -> bool:
    """Tell whether a foreign call has come back to a function of the user's."""
    return is_users(frame) and not is_users(outer.function)


def _is_its_own(rule: Rule, error: BaseException) -> bool:
    """Tell whether a call raised this before it left the process.

    It did where it raised this itself, from C or for its arguments. So did functions of
    the standard library that open a file, start a program or connect, wherever in them.
    Beneath another function in Python it may be the answer that was waited for: what a
    job raised in a thread, a message that makes no object. So it may where the type is
    more special: a text that cannot be decoded is a ValueError, too, and so is a
    certificate of the peer's that is refused.
    """
    here = error.__traceback__
    if type(error) not in _AT_ONCE or here is None:
        return False
    within = here.tb_next
    while within is not None:
        if rule.family not in _OF_THE_SYSTEM or not _passes_on(within.tb_frame):
            return False
        within = within.tb_next
    return True


def _passes_on(frame: FrameType) -> bool:
    return is_standard(frame) or is_ours(frame)


def _counts(rule: CompiledRule, args: Args, kwargs: Kwargs) -> tuple[bool, str | None]:
    """Tell whether a call can wait, and what failed when that was asked."""
    try:
        return rule.harmless is None or not rule.harmless(args, kwargs), None
    except RecursionError:  # no room to ask; no failure of the rule's
        raise
    except Exception as error:  # the call is the user's and must be made
        return False, f"rule {rule.rule.target!r} could not be asked: {error!r}"


class Interception:
    """Wrap the targets of rules; tell a listener of the calls that can block.

    Args:
        rules: the table, the project's own rows included.
        clock: where the duration of a call is read.
    """

    def __init__(self, rules: Sequence[Rule], clock: Clock) -> None:
        self.failures: list[Problem] = []
        """What went wrong on our side while calls were made."""
        self._problems: list[Problem] = []
        self._rules = tuple(rules)
        self._now = clock.now
        self._installation: Installation | None = None
        self._listener: Listener | None = None
        self._places = Places()
        self._lines = self._places.lines
        self._families: frozenset[str] = frozenset()
        self._deactivate: Undo | None = None
        """Given while the wrappers tell the listener."""
        self._changing = _thread.RLock()
        """Held while that changes: a loop may be met in any thread, as a test ends.
        What is done meanwhile may import a module, whose targets are wrapped then."""
        self._in_progress: dict[int, InProgress | None] = {}
        """The innermost call of each thread that has made one, while it lasts."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One for each target that cannot be wrapped; known after `install`."""
        return tuple(self._problems)

    # --------------------------------------------------------- on and off

    def install(self) -> Undo:
        """Replace every target, silently as yet; the returned call restores all.

        What is in a module of the standard library that nobody has imported yet is
        replaced when somebody does; a row that isn't ours has it imported, since its
        target must be there. A target of another module that isn't imported yet is
        replaced by the first `listen` after.
        """
        if self._installation is not None:
            raise RuntimeError("this interception is already installed")
        self._problems.clear()
        made = Installation(self._rules, self._intercept, self._problems.append)
        with ExitStack() as undo:
            undo.callback(made.replace_all())
            undo.callback(when_imported(made.to_come, self._wrap_imported))
            self._installation = made
            undo.callback(setattr, self, "_installation", None)
            return undo.pop_all().close

    def listen(self, listener: Listener, families: frozenset[str]) -> Undo:
        """Tell `listener` of the calls under these families' rules, until undone."""
        with ExitStack() as undo:
            undo.callback(self.stand_by(listener, families))
            self.activate()
            return undo.pop_all().close

    def stand_by(self, listener: Listener, families: frozenset[str]) -> Undo:
        """Have a listener ready for `activate`, until undone.

        Until then each wrapper does nothing but its call.
        """
        if self._listener is not None:
            raise RuntimeError("somebody is listening already")
        self._listener, self._families = listener, families
        if self._installation is not None:
            self._installation.stand_by(families)
        return self._forget_listener

    def wrap_late(self) -> None:
        """Wrap what has been imported since the listener came to stand by.

        Where something has, it is told of no call until the next `activate`.
        """
        with self._changing:
            if self._installation is not None and self._installation.wrap_late():
                self._switch_off()

    def _wrap_imported(self, module: str) -> None:
        """Wrap what is in a module that is just being imported, by whatever thread."""
        with self._changing:
            if self._installation is None:
                return
            listened = self.is_active
            self._switch_off()
            try:
                self._installation.wrap_imported(module)
            except Exception as error:  # the import is somebody else's
                text = f"what is in {module} could not be wrapped: {error!r}"
                self.failures.append(Problem(kind="failed", target=module, text=text))
            if listened:
                self.activate()

    @property
    def is_active(self) -> bool:
        """Whether a listener is told of calls."""
        return self._deactivate is not None

    def activate(self) -> None:
        """Tell the listener that stands by from now on, from any thread."""
        with self._changing:
            if self._listener is None or self._deactivate is not None:
                return
            if self._installation is not None:
                self._deactivate = self._installation.activate(self._families)

    def _forget_listener(self) -> None:
        with self._changing:
            self._listener = None
            self._places = Places()
            self._lines = self._places.lines
            self._switch_off()

    def _switch_off(self) -> None:
        deactivate, self._deactivate = self._deactivate, None
        if deactivate is not None:
            deactivate()

    # --------------------------------------------------------------- calls

    def _intercept(
        self,
        rule: CompiledRule,
        function: Callable[..., T],
        args: Args,
        kwargs: Kwargs,
        /,
    ) -> T:
        """Make a call on the thread of a running loop, and tell of it if it counts.

        What a call does inside is part of it, and not looked at again; that holds
        for one that is harmless or allowed, too. But a function of the user's that a
        foreign call comes back to (a database's own functions) is the user's again.

        At the limit of recursion there may be room for the call and none for a function
        of ours. Then the call is made, and nobody is told. So what must happen here
        calls no function, and what is common is spelt out, with no frame of its own.
        """
        __tracebackhide__ = True
        now, in_progress, counts = self._now, self._in_progress, True
        entered, thread, frame = now(), _this_thread(), getframe(2)
        outer = in_progress.get(thread)
        if outer is None:
            line = self._lines.get((id(frame.f_code), frame.f_lasti, thread))
            if line is not None and line.rule is rule and line.count is not None:
                call, began = line.call, entered
                try:
                    in_progress[thread] = call
                    began = now()
                    return function(*args, **kwargs) if kwargs else function(*args)
                except _AT_ONCE as error:
                    counts = not _is_its_own(rule.rule, error)
                    raise
                finally:
                    ended = now()
                    in_progress[thread] = None
                    try:
                        if counts and (
                            call.told or not line.count(entered, began, ended)
                        ):
                            self._tell_at(line, frame, began, ended)
                    except RecursionError:  # no room to tell; the call has been made
                        pass
        failure, this = None, None
        try:
            try:
                if outer is None or _comes_back(outer, frame):
                    this = InProgress(function)
                    began = now()
                    in_progress[thread] = this
                    counts, failure = _counts(rule, args, kwargs)
            except RecursionError:
                this = None
            # To pass on an empty dict takes longer.
            result = function(*args, **kwargs) if kwargs else function(*args)
        except _AT_ONCE as error:
            if this is not None and _is_its_own(rule.rule, error):
                counts = False
            raise
        finally:
            in_progress[thread] = outer
            if this is not None and counts:
                self._tell(rule, frame, began, now(), this, outer)
        # Only now: arguments that the call itself refuses are the caller's mistake.
        if failure is not None:
            self._failed(rule.rule, failure)
        return result

    def _tell_at(
        self, line: Line, frame: FrameType, began: float, ended: float
    ) -> None:
        """Tell of a call at a settled line that must be looked at whole."""
        call = line.call
        # It stands for the next one, too.
        line.call = InProgress(call.function)
        self._tell(line.rule, frame, began, ended, call)

    def _tell(
        self,
        rule: CompiledRule,
        frame: FrameType,
        began: float,
        ended: float,
        call: InProgress,
        outer: InProgress | None = None,
    ) -> None:
        """Tell of a call that has just come back, if it counts where it was made."""
        places = self._places
        try:
            place = places.of(rule, frame)
            if place.allowed:
                return
            seconds = ended - began
            if outer is not None:
                outer.told += seconds
            if self._listener is not None:
                lasted = seconds - call.told
                count = self._listener(rule.rule, began, lasted, frame, place)
                places.seen(rule, frame, place, call.function, count)
        except RecursionError:  # no room to tell; the call has been made
            return
        except Exception as error:  # the call has been made and must come back
            text = f"a call of {rule.rule.target} could not be recorded: {error!r}"
            self._failed(rule.rule, text)

    def _failed(self, rule: Rule, text: str) -> None:
        failure = Problem(kind="failed", target=rule.target, text=text)
        if failure not in self.failures and len(self.failures) < _MOST_FAILURES:
            self.failures.append(failure)
