"""The life of the watchdog's thread: its beginning, its bell, forks, and its end.

It does not know what the thread does.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import CodeType

from pytest_asyncbench._python import (
    OWN_NAME,
    Lock,
    acquire,
    held_lock,
    name_native,
)
from pytest_asyncbench._watching.forks import GoOn, make_way_for_forks
from pytest_asyncbench._words import held
from pytest_asyncbench._words.undo import Undo

__all__ = ["TO_END", "OwnThread"]

TO_END = 5.0
"""How long the end of a test waits for the end of the watchdog, in seconds. A look may
have to wait for the test's own code, and that code for the loop."""
_PAUSE = 0.0005
_MOST_PAUSES = 100
"""So many pauses, in seconds, a fork waits for the system to let the thread go."""

_FAULTS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV")
_SIGNALS = signal.valid_signals() - {getattr(signal, name, 0) for name in _FAULTS}
"""The signals that the watchdog's thread blocks: all but those of a fault, for which no
test waits, and at which somebody may want to dump the stacks."""

_block_signals = getattr(signal, "pthread_sigmask", None)  # not on Windows


class OwnThread:
    """A thread that `threading` does not know, which is never there at a fork.

    Args:
        work: what it does, until it is `over`.
        left: called when it has ended only to make way for a fork.
        failures: where a failure of the thread's is noted.
    """

    def __init__(
        self, work: Callable[[], None], left: Callable[[], None], failures: list[str]
    ) -> None:
        self._work = work
        self._left = left
        self._failures = failures
        self.ids: tuple[int, int] | None = None
        """What Python and the system call it.

        Written by itself, and by a thread that forks when it has ended.
        """
        self.over = False
        """Whether it is to end. Written by whoever holds `changing`."""
        self.idle = False
        """Whether it sleeps until the bell is rung.

        Written by the watchdog's thread, and by whoever rings.
        """
        self.bell = held_lock()
        """Released to wake it up."""
        self.changing = _thread.allocate_lock()
        """Held while it begins or ends."""
        self._ended: Lock | None = None
        """Released at its end; None while it has not begun."""
        self._forget_forks: Undo | None = None

    @classmethod
    def code(cls) -> CodeType:
        """Give the code that stands at the bottom of its stack."""
        return cls._run_until_stopped.__code__

    @property
    def has_begun(self) -> bool:
        """Whether it runs; or is away for a fork, and whoever forks has it come back.

        It may be asked for while that changes, and costs no lock.
        """
        return self._ended is not None

    def begin(self) -> None:
        """Begin, unless it has begun already or is over."""
        # Loops of several threads may be met at once, and while the test ends.
        with self.changing:
            if self.over or self._ended is not None:
                return
            started, ended = held_lock(), held_lock()
            # Not threading's: code that counts its threads must not see ours. And
            # code that made the stacks of its own ones small did not mean ours.
            size = _thread.stack_size(0)
            try:
                _thread.start_new_thread(self._run_until_stopped, (started, ended))
            except RuntimeError as error:  # the loop that is met must not end by it
                self._failures.append(f"watchdog: {error!r}")
                return
            finally:
                _thread.stack_size(size)
            self._ended = ended
            if self._forget_forks is None:
                self._forget_forks = make_way_for_forks(self._make_way)
            # From the first step on it is known since when the watchdog is due.
            acquire(started)

    def end(self, then: Callable[[], None]) -> None:
        """End for good and wait for it; call `then` before any other goes on."""
        forget, self._forget_forks = self._forget_forks, None
        if forget is not None:
            forget()
        with self.changing:
            if not self._has_ended():
                self._failures.append("watchdog: its last look does not end")
            then()

    def ring(self) -> None:
        """Wake it up, from any thread."""
        self.idle = False
        with suppress(RuntimeError):  # it has been rung already
            self.bell.release()

    def _has_ended(self) -> bool:
        self.over = True
        if self._ended is None:
            return True
        self.ring()
        if not acquire(self._ended, True, TO_END):
            return False
        self._ended = None
        return True

    def _make_way(self) -> GoOn:
        """End the thread, and let none begin until the process has forked."""
        acquire(self.changing)
        over, runs = self.over, self._ended is not None
        try:
            made_way = not over and runs and self._has_ended()
            if made_way:
                self._left()
                self._see_off()
        except BaseException:  # an interrupt: Python will not call go_on() then
            self.over = over
            self.changing.release()
            raise

        def go_on(in_child: bool) -> None:
            # The child's loops are copies; to wake them would wake the parent's.
            self.over = over or in_child
            if in_child:
                self._ended = None
            self.changing.release()
            if made_way:
                self.begin()

        return go_on

    def _see_off(self) -> None:
        """Wait until the system has let the thread go."""
        if self.ids is None:
            return
        there = f"/proc/self/task/{self.ids[1]}"  # on Linux
        for _ in range(_MOST_PAUSES):
            if not held.access(there, os.F_OK):
                break
            acquire(held_lock(), True, _PAUSE)
        self.ids = None

    def _run_until_stopped(self, started: Lock, ended: Lock) -> None:
        try:
            # A test may block a signal in order to wait for it. The system would give
            # it to a thread that has not blocked it, and the process would end.
            if _block_signals is not None:
                _block_signals(signal.SIG_BLOCK, _SIGNALS)
            self.ids = _thread.get_ident(), _thread.get_native_id()
            name_native(self.ids[1], OWN_NAME)
        finally:
            started.release()
        try:
            self._work()
        finally:
            ended.release()
