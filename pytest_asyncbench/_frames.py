"""What each thread of the process is doing: the frame that runs in it now."""

from __future__ import annotations

import gc
import operator
import sys
from types import FrameType

__all__ = ["current_frames"]


def current_frames() -> dict[int, FrameType]:
    """Do as ``sys._current_frames`` does, and start no garbage collection meanwhile.

    3.11 makes the frames' objects while it keeps the list of threads locked. A
    collection that this starts runs Python code (callbacks, finalizers), which may
    lose the GIL to a thread that begins or ends, and so waits for the list with the GIL
    in its hands: nobody ever goes on. See https://github.com/python/cpython/issues/106883
    """
    if sys.version_info[:2] != (3, 11) or not gc.isenabled():
        # Later versions collect between two instructions only, earlier ones make no
        # objects here.
        return sys._current_frames()
    # In C from the first to the last, so nobody else ever finds the collector off.
    calls = (gc.disable, sys._current_frames, gc.enable)
    try:
        _, frames, _ = map(operator.call, calls)
    except BaseException:  # somebody's audit hook refuses
        gc.enable()
        raise
    return frames
