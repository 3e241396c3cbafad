"""What is known of the interpreter and the kernel: stacks, threads, collections."""

from pytest_asyncbench._python.callee import callee
from pytest_asyncbench._python.collector import COLLECT, CollectionMeter, Collector
from pytest_asyncbench._python.frames import current_frames, getframe
from pytest_asyncbench._python.gil import has_gil, switch_interval
from pytest_asyncbench._python.greenlets import (
    Greenlet,
    outside_here,
    outside_of,
    own_greenlet,
)
from pytest_asyncbench._python.kernel import Doing, Kernel, does, is_parked, is_ready
from pytest_asyncbench._python.locks import Lock, acquire, held_lock
from pytest_asyncbench._python.machine import machine_class
from pytest_asyncbench._python.natives import (
    OWN_NAME,
    count_natives,
    name_native,
    named_of,
    natives,
)
from pytest_asyncbench._python.places import PlaceKey, codes_at, place_key
from pytest_asyncbench._python.shares import (
    Gap,
    Lost,
    Moment,
    Ours,
    Rest,
    Tick,
    asked_for,
    is_late,
    keeps_out,
    split_step,
    starved_between,
    stood,
    waited_for_gil,
)
from pytest_asyncbench._python.stack import (
    RawStack,
    capture,
    is_debugged,
    not_ours,
    raised_at,
    raw_frame,
    to_frame,
    to_stack,
)
from pytest_asyncbench._python.threads import (
    fork_reset,
    is_native,
    other_threads,
    semaphore_value,
    started_for,
    waiters,
)
from pytest_asyncbench._python.turns import Held, longer, turn_after, turn_within
from pytest_asyncbench._python.types_in_c import get_ready_for_methods, replace_methods

__all__ = [
    "COLLECT",
    "OWN_NAME",
    "CollectionMeter",
    "Collector",
    "Doing",
    "Gap",
    "Greenlet",
    "Held",
    "Kernel",
    "Lock",
    "Lost",
    "Moment",
    "Ours",
    "PlaceKey",
    "RawStack",
    "Rest",
    "Tick",
    "acquire",
    "asked_for",
    "callee",
    "capture",
    "codes_at",
    "count_natives",
    "current_frames",
    "does",
    "fork_reset",
    "get_ready_for_methods",
    "getframe",
    "has_gil",
    "held_lock",
    "is_debugged",
    "is_late",
    "is_native",
    "is_parked",
    "is_ready",
    "keeps_out",
    "longer",
    "machine_class",
    "name_native",
    "named_of",
    "natives",
    "not_ours",
    "other_threads",
    "outside_here",
    "outside_of",
    "own_greenlet",
    "place_key",
    "raised_at",
    "raw_frame",
    "replace_methods",
    "semaphore_value",
    "split_step",
    "started_for",
    "starved_between",
    "stood",
    "switch_interval",
    "to_frame",
    "to_stack",
    "turn_after",
    "turn_within",
    "waited_for_gil",
    "waiters",
]
