"""Which tests are run under many schedules, and by which one a test is run again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.marker_place import marker_place
from pytest_asyncbench._policy.replaying import mark_of, replay_of
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import MARKER, VirtualTime

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Policy

__all__ = ["keep_one", "with_schedules"]


def with_schedules(item: pytest.Item, policy: Policy) -> Policy:
    """Say of a test's policy what follows from its being run under schedules.

    Such a test lives in virtual time, unless it is said to live in real time.

    Raises:
        PolicyError: it can't be, and its marker asks for it.
    """
    if policy.schedule is not None:
        replay = replay_of(policy.schedule)
        is_it = replay.mark == mark_of(item.nodeid)
        policy = replace(policy, replay=replay if is_it else None, schedules=None)
    if not policy.runs_again:
        return policy
    if policy.replay is not None and policy.replay.mark != mark_of(item.nodeid):
        raise PolicyError(
            "@pytest.mark.schedules: replay= is the schedule of another test; "
            "accepted: the text that a failure of this one prints "
            f"({marker_place(item, 'schedules')})"
        )
    why = _why_not(item)
    if why is not None:
        for name in ("cancellations", "schedules", "replay"):
            if policy.sources.get(name) == MARKER:
                marker = "schedules" if name == "replay" else name
                place = marker_place(item, marker)
                raise PolicyError(f"@pytest.mark.{marker}: {why} ({place})")
        return replace(policy, schedules=None)
    if policy.virtual is None and "virtual" not in policy.sources:
        return replace(policy, virtual=VirtualTime())
    return policy if policy.virtual is not None else _in_real_time(item, policy)


def _in_real_time(item: pytest.Item, policy: Policy) -> Policy:
    """Say that real time's timers fall due when they do.

    Raises:
        PolicyError: its marker asks for another order of them.
    """
    if policy.schedules_timers == "free" and (
        policy.sources.get("schedules_timers") == MARKER
    ):
        raise PolicyError(
            "@pytest.mark.schedules: timers='free' is for virtual time, and this test "
            "is marked real_time; leave one of the two out "
            f"({marker_place(item, 'schedules')})"
        )
    return replace(policy, schedules_timers="together")


def _why_not(item: pytest.Item) -> str | None:
    if host.is_of_trio(item):
        return "trio runs this test, and it needs a loop of asyncio's"
    if host.runs_examples(item):
        return "Hypothesis runs this test many times by itself, each with its own order"
    return None


def keep_one(
    config: pytest.Config, items: list[pytest.Item], schedule: str
) -> list[str]:
    """Leave out all tests but the one of a schedule; say what is wrong if none is."""
    mark = replay_of(schedule).mark
    kept = [item for item in items if mark_of(item.nodeid) == mark]
    if not kept:
        wrong = (
            f"asyncbench (command line): schedule: none of the {len(items)} tests that "
            "were collected is the one that this schedule is of; it is known by its "
            "file, name and parameters"
        )
        return [wrong]
    left_out = [item for item in items if item not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    return []
