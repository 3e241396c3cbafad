"""A tape is written by the loop's thread, and may be read by another meanwhile."""

from __future__ import annotations

from by_hand import HandLoop

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._tracing.tape import Tape
from pytest_asyncbench.testing import ManualClock


class Interrupting(list):
    """What was noted; before it is copied for the first time, `meanwhile` is called."""

    meanwhile = None

    def __getitem__(self, index):
        copied = super().__getitem__(index)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return copied


def test_what_is_noted_while_another_thread_reads_is_neither_lost_nor_torn():
    """It is there whole, when that reads on."""
    clock = ManualClock()
    loop = HandLoop(clock)
    tape = Tape(LoopView(loop, 0.0), clock.now)
    log = tape._log = Interrupting()
    tape.note = log.extend
    tape.note((1, 0, 0, 0.5))
    log.meanwhile = lambda: tape.note((2, 3, 4, 1.5))
    read = tape.since(1)
    assert [*zip(*read, strict=True)] == [(1, 0, 0, 0.5)]
    assert (len(tape), tape.last_of(2)) == (3, 1.5)
    assert [*zip(*tape.since(2), strict=True)] == [(2, 3, 4, 1.5)]
    loop.close()


def test_entries_are_read_alike_whether_they_are_packed_or_not():
    """From any of them on."""
    clock = ManualClock()
    loop = HandLoop(clock)
    tape = Tape(LoopView(loop, 0.0), clock.now)
    tape.note((1, 0, 1, 0.5))
    tape.pack()
    tape.note((2, 0, 1, 1.5))
    tape.note((3, 0, 1, 2.5))
    assert [[*tape.since(first).who] for first in range(1, 5)] == [
        [1, 2, 3],
        [2, 3],
        [3],
        [],
    ]
    assert [[*tape.since(first, 2).who] for first in range(1, 5)] == [
        [1, 2],
        [2, 3],
        [3],
        [],
    ]
    assert (len(tape), tape.last_of(1), tape.last_of(4)) == (4, 0.5, None)
    loop.close()


def test_what_is_forgotten_counts_all_the_same():
    """Entries are known by their places, whatever is left of those before them."""
    clock = ManualClock()
    loop = HandLoop(clock)
    tape = Tape(LoopView(loop, 0.0), clock.now)
    for number in range(1, 6):
        tape.note((number, 0, 1, number / 2))
        if number == 3:
            tape.pack()
    tape.forget(3)
    assert [[*tape.since(first).who] for first in range(3, 7)] == [
        [3, 4, 5],
        [4, 5],
        [5],
        [],
    ]
    assert (len(tape), tape.last_of(2), tape.last_of(3)) == (6, None, 1.5)
    tape.forget(5)
    assert ([*tape.since(5).who], tape.last_of(3)) == ([5], None)
    tape.pack()
    tape.note((6, 0, 1, 3.0))
    assert ([*tape.since(5).who], len(tape)) == ([5, 6], 7)
    tape.sets(1, 3.0, 1.0)
    assert tape.timer(tape.timers[1]) == (7, 3.0, 1.0)
    loop.close()
