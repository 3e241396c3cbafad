"""A clock for tests that jumps where only timers are left, and waits where not.

`VirtualClock` is the time, `virtual_loop_factory` makes loops that live by it,
`virtualize` turns one fresh loop and returns its undo. The files beside this one:

* ``_clock``: the face of it, for tests.
* ``_clockwork``: the works behind it, for loops, and knowing none; ``_hints`` and
  ``_durations`` are its parts.
* ``_calendar``: the date; ``_frozen`` and ``_local_time``: freezegun, showing it.
* ``_loop``: the seams on a loop, and taking them out again.
* ``_selector``: where a loop rests: jump, wait in real time, or deadlock.
* ``_wakers``: what could wake the loop; ``_sockets``, ``_threads`` and ``_natives`` are
  its parts.
"""

from pytest_asyncbench.virtual_time._clock import VirtualClock
from pytest_asyncbench.virtual_time._loop import (
    adopt,
    is_virtual,
    virtual_loop_factory,
    virtualize,
)

__all__ = ["VirtualClock", "adopt", "is_virtual", "virtual_loop_factory", "virtualize"]
