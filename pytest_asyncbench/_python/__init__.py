"""What is known of the interpreter and the kernel: stacks, threads, collections."""

from typing import TYPE_CHECKING

from pytest_asyncbench._words.faces import face

if TYPE_CHECKING:
    from pytest_asyncbench._python.callees import callee, public_name
    from pytest_asyncbench._python.collector import COLLECT, CollectionMeter, Collector
    from pytest_asyncbench._python.frames import current_frames, getframe
    from pytest_asyncbench._python.gil import has_gil, switch_interval
    from pytest_asyncbench._python.greenlets import (
        Greenlet,
        outside_here,
        outside_of,
        own_greenlet,
    )
    from pytest_asyncbench._python.imports import when_imported
    from pytest_asyncbench._python.kernel import (
        Doing,
        Kernel,
        does,
        is_parked,
        is_ready,
        waits_here,
    )
    from pytest_asyncbench._python.locks import Lock, acquire, held_lock
    from pytest_asyncbench._python.machine import machine_class, software
    from pytest_asyncbench._python.native_threads import (
        OWN_NAME,
        count_natives,
        name_native,
        named_of,
        natives,
    )
    from pytest_asyncbench._python.places import PlaceKey, codes_at, place_key
    from pytest_asyncbench._python.shares import (
        Cost,
        Gap,
        Lost,
        Moment,
        Ours,
        Rest,
        Tick,
        asked_for,
        is_late,
        keeps_out,
        lacked_processor,
        split_step,
        starved_between,
        stood,
        stopped_between,
        waited_for_gil,
    )
    from pytest_asyncbench._python.stack import (
        RawStack,
        capture,
        capture_all,
        capture_lines,
        is_debugged,
        not_ours,
        raised_at,
        raw_frame,
        to_frame,
        to_stack,
    )
    from pytest_asyncbench._python.threads import (
        fork_reset,
        future_of,
        is_native,
        is_of_pool,
        known_threads,
        other_threads,
        processes_of_this,
        rested_since,
        running_threads,
        semaphore_value,
        started_for,
        waiters,
        work_queue,
    )
    from pytest_asyncbench._python.turns import Held, longer, turn_after, turn_within
    from pytest_asyncbench._python.types_in_c import (
        get_ready_for_methods,
        replace_methods,
    )

__all__ = [
    "COLLECT",
    "OWN_NAME",
    "CollectionMeter",
    "Collector",
    "Cost",
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
    "capture_all",
    "capture_lines",
    "codes_at",
    "count_natives",
    "current_frames",
    "does",
    "fork_reset",
    "future_of",
    "get_ready_for_methods",
    "getframe",
    "has_gil",
    "held_lock",
    "is_debugged",
    "is_late",
    "is_native",
    "is_of_pool",
    "is_parked",
    "is_ready",
    "keeps_out",
    "known_threads",
    "lacked_processor",
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
    "processes_of_this",
    "public_name",
    "raised_at",
    "raw_frame",
    "replace_methods",
    "rested_since",
    "running_threads",
    "semaphore_value",
    "software",
    "split_step",
    "started_for",
    "starved_between",
    "stood",
    "stopped_between",
    "switch_interval",
    "to_frame",
    "to_stack",
    "turn_after",
    "turn_within",
    "waited_for_gil",
    "waiters",
    "waits_here",
    "when_imported",
    "work_queue",
]

if not TYPE_CHECKING:  # a checker would take any name for one that exists
    __getattr__ = face(
        __name__,
        {
            "callees": "callee public_name",
            "collector": "COLLECT CollectionMeter Collector",
            "frames": "current_frames getframe",
            "gil": "has_gil switch_interval",
            "greenlets": "Greenlet outside_here outside_of own_greenlet",
            "imports": "when_imported",
            "kernel": "Doing Kernel does is_parked is_ready waits_here",
            "locks": "Lock acquire held_lock",
            "machine": "machine_class software",
            "native_threads": "OWN_NAME count_natives name_native named_of natives",
            "places": "PlaceKey codes_at place_key",
            "shares": "Cost Gap Lost Moment Ours Rest Tick asked_for is_late keeps_out "
            "lacked_processor split_step starved_between stood stopped_between "
            "waited_for_gil",
            "stack": "RawStack capture capture_all capture_lines is_debugged not_ours "
            "raised_at raw_frame to_frame to_stack",
            "threads": "fork_reset future_of is_native is_of_pool known_threads "
            "other_threads processes_of_this rested_since running_threads "
            "semaphore_value started_for waiters work_queue",
            "turns": "Held longer turn_after turn_within",
            "types_in_c": "get_ready_for_methods replace_methods",
        },
    )
