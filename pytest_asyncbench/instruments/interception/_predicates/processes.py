"""Predicates on child processes and the pipes to them."""

from __future__ import annotations

from pytest_asyncbench.instruments.interception._predicates.arguments import (
    argument,
    is_zero,
)
from pytest_asyncbench.instruments.interception._words import Args, Kwargs

__all__ = ["message_here", "process_over", "process_read_out"]


def process_over(args: Args, kwargs: Kwargs) -> bool:
    # poll() collects a child that has ended, as wait() would a moment later.
    timeout = argument(args, kwargs, 1, "timeout", None)
    return is_zero(timeout) or args[0].poll() is not None


def process_read_out(args: Args, kwargs: Kwargs) -> bool:
    process = args[0]
    pipes = (process.stdin, process.stdout, process.stderr)
    return process.poll() is not None and all(p is None or p.closed for p in pipes)


def message_here(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].poll(0))
