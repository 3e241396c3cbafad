"""Predicates on child processes and the pipes to them."""

from __future__ import annotations

import sys

from pytest_asyncbench._interception.predicates.arguments import argument, is_zero
from pytest_asyncbench._interception.predicates.registry import predicate
from pytest_asyncbench._interception.signatures import Args, Kwargs

__all__: list[str] = []


@predicate
def process_over(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the child process has ended, or `timeout` is zero."""
    # poll() collects a child that has ended, as wait() would a moment later.
    timeout = argument(args, kwargs, 1, "timeout", None)
    return is_zero(timeout) or args[0].poll() is not None


@predicate
def process_read_out(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the child process has ended, and no pipe to it is open."""
    process = args[0]
    pipes = (process.stdin, process.stdout, process.stderr)
    return process.poll() is not None and all(p is None or p.closed for p in pipes)


@predicate
def process_queue_has_room(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the queue of a process has room, or won't be waited for."""
    if not argument(args, kwargs, 2, "block", True):
        return True
    timeout = argument(args, kwargs, 3, "timeout", None)
    return is_zero(timeout) or not args[0].full()


@predicate
def one_is_ready(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether a listed connection or process is ready, or `timeout` zero."""
    if is_zero(argument(args, kwargs, 1, "timeout", None)):
        return True
    objects = argument(args, kwargs, 0, "object_list", ())
    if not isinstance(objects, (list, tuple, set, frozenset, dict)):
        return False  # an iterator would be used up by looking
    connection = sys.modules["multiprocessing.connection"]  # which is asked here
    return bool(connection.wait(objects, 0))


@predicate
def message_here_or_zero_timeout(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether a message has come, or `timeout` is zero or not given."""
    timeout = argument(args, kwargs, 1, "timeout", 0.0)
    return is_zero(timeout) or message_here(args, kwargs)


@predicate
def message_here(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether a message has come through the connection."""
    return bool(args[0].poll(0))
