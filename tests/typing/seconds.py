"""Real, virtual and lived seconds mixed up; read by type checkers, never executed.

Each ``type: ignore`` stands for an error that there must be: strict mypy reports one
that is not needed. The lines without say what must be accepted.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_asyncbench._tracing import Recorder
from pytest_asyncbench._watching import Deadline, Watch
from pytest_asyncbench._words.clock import Clock, Stopwatch
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import AcceptedSpan, Elapsed
from pytest_asyncbench.testing import ManualClock
from pytest_asyncbench.virtual_time import VirtualClock

virtual = VirtualClock()
real: Clock = ManualClock()


def in_real_time(at: RealSeconds) -> None:
    """Need a moment of real time."""


def in_virtual_time(at: VirtualSeconds) -> None:
    """Need a moment of virtual time."""


def in_own_time(at: LivedSeconds) -> None:
    """Need a moment of the time that a test lives in."""


def moments(elapsed: Elapsed) -> None:
    in_real_time(real.now())
    in_real_time(elapsed.wall)
    in_virtual_time(virtual.time())
    in_virtual_time(virtual.elapsed)
    in_own_time(real.now())
    in_own_time(virtual.time())
    in_own_time(elapsed.lived)
    in_real_time(virtual.time())  # type: ignore[arg-type]
    in_real_time(elapsed.lived)  # type: ignore[arg-type]
    in_real_time(1.0)  # type: ignore[arg-type]
    in_virtual_time(real.now())  # type: ignore[arg-type]
    in_virtual_time(elapsed.wall)  # type: ignore[arg-type]
    in_virtual_time(elapsed.lived)  # type: ignore[arg-type]


def clocks() -> None:
    Stopwatch(real, virtual.time)
    Stopwatch(virtual)  # type: ignore[arg-type]
    Stopwatch(real, real.now)  # type: ignore[arg-type]
    VirtualClock(system=real)
    VirtualClock(system=virtual)  # type: ignore[arg-type]


def measured(stopwatch: Stopwatch) -> None:
    began = stopwatch.virtually_began
    assert began is not None
    Elapsed(wall=stopwatch.began, starved=stopwatch.starved(), virtual=began)
    Elapsed(wall=began)  # type: ignore[arg-type]
    Elapsed(wall=real.now(), starved=began)  # type: ignore[arg-type]
    Elapsed(wall=real.now(), virtual=stopwatch.began)  # type: ignore[arg-type]
    AcceptedSpan(began=real.now(), ended=began, reason=None)  # type: ignore[arg-type]


def followed(long_step: Callable[..., None]) -> None:
    Recorder(real, 0.1, long_step)
    Recorder(real, 0.1, long_step, virtual.time)
    Recorder(real, 0.1, long_step, real.now)  # type: ignore[arg-type]
    Watch(real, threshold=0.1, time=virtual.time)
    Watch(real, threshold=0.1, time=real.now)  # type: ignore[arg-type]


def held_to(watch: Watch) -> None:
    Deadline(watch, real.now())
    Deadline(watch, virtual.time(), by_loop=True)
    Deadline(watch, virtual.time())  # type: ignore[call-overload]
    Deadline(watch, real.now(), by_loop=True)  # type: ignore[call-overload]
