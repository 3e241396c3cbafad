"""The frames that run now: those around a caller, and in each other thread."""

from __future__ import annotations

import _thread
import gc
import operator
import sys
from types import FrameType

__all__ = ["current_frames", "getframe"]

# Held here, since a test may replace these functions. It would then see our calls among
# those of its own code, or leave the collector off for good.
_frames, _this_thread = sys._current_frames, _thread.get_ident
getframe = sys._getframe
_is_on, _on, _off = gc.isenabled, gc.enable, gc.disable


def current_frames() -> dict[int, FrameType]:
    """Do as ``sys._current_frames`` does, for all threads but the calling one.

    A caller that kept the answer in a variable would make a cycle if its own frame were
    in it. Until the next garbage collection the cycle would keep what the frames of the
    other threads hold, though these may have ended.
    """
    frames = _of_all()
    frames.pop(_this_thread(), None)
    return frames


def _of_all() -> dict[int, FrameType]:
    """Read the frames of all threads, and have no garbage collection start meanwhile.

    3.11 makes the frames' objects while it keeps the list of threads locked. A
    collection that this starts runs Python code (callbacks, finalizers), which may
    lose the GIL to a thread that begins or ends, and so waits for the list with the GIL
    in its hands: nobody ever goes on. See https://github.com/python/cpython/issues/106883
    """
    if sys.version_info[:2] != (3, 11) or not _is_on():
        # Later versions collect between two instructions only, earlier ones make no
        # objects here.
        return _frames()
    # In C from the first to the last, so nobody else ever finds the collector off.
    try:
        return [*map(operator.call, (_off, _frames, _on))][1]
    except BaseException:  # somebody's audit hook refuses
        _on()
        raise
