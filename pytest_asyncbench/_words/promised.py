"""What was promised: rules, allowances, budgets, and the policy that holds for a test.

Frozen values; every time is in seconds.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Literal

from pytest_asyncbench._words.values import dataclass

if TYPE_CHECKING:
    from pytest_asyncbench._words.baseline import Baseline
    from pytest_asyncbench._words.cancellations import Cancellations
    from pytest_asyncbench._words.schedules import Replay

__all__ = [
    "MARKER",
    "TIMELINES",
    "Allowance",
    "Annotations",
    "Background",
    "Budget",
    "HistoryMode",
    "Mode",
    "Once",
    "Policy",
    "Promise",
    "Rule",
    "Seed",
    "Starvation",
    "Summarised",
    "Timers",
    "Unsaid",
    "VirtualTime",
    "Virtually",
    "When",
]

TIMELINES = (".html", ".trace.json")
"""How the names of the reports end that draw who did what when."""

MARKER = "marker"
"""Where a promise or an allowance was written that is a test's own."""


Mode = Literal["off", "report", "warn", "error"]


Starvation = Literal["forgive", "strict"]


Once = Literal["forgive", "count"]


class Unsaid(enum.Enum):
    """What stands for an argument that was left out, where None means something."""

    UNSAID = enum.auto()

    def __repr__(self) -> str:
        return "..."


When = Literal["setup", "call", "teardown"]
"""The phases of a test, as pytest calls them."""


Background = Literal["off", "warn", "error"]


Annotations = Literal["auto", "github", "gitlab", "none"]


Summarised = Literal["screen", "all"]


HistoryMode = Literal["record", "read"]


Virtually = Literal["off", "on"]


Timers = Literal["together", "free"]
"""Where schedules change the order of timers: if they fall due together, or always."""


