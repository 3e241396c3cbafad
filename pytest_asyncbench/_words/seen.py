"""What was seen: the facts that the instruments collect, without opinions.

Frozen values; every time is in seconds.
"""

from __future__ import annotations

from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import When
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.values import NamedTuple, dataclass

__all__ = [
    "IN_VAIN",
    "LAZY_IMPORT",
    "NO_TIME",
    "AcceptedSpan",
    "AwaitedTask",
    "BlockingCall",
    "Collection",
    "Crowd",
    "DeadTask",
    "Elapsed",
    "Frame",
    "HandedOver",
    "Keeper",
    "LateTurn",
    "LoopStall",
    "NotFollowed",
    "Observations",
    "Overrun",
    "Repetition",
    "Sample",
    "Stack",
    "StrandTrace",
    "Turn",
    "Wait",
]


LAZY_IMPORT = "lazy import"
"""How the frame is called that stands, on a stack, for the first use of a name which
was imported lazily."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One line of a stack."""

    file: str
    line: int
    function: str
    """Qualified within its module where the interpreter knows (3.11 and up)."""
    module: str = ""
    call: str | None = None
    """What this line was calling at that moment, where that could be told."""
    aliases: tuple[str, ...] = ()
    """Further names of the function in its module: ``match`` beside ``prefixmatch``."""

    @property
    def qualified(self) -> str:
        """``module.function``, what globs are matched with."""
        return self._within(self.function)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the function is known by, qualified."""
        return self.qualified, *map(self._within, self.aliases)

    def _within(self, function: str) -> str:
        return f"{self.module}.{function}" if self.module else function


Stack = tuple[Frame, ...]
"""Innermost frame first, down to the callback that the loop called."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What the kernel kept a thread waiting for."""

    call: str
    """The system call, ``recvfrom``."""
    on: str | None = None
    """The file, or the address of the peer, where the call has such."""


IN_VAIN = 1 / 3
"""The part of a wait in which one must have asked for the interpreter in vain, to put
it down to who had that. After each asking one may stand in the run queue, too."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How the thread that takes the samples was given the interpreter for one.

    It is the witness of how any other thread of the process would have fared.
    """

    since: float
    """When it wanted it."""
    at: float
    """When it was given it."""
    waited: bool
    """Whether somebody had it then, so that it had to wait."""
    asked: float
    """For how long it asked in vain, at the least; the rest may be the run queue's."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The stack of the loop's thread at one moment of a step."""

    at: float
    stack: Stack
    wait: Wait | None = None
    """What it waited for; None where it was working, or that could not be told."""
    turn: Turn | None = None
    """None where there is no interpreter to wait for, or that could not be told."""
    worked: float | None = None
    """For how long the loop's thread had a processor since the look before, which may
    have been before the step; None where that could not be told."""
    own_turn: bool = False
    """Whether the loop stood in its own turn, and in no step; then that is outermost on
    the stack."""


