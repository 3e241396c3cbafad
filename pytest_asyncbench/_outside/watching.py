"""Watch any code as a test would be watched: a script, a service, a session in a shell.

Nothing of pytest is loaded for it. What is seen is judged as it comes and only added up
after that, so that it may be left on for days.
"""

from __future__ import annotations

import _thread
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._judging.turns import NONE, turns_of, worth_telling
from pytest_asyncbench._loops import names, passage
from pytest_asyncbench._outside.files import insist_on_writing, write_file
from pytest_asyncbench._outside.known_calls import insist_on_calls
from pytest_asyncbench._outside.places import Places
from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.lines import allowances
from pytest_asyncbench._policy.settings import DEFAULT
from pytest_asyncbench._policy.values import Duration
from pytest_asyncbench._python import Kernel, acquire, software
from pytest_asyncbench._reports.by_suffix import writer_of
from pytest_asyncbench._reports.run import RunReport
from pytest_asyncbench._reports.watched import watched_lines
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.decided import Finding, Verdict
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.live import LiveFindings
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import (
    NO_TIME,
    BlockingCall,
    Crowd,
    Elapsed,
    LateTurn,
    LoopStall,
    Observations,
)

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["BlockingSeen", "Watching", "watching"]

_ONE_AT_A_TIME = _thread.allocate_lock()
"""Held by who watches: a step can be looked at by one only."""

_OURS = __name__.partition(".")[0]
_NAME = "watching"


def watching(
    *,
    threshold: Duration | None = None,
    rules: str | Iterable[str] | None = None,
    scope: str | Iterable[str] | None = None,
    allow: str | Iterable[str] = (),
) -> Watching:
    """Watch every event loop of this process in a ``with`` block.

    Args:
        threshold: the longest step that is no stall: seconds, ``"50ms"``, a timedelta.
        rules: the families of rules that count.
        scope: blame only calls with a frame of these packages on the stack.
        allow: lines ``caller > call  # reason``.

    Raises:
        PolicyError: an argument means nothing.
    """
    __tracebackhide__ = True
    try:
        return Watching(_policy_of(threshold, rules, scope, allow))
    except PolicyError as error:
        # What is wrong stands in the caller's line, and not where we found it out.
        raise error.with_traceback(None) from None


def _policy_of(
    threshold: Duration | None,
    rules: str | Iterable[str] | None,
    scope: str | Iterable[str] | None,
    allow: str | Iterable[str],
) -> Policy:
    policy = replace(DEFAULT, blocking="report")
    if threshold is not None:
        policy = replace(policy, threshold=values.duration(threshold))
    if rules is not None:
        policy = replace(policy, rules=values.rules(rules))
    if scope is not None:
        policy = replace(policy, scope=values.scope(scope))
    policy = replace(policy, allow=allowances(allow, _NAME))
    insist_on_calls(policy.allow)
    return policy


class Watching:
    """Stands around a block of code and gives what blocked in it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._undo = ExitStack()
        self._seen: BlockingSeen | None = None

    def __enter__(self) -> BlockingSeen:
        """Begin to watch.

        Raises:
            RuntimeError: somebody watches already.
        """
        if not acquire(_ONE_AT_A_TIME, False):
            raise RuntimeError(
                "watching() is on already in this process; it sees the loops of all "
                "threads, and there can be one at a time"
            )
        with ExitStack() as undo:
            undo.callback(_ONE_AT_A_TIME.release)
            if _is_watched():
                raise RuntimeError(
                    "the plugin watches this test already; what it sees is in the "
                    "fixture blocking_calls"
                )
            self._seen = BlockingSeen(self._policy)
            self._seen.begin()
            self._undo = undo.pop_all()
        return self._seen

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put all back; what was seen stays."""
        with self._undo:
            if self._seen is not None:
                self._seen.end()


def _is_watched() -> bool:
    """Tell whether something of ours stands where each step passes."""
    stands_there: str | None = getattr(names.RUN.of(passage()), "__module__", None)
    return (stands_there or "").partition(".")[0] == _OURS