Seed = int | Literal["random"]
"""Which schedules are tried: those of a number, or others each time."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of the table of calls that are known to block."""

    target: str
    """The qualified name of what is wrapped, ``time.sleep``."""
    family: str
    """The name under which ``rules=`` switches it on."""
    advice: str
    """What to write instead, as code."""
    harmless: str | None = None
    """The name of the predicate that tells a call which cannot wait."""
    allowed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Caller glob to reason: who may make this call unreported."""
    ruff: str | None = None
    """The number of ruff's rule for the same mistake."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """A place where blocking is accepted, with its reason."""

    caller: str
    """Glob over the qualified names of the functions on the stack."""
    call: str
    """Glob over the qualified name of the blocking call."""
    reason: str
    source: str
    """Where it was written: ``marker``, ``ini``, ``command line``, ``code``."""

    @property
    def text(self) -> str:
        """The allowance as it can be written, and where that was."""
        return f"{self.caller} > {self.call}  # {self.reason} ({self.source})"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The promise: wall at most so much, speedup at least so much."""

    within: float | None = None
    speedup: float | None = None
    unpromised: bool = False
    """Whether it was said that no speedup is promised; copies need none then."""
    source: str = "marker"
    auto: bool = False
    """Whether the history says what it leaves open."""
    learned_time: bool = False
    """Whether that said how long it may take, and nobody wrote it."""
    learned_speedup: bool = False
    """The same of the speedup."""

    @property
    def promises(self) -> bool:
        """Whether anything is left that can be broken."""
        return self.within is not None or self.speedup is not None


@dataclass(frozen=True, kw_only=True)
class Promise:
    """How long a phase of a test may take at most."""

    written: float
    """In seconds, as somebody wrote it or as the history says."""
    scale: float = 1.0
    """By what that is multiplied on this machine."""
    source: str

    @property
    def within(self) -> float:
        """What holds, in seconds."""
        return self.written * self.scale


@dataclass(frozen=True, kw_only=True)
class VirtualTime:
    """That a test's loop lives in virtual time, and when that begins."""

    start: datetime | str | None = None
    tz: tzinfo | str | None = None
    real_limit: float | None = None
    """How long something real may keep silent; None where the policy's holds."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for one test, after every default, option and marker."""

    blocking: Mode = "off"
    threshold: float = 0.1
    rules: frozenset[str] = frozenset()
    scope: tuple[str, ...] = ()
    allow: tuple[Allowance, ...] = ()
    calls: tuple[Rule, ...] = ()
    """Rows that a setting adds to the table of rules."""
    budget: Budget | None = None
    budget_setup: float | None = None
    """What a test's fixtures may take, in all, to be set up."""
    budget_teardown: float | None = None
    """The same for their teardown."""
    budget_scale: float = 1.0
    """A factor for slow machines: by what every budget's time is multiplied."""
    copies: int | None = None
    repeat: int | None = None
    """How often the body of the test is run in turn; its budget is for the median."""
    starvation: Starvation = "forgive"
    once: Once = "forgive"
    background: Background = "off"
    """What a task does to the test that started it, which died and nobody looked."""
    virtual: VirtualTime | None = None
    virtual_time: Virtually = "off"
    """Whether async tests live in virtual time that do not say otherwise."""
    real_limit: float = 5.0
    schedules: int | None = None
    """Under how many schedules a test is run, asyncio's own order included."""
    schedules_seed: Seed | None = None
    """Which they are; None where the test's name says so."""
    schedules_within: float | None = None
    """For how long new ones are begun, in seconds."""
    schedules_timers: Timers = "together"
    """Whether timers may change their order where they don't fall due together."""
    schedule: str | None = None
    """The text of the one schedule that is run, of one test and no other."""
    replay: Replay | None = None
    """The one schedule under which the test is run."""
    cancellations: Cancellations | None = None
    """That its tasks are cancelled at each of their awaits in turn."""
    summary: Summarised = "screen"
    """How much the summary tells: what fits a screen, or all."""
    baseline: str | None = None
    """The file of the places that are accepted as of today, as it was written."""
    update_baseline: bool = False
    """Whether what blocks in this run is put into that file, and fails nothing."""
    accepted: Baseline | None = None
    """What the file holds; None where there is no baseline."""
    history: str | None = None
    """The file in which earlier runs are known, as it was written."""
    history_mode: HistoryMode = "record"
    """Whether this run is added to that."""
    show_history: bool = False
    """Whether what the file knows is shown, and nothing is run."""
    annotations: Annotations = "auto"
    """For whose CI it is told beside the line what blocks there."""
    report: tuple[str, ...] = ()
    """The files of the reports that are wanted of the run, as they were written."""
    asked: bool = False
    """Whether this very test asked to be watched, by a marker or by being async."""
    of_all: bool = False
    """Whether its class or module asked that of all its tests, and it is not async:
    then it need not run a loop."""
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Option name to where its value was written."""

    @property
    def has_budget(self) -> bool:
        """Whether anything was promised of how long the test or its fixtures take."""
        of_fixtures = self.budget_setup is not None or self.budget_teardown is not None
        return of_fixtures or self.budget is not None

    @property
    def compares(self) -> bool:
        """Whether a speedup is promised, with a number or without."""
        budget = self.budget
        if budget is not None and budget.unpromised:
            return False
        has_number = budget is not None and budget.speedup is not None
        return has_number or (self.copies or 0) > 1

    @property
    def tries_schedules(self) -> bool:
        """Whether the test is run under schedules, of which asyncio's order is one."""
        return bool(self.schedules) or self.replay is not None

    @property
    def runs_again(self) -> bool:
        """Whether it is run more than once, or not as asyncio would."""
        return self.tries_schedules or self.cancellations is not None

    @property
    def draws_timelines(self) -> bool:
        """Whether a report is wanted that draws who did what when."""
        return any(name.endswith(TIMELINES) for name in self.report)

    def promised(self, when: When) -> Promise | None:
        """Tell how long a phase may take at most, and where that was written."""
        if when == "call":
            if self.budget is None:
                return None
            within, source = self.budget.within, self.budget.source
        else:
            within = self.budget_setup if when == "setup" else self.budget_teardown
            source = self.sources.get(f"budget_{when}", "?")
        if within is None:
            return None
        return Promise(written=within, scale=self.budget_scale, source=source)

    def within(self, when: When) -> float | None:
        """Tell how long a phase may take at most, in seconds."""
        promise = self.promised(when)
        return None if promise is None else promise.within