@dataclass(frozen=True, kw_only=True)
class BlockingCall:
    """Calls of a rule's target on one stack, on the thread of a running loop.

    Those within one step that became long are told by themselves. All others are told
    together, for as long as the test accepted blocking or did not.
    """

    target: str
    began: float
    """When the first of them began."""
    seconds: float
    """What all of them took."""
    stack: Stack
    step: float
    """When the step around the last of them began, which also names the step."""
    held_up: int = 0
    held_up_for: float = 0.0
    count: int = 1
    """How many they are."""
    earlier: tuple[float, ...] = ()
    """When the other steps began, where they are of several."""
    longest: tuple[float, float] | None = None
    """When the longest of them began and ended; None where there is only one."""
    spans: tuple[tuple[float, float], ...] = ()
    """When each of several began and ended, where their step became long."""
    owner: object = None
    """In whose task, where several tests run at once; None where in no test's."""

    @property
    def each(self) -> tuple[tuple[float, float], ...]:
        """When each call of a long step began and ended."""
        return self.spans or ((self.began, self.began + self.seconds),)

    @property
    def seconds_at_most(self) -> float:
        """What the longest of them took."""
        began, ended = self.longest or (0.0, self.seconds)
        return ended - began


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A look of the garbage collector through objects, which took long."""

    began: float
    seconds: float
    stack: Stack
    """What ran when it came, which need not be its cause."""
    starved: float | None = 0.0
    """The part of its seconds in which the thread could have run and was not let; None
    where nobody can tell."""
    called: bool = False
    """Whether the innermost line called it, as ``gc.collect()`` does."""


@dataclass(frozen=True, kw_only=True)
class LoopStall:
    """A step that kept the loop longer than the threshold."""

    began: float
    seconds: float
    samples: tuple[Sample, ...]
    task: str | None
    held_up: int
    """How many callbacks and timers could not go on."""
    held_up_for: float = 0.0
    """For how long at most, one of them."""
    working: float | None = None
    blocked: float | None = None
    starved: float | None = None
    """All the time in which the thread could have run and was not let."""
    stopped: float = 0.0
    """The part of it in which the whole process stood."""
    kept_out: float = 0.0
    """The part of it in which another thread kept the interpreter."""
    ours: float = 0.0
    """For how long our own wrappers were at work in it, which never counts."""
    collections: tuple[Collection, ...] = ()
    others: float | None = None
    """The processor time of all threads but the loop's, from shortly before the step;
    None where the system can't tell."""
    source: Frame | None = None
    """Where the step's code is written, for a step that no sample shows."""
    owner: object = None
    """In whose task, where several tests run at once; None where in no test's."""

    @property
    def lasted(self) -> float:
        """For how many seconds it kept the loop, without us."""
        return max(0.0, self.seconds - self.ours)


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """Work that was given to a thread."""

    function: str
    """The qualified name of what the thread was to call; empty where none is known."""
    stack: Stack
    """Where it was handed over, innermost frame first."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """The thread that worked most while a loop waited for its turn."""

    stack: Stack
    """Where it stood when the interpreter was first given to who looked."""
    share: float
    """The part of the time looked at in which it had a processor."""
    others: float
    """The same of all other threads of Python's together."""
    collections: tuple[Collection, ...] = ()
    """When the garbage collector was at work in it, unasked."""
    handed: HandedOver | None = None
    """What it was given to do; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class LateTurn:
    """A stretch in which a loop could run, and another thread had the interpreter."""

    began: float
    """From when on it could run: a timer fell due, or it was in the midst of a step."""
    seconds: float
    in_step: bool = False
    """Whether that was in a long step, which is told of as a stall as well."""
    keeper: Keeper
    held_up: int = 0
    """How many callbacks and timers could not go on."""
    held_up_for: float = 0.0
    """For how long at most, one of them."""
    owner: object = None
    """Whose work the thread did, where several tests run at once."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """The threads at work while a loop could run and had no turn at the interpreter."""

    began: float
    """From when on it could run."""
    seconds: float
    threads: int
    """How many of Python's threads had a turn meanwhile; those that run loops are none
    of them."""
    share: float
    """The part of the time looked at in which one of these had a processor: more than
    1 where several had one at once."""
    most: float
    """The same of the one that worked most."""
    unknown: float = 0.0
    """The same of all threads that Python did not start."""


class StrandTrace(NamedTuple):
    """A coroutine that was started beside others, with all the tasks it started.

    A tuple, unlike its neighbours: there may be ten thousand, and it takes a tenth.
    `waiting` is for how long it would wait, and not run, with no other beside it: for
    a timer, I/O, a thread, a task of no strand. For `served` of that such tasks ran for
    it, on its own loop.
    """

    name: str
    started: float | None
    finished: float | None
    running: float = 0.0
    waiting: float = 0.0
    queued: float = 0.0
    served: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NotFollowed:
    """What ran a test and whose tasks could not be followed, for the lack of a name."""

    kind: str
    """Module and class, ``uvloop.Loop``."""
    missing: str
    """The private name of asyncio's that it does not have, ``_ready``; of what is no
    asyncio at all, such as trio, the event loop itself."""

    @property
    def is_asyncios(self) -> bool:
        """Whether it is a loop of asyncio's own."""
        return self.kind.partition(".")[0] == "asyncio"

    @property
    def sentence(self) -> str:
        """What reports say of it."""
        return f"{self.kind} is not followed, since it has no {self.missing}"


@dataclass(frozen=True, kw_only=True)
class AwaitedTask:
    """A task that was alive when a budget was overrun."""

    name: str
    stack: Stack
    """The coroutine's chain of awaits, innermost first."""
    awaits: str
    """What the innermost of them waits for."""
    seconds: float | None
    """For how long it has waited, where that is known."""


