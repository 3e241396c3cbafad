"""What of a test's record its history keeps."""

from __future__ import annotations

from pytest_asyncbench._words.history import PassedRun
from pytest_asyncbench._words.record import Record

__all__ = ["passed_run"]


def passed_run(record: Record) -> PassedRun | None:
    """Give what a test took that has passed; None where it says nothing of the next.

    It has not run a loop, has broken a promise, or a person looked at it meanwhile.
    """
    if not record.steps or record.violations or record.waived or record.debugged:
        return None
    blocked = sum(each.seconds for each in record.blocking if each.allowed is None)
    starved = min(record.starved or 0.0, record.wall)
    wall = record.wall
    if record.virtual is not None:
        wall, starved = record.virtual, 0.0
    elif record.repeated is not None:
        # A budget is for the median of its runs, which is less what was forgiven.
        wall, starved = record.repeated.wall.median, 0.0
    return PassedRun(
        wall=wall,
        starved=starved,
        speedup=record.speedup,
        blocked=None if record.mode == "off" else blocked,
    )
