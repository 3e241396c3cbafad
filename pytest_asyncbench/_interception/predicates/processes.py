"""Predicates on child processes and the pipes to them."""

from __future__ import annotations

import multiprocessing.connection

from pytest_asyncbench._interception.predicates.arguments import (
    argument,
    is_zero,
)
from pytest_asyncbench._interception.words import Args, Kwargs

__all__ = [
    "message_here",
    "message_here_or_zero_timeout",
    "one_is_ready",
    "process_over",
    "process_queue_has_room",
    "process_read_out",
]


def process_over(args: Args, kwargs: Kwargs) -> bool:
    # poll() collects a child that has ended, as wait() would a moment later.
    timeout = argument(args, kwargs, 1, "timeout", None)
    return is_zero(timeout) or args[0].poll() is not None


def process_read_out(args: Args, kwargs: Kwargs) -> bool:
    process = args[0]
    pipes = (process.stdin, process.stdout, process.stderr)
    return process.poll() is not None and all(p is None or p.closed for p in pipes)


def process_queue_has_room(args: Args, kwargs: Kwargs) -> bool:
    if not argument(args, kwargs, 2, "block", True):
        return True
    timeout = argument(args, kwargs, 3, "timeout", None)
    return is_zero(timeout) or not args[0].full()


def one_is_ready(args: Args, kwargs: Kwargs) -> bool:
    if is_zero(argument(args, kwargs, 1, "timeout", None)):
        return True
    objects = argument(args, kwargs, 0, "object_list", ())
    if not isinstance(objects, (list, tuple, set, frozenset, dict)):
        return False  # an iterator would be used up by looking
    return bool(multiprocessing.connection.wait(objects, 0))


def message_here_or_zero_timeout(args: Args, kwargs: Kwargs) -> bool:
    timeout = argument(args, kwargs, 1, "timeout", 0.0)
    return is_zero(timeout) or message_here(args, kwargs)


def message_here(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].poll(0))
