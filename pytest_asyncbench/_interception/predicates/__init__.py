"""The table of predicates that a rule's `harmless` can name.

Each tells from a call's arguments, before it is made, that it cannot wait. What is
asked of an object must not change it, nor wait itself. None of them knows the rule
that asks, nor who calls.
"""

from __future__ import annotations

from pytest_asyncbench._interception.predicates.arguments import (
    file_descriptor,
    file_lock_tried,
    no_hang,
    spawn_without_wait,
    zero_get,
    zero_poll,
    zero_select,
    zero_sleep,
    zero_timeout,
)
from pytest_asyncbench._interception.predicates.executors import (
    executor_at_rest,
    executor_without_processes,
)
from pytest_asyncbench._interception.predicates.processes import (
    message_here,
    message_here_or_zero_timeout,
    one_is_ready,
    process_over,
    process_queue_has_room,
    process_read_out,
)
from pytest_asyncbench._interception.predicates.sockets import (
    nonblocking,
    nonblocking_or_datagram,
    nonblocking_or_flagged_second,
    nonblocking_or_flagged_third,
    numeric_host,
    numeric_name,
)
from pytest_asyncbench._interception.predicates.threads import (
    event_set,
    free_lock,
    future_done,
    futures_done,
    last_at_barrier,
    queue_done,
    queue_has_item,
    queue_has_room,
    semaphore_free,
    thread_over,
)
from pytest_asyncbench._interception.words import Predicate

__all__ = ["PREDICATES"]

PREDICATES: dict[str, Predicate] = {
    predicate.__name__: predicate
    for predicate in (
        event_set,
        executor_at_rest,
        executor_without_processes,
        file_descriptor,
        file_lock_tried,
        free_lock,
        future_done,
        futures_done,
        last_at_barrier,
        message_here,
        message_here_or_zero_timeout,
        no_hang,
        nonblocking,
        nonblocking_or_datagram,
        nonblocking_or_flagged_second,
        nonblocking_or_flagged_third,
        numeric_host,
        numeric_name,
        one_is_ready,
        process_over,
        process_queue_has_room,
        process_read_out,
        queue_done,
        queue_has_item,
        queue_has_room,
        semaphore_free,
        spawn_without_wait,
        thread_over,
        zero_get,
        zero_poll,
        zero_select,
        zero_sleep,
        zero_timeout,
    )
}
