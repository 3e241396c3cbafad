"""What is known of event loops: their steps, their tasks, their connections."""

from typing import TYPE_CHECKING

from pytest_asyncbench._words.faces import face

if TYPE_CHECKING:
    from pytest_asyncbench._loops import names
    from pytest_asyncbench._loops.awaiting import (
        await_chain,
        awaited_tasks,
        awaits_outside,
        by_name,
        closes_a_generator,
        is_cleaning_up,
        is_internal,
        is_told_to_end,
        leaves_a_group,
        makes_a_server,
        may_mistake_cancellation,
        stands_at,
        waits_for_a_lock,
        waits_for_ever,
    )
    from pytest_asyncbench._loops.completion import hands_on_one_by_one
    from pytest_asyncbench._loops.coroutine_functions import (
        as_coroutine_function,
        is_no_callback,
    )
    from pytest_asyncbench._loops.deadlock import describe_tasks
    from pytest_asyncbench._loops.doors import (
        close_doors,
        keep_doors,
        made_by_caller,
        stand_in,
        who_calls,
    )
    from pytest_asyncbench._loops.first_step import FirstStep
    from pytest_asyncbench._loops.lanes import (
        Entry,
        Lane,
        LaneQueue,
        LaneTask,
        ends_a_wait,
        put_lanes,
    )
    from pytest_asyncbench._loops.links import Links, watch_writes
    from pytest_asyncbench._loops.names import (
        AnyCoroutine,
        AnyFuture,
        AnyTask,
        running_loop,
    )
    from pytest_asyncbench._loops.own_answers import is_closed, runs
    from pytest_asyncbench._loops.own_turn import handle_of_turn, turn_around
    from pytest_asyncbench._loops.passages import keep_passage, passage
    from pytest_asyncbench._loops.steps import (
        LongStep,
        StepProbe,
        end_last,
        hand_to_asyncio,
    )
    from pytest_asyncbench._loops.tasks import (
        TASKS,
        caller_in_c,
        describe_callback,
        has_begun,
        is_running,
        label,
        leave_behind,
        task_label,
        written_at,
    )
    from pytest_asyncbench._loops.view import (
        MOST_AT_ONCE,
        POLLED,
        HeldUp,
        LoopView,
        Views,
    )

__all__ = [
    "MOST_AT_ONCE",
    "POLLED",
    "TASKS",
    "AnyCoroutine",
    "AnyFuture",
    "AnyTask",
    "Entry",
    "FirstStep",
    "HeldUp",
    "Lane",
    "LaneQueue",
    "LaneTask",
    "Links",
    "LongStep",
    "LoopView",
    "StepProbe",
    "Views",
    "as_coroutine_function",
    "await_chain",
    "awaited_tasks",
    "awaits_outside",
    "by_name",
    "caller_in_c",
    "close_doors",
    "closes_a_generator",
    "describe_callback",
    "describe_tasks",
    "end_last",
    "ends_a_wait",
    "hand_to_asyncio",
    "handle_of_turn",
    "hands_on_one_by_one",
    "has_begun",
    "is_cleaning_up",
    "is_closed",
    "is_internal",
    "is_no_callback",
    "is_running",
    "is_told_to_end",
    "keep_doors",
    "keep_passage",
    "label",
    "leave_behind",
    "leaves_a_group",
    "made_by_caller",
    "makes_a_server",
    "may_mistake_cancellation",
    "names",
    "passage",
    "put_lanes",
    "running_loop",
    "runs",
    "stand_in",
    "stands_at",
    "task_label",
    "turn_around",
    "waits_for_a_lock",
    "waits_for_ever",
    "watch_writes",
    "who_calls",
    "written_at",
]

if not TYPE_CHECKING:  # a checker would take any name for one that exists
    __getattr__ = face(
        __name__,
        {
            "awaiting": "await_chain awaited_tasks awaits_outside by_name "
            "closes_a_generator is_cleaning_up is_internal is_told_to_end "
            "leaves_a_group makes_a_server may_mistake_cancellation stands_at "
            "waits_for_a_lock waits_for_ever",
            "completion": "hands_on_one_by_one",
            "coroutine_functions": "as_coroutine_function is_no_callback",
            "deadlock": "describe_tasks",
            "doors": "close_doors keep_doors made_by_caller stand_in who_calls",
            "first_step": "FirstStep",
            "lanes": "Entry Lane LaneQueue LaneTask ends_a_wait put_lanes",
            "links": "Links watch_writes",
            "names": "AnyCoroutine AnyFuture AnyTask running_loop",
            "own_answers": "is_closed runs",
            "own_turn": "handle_of_turn turn_around",
            "passages": "keep_passage passage",
            "steps": "LongStep StepProbe end_last hand_to_asyncio",
            "tasks": "TASKS caller_in_c describe_callback has_begun is_running label "
            "leave_behind task_label written_at",
            "view": "MOST_AT_ONCE POLLED HeldUp LoopView Views",
        },
    )
