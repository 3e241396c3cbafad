"""Late turns → who kept the interpreter from the loop: what counts of it, and where.

Nobody is blamed by a guess. One thread must have been at work for most of the time in
which any was; what it stood at must be something that works, and no wait that it has
come to since; and of what is not known nothing is said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Set
from itertools import dropwhile

from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Frame, Keeper, LateTurn, Stack
from pytest_asyncbench._words.values import NamedTuple
from pytest_asyncbench._words.whose import is_ours, is_plumbing, is_users

__all__ = ["OTHERS", "Work", "kept_for", "work_of"]

OTHERS = 0.25
"""Who worked so little beside the keeper was not at work in turn with it."""

_RUN_THREADS = frozenset(
    {"threading", "concurrent.futures.thread", "anyio._backends._asyncio"}
)
"""What stands under the work of a thread."""


class Work(NamedTuple):
    """What a thread was at when it kept the interpreter."""

    stack: Stack
    """From the line at work to the line that handed the work over."""
    handed: Frame | None
    """That line."""


class Kept(NamedTuple):
    """For how many seconds a thread kept a loop waiting, and by what."""

    by_work: float
    by_collecting: float
    """What the garbage collector took, which met that thread by chance."""


def kept_for(policy: Policy, turn: LateTurn) -> Kept:
    """Tell for how many seconds one thread kept a loop waiting, less what is forgiven.

    What that thread lacked a processor for is the machine's, as the same time of the
    loop's own thread would be.
    """
    keeper = turn.keeper
    if keeper.others > OTHERS * keeper.share:
        return Kept(0.0, 0.0)
    is_strict = policy.starvation == "strict"
    if is_strict and turn.in_step:
        # Nothing of a step is forgiven then, so that its stall tells of it.
        return Kept(0.0, 0.0)
    seconds = turn.seconds * (1.0 if is_strict else min(1.0, keeper.share))
    collecting = min(seconds, sum(one.seconds for one in keeper.collections))
    return Kept(seconds - collecting, collecting)


def work_of(keeper: Keeper, waits: Set[str]) -> Work | None:
    """Tell what a thread was at; None where that is not known at all.

    `waits` are the calls that wait: a thread that stands at one has gone on by then.
    """
    job = keeper.handed
    handing = _from_users_line(job.stack) if job is not None else ()
    handed = next(iter(handing), None)
    inside = _less_what_runs_it(keeper.stack)
    if _waits(inside, waits):
        inside = ()
    if not inside and job is not None and job.function and handing:
        # A function in C has no frame, and one that is over has none any more.
        first = dataclasses.replace(handing[0], call=job.function)
        return Work((first, *handing[1:]), handed)
    return Work((*inside, *handing), handed) if inside else None


def _waits(stack: Stack, waits: Set[str]) -> bool:
    return any(
        name in waits
        for frame in stack
        for name in (*frame.names, *filter(None, [frame.call]))
    )


def _from_users_line(stack: Stack) -> Stack:
    # What stands further in is how a library hands over, not what it hands over.
    from_users = tuple(dropwhile(lambda frame: not is_users(frame.file), stack))
    return from_users or tuple(dropwhile(is_plumbing, stack))


def _less_what_runs_it(stack: Stack) -> Stack:
    for end in range(len(stack), 0, -1):
        frame = stack[end - 1]
        if not (frame.module in _RUN_THREADS or is_ours(frame.file)):
            return stack[:end]
    return ()