def _insist_on_a_report(file: Path) -> None:
    values.reports([str(file)], values.OF_ANY_CODE)
    if file.name.endswith(".trace.json"):
        raise PolicyError(f"{file.name!r}: a timeline is drawn of tests alone")
    insist_on_writing(file)


class BlockingSeen(LiveFindings):
    """What has blocked so far, the place that cost most first; it grows meanwhile.

    What blocks is known when its step is over.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._places = Places()
        self._turns = NONE
        self._undo = ExitStack()
        self._own: list[Problem] = []
        self._interception = Interception(RULES, SYSTEM_CLOCK)
        self._watch: Watch = Watch(
            SYSTEM_CLOCK,
            threshold=policy.threshold,
            interception=self._interception,
            families=policy.rules,
            kernel=Kernel(SYSTEM_CLOCK),
            taker=self._take,
        )
        self._began = SYSTEM_CLOCK.now()
        self._ended: float | None = None

    # --------------------------------------------------------- on and off

    def begin(self) -> None:
        """Switch the instruments on; where they fail, that is all there is to see."""
        try:
            with ExitStack() as undo:
                undo.callback(self._interception.install())
                self._watch.start()
                undo.callback(self._watch.stop)
                self._watch.begin_here()
                undo.callback(self._watch.end_here)
                self._undo = undo.pop_all()
        except Exception as error:  # ours, and the code that is watched goes on
            self._failed("could not begin to watch", error)

    def end(self) -> None:
        """Switch them off, and put back all that was replaced."""
        try:
            self._undo.close()
        except Exception as error:  # ours, as above
            self._failed("could not put everything back", error)
        self._watch.hand_over()
        self._ended = SYSTEM_CLOCK.now()

    def _failed(self, what: str, error: Exception) -> None:
        text = f"{what}: {error_of_ours(error)}"
        self._own.append(Problem(kind="failed", text=text))

    def _take(
        self,
        stalls: Sequence[LoopStall],
        calls: Sequence[BlockingCall],
        late: Sequence[LateTurn],
        crowds: Sequence[Crowd],
    ) -> None:
        seen = Observations(
            elapsed=NO_TIME,
            stalls=tuple(stalls),
            calls=tuple(calls),
            late=tuple(late),
        )
        self._places.add(findings(self._policy, seen, RULES))
        self._turns = turns_of(crowds, self._turns)

    # ------------------------------------------------------- what was seen

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong on the side of who watches, a sentence each."""
        return tuple(problem.sentence for problem in self._problems())

    def _problems(self) -> list[Problem]:
        return [*self._own, *self._watch.problems, *self._interception.failures]

    def _now(self) -> list[Finding]:
        self._watch.hand_over()
        return self._places.all()

    def _verdict(self) -> Verdict:
        found = self._now()
        until = SYSTEM_CLOCK.now() if self._ended is None else self._ended
        return Verdict(
            policy=self._policy,
            elapsed=Elapsed(wall=RealSeconds(until - self._began)),
            steps=self._watch.steps,
            loops=self._watch.loops,
            findings=tuple(found),
            took_turns=self._turns if worth_telling(self._turns) else None,
            problems=tuple(self._problems()),
        )

    def report(self, path: str | PathLike[str]) -> None:
        """Write what was seen so far to a file, in the form that its suffix says.

        Raises:
            PolicyError: there is no report of that suffix.
            OSError: the file can't be written; it is as it was.
        """
        __tracebackhide__ = True
        file = Path(path)
        try:
            _insist_on_a_report(file)
        except (OSError, PolicyError) as error:
            # As in `watching`.
            raise error.with_traceback(None) from None
        record = json.dumps(record_of(self._verdict()).to_json(), sort_keys=True)
        told = RunReport(
            {
                **software(),
                "pytest": None,
                "exitstatus": None,
                "partial": None,
            },
            None,
            {_NAME: record},
            str(Path.cwd()),
            unit="watched block",
        )
        write_file(file, writer_of(file.name)(told))

    def __str__(self) -> str:
        """Tell it in lines: of each place file, line, call and advice."""
        places = self._places
        lines = watched_lines(
            self._verdict(), places.beyond_count, places.beyond_seconds
        )
        return "\n".join(lines)