@dataclass(frozen=True, kw_only=True)
class DeadTask:
    """A task that died of an exception at which nobody looked."""

    name: str
    error: str
    """What it died of, as the last line of a traceback has it."""
    stack: Stack
    """Where that was raised, innermost first."""


@dataclass(frozen=True, kw_only=True)
class Overrun:
    """What stood at the moment in which a budget ended."""

    tasks: tuple[AwaitedTask, ...] = ()
    stuck: Stack | None = None
    """The stack on the loop, when a step was in the way of the cancellation."""
    stood: Stack | None = None
    """Where a test stood that ran no loop then, and so could not be cancelled."""
    left: tuple[AwaitedTask, ...] = ()
    """The tasks that had not ended long after they were cancelled, and were left."""
    cancelled: bool = False
    ending: bool = False
    """Whether the loop was blocked when its budget ended, and all of its other tasks
    had ended when it could be cancelled."""
    forgiven: float = 0.0
    """By how much the end had been put off, where the test was cancelled then."""
    frozen: bool = False
    """Whether the loop's clock was not the real one, so that its timers stood still."""
    farthest: float | None = None
    """In how many seconds a timer is due that must have been set on a frozen clock."""


@dataclass(frozen=True, kw_only=True)
class Elapsed:
    """The time that a test's call took."""

    wall: RealSeconds
    starved: RealSeconds | None = None
    virtual: VirtualSeconds | None = None
    """What it took in virtual time, where the test lives in it."""
    waited: RealSeconds | None = None
    """For how long it waited for something real then."""

    @property
    def lived(self) -> LivedSeconds:
        """The time that promises speak of: virtual where there is such, else wall."""
        return self.wall if self.virtual is None else self.virtual


NO_TIME = Elapsed(wall=RealSeconds(0.0))
"""What did not happen took."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One run of the body of a test that is run several times in turn."""

    elapsed: Elapsed
    strands: tuple[StrandTrace, ...] = ()
    """What it started side by side."""
    starved_together: float | None = None
    """For how long the loop's thread was starved while one of them was in flight."""


@dataclass(frozen=True, kw_only=True)
class AcceptedSpan:
    """A stretch of time in which the test itself accepts blocking."""

    began: RealSeconds
    ended: RealSeconds
    reason: str | None
    """None where it is paused: blocking is not even listed."""
    owner: object = None
    """Which test accepts it, where several run at once."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """All that the instruments saw of one test."""

    elapsed: Elapsed
    phase: When = "call"
    """Which part of the test took that."""
    steps: int = 0
    loops: tuple[str, ...] = ()
    """The kinds of loop that were seen."""
    not_followed: tuple[NotFollowed, ...] = ()
    """Those among them that could not be followed, where somebody wanted that."""
    stalls: tuple[LoopStall, ...] = ()
    late: tuple[LateTurn, ...] = ()
    """When another thread kept a loop waiting for longer than the threshold."""
    crowds: tuple[Crowd, ...] = ()
    """Who worked while a loop had to wait for its turn, for however short a time."""
    calls: tuple[BlockingCall, ...] = ()
    accepted: tuple[AcceptedSpan, ...] = ()
    strands: tuple[StrandTrace, ...] = ()
    """What the test body itself started side by side."""
    together: LivedSeconds | None = None
    """For how long they ran, where that is more than their own spans."""
    starved_together: float | None = None
    """For how long the loop's thread was starved while at least one of them was in
    flight. Of `together` it is what `elapsed` says."""
    repetitions: tuple[Repetition, ...] = ()
    """The runs of a body that is run several times in turn, the last unfinished where
    it was cancelled; then these say what the fields above would."""
    serial: float | None = None
    """The time in a row, where it was measured or given and need not be derived."""
    overrun: Overrun | None = None
    died: tuple[DeadTask, ...] = ()
    """The tasks at whose exception nobody has looked, where a policy asks for them."""
    untaken: bool = False
    """Whether the test is async, and no plugin has run it."""
    unawaited: Stack = ()
    """Where the test called `concurrently`, and did not await what that gave."""
    debugged: bool = False
    """Whether a debugger stood in the test at some moment."""
    problems: tuple[Problem, ...] = ()
    """What went wrong inside the plugin."""
