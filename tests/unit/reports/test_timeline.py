"""The picture of who was in flight when, character for character."""

from __future__ import annotations

from pytest_asyncbench._reports.timeline import timeline
from pytest_asyncbench._words.decided import TaskTrace


def test_a_timeline_shows_when_each_was_in_flight():
    """On one scale, names in a column, with what each did."""
    lines = timeline(
        [
            TaskTrace(name="user", started=0.0, finished=0.5, waiting=0.5),
            TaskTrace(name="ads", started=0.5, finished=1.0, running=0.1, queued=0.4),
        ]
    )
    assert lines == [
        f"user |{'━' * 20}{' ' * 20}| waiting 0.500 s",
        f"ads  |{' ' * 20}{'━' * 20}| running 0.100 s, queued 0.400 s",
    ]


def test_even_the_shortest_task_is_visible():
    """One mark at least, and never beyond the edge."""
    tasks = [
        TaskTrace(name="a", started=0.0, finished=1.0),
        TaskTrace(name="b", started=1.0, finished=1.0),
    ]
    assert timeline(tasks)[1] == f"b |{' ' * 39}━| "
    assert timeline([TaskTrace(name="a", started=0.0, finished=0.0)]) == [
        f"a |━{' ' * 39}| "
    ]


def test_a_timeline_leaves_out_who_never_ran_and_counts_the_rest():
    """Twenty lines and how many more."""
    assert timeline([TaskTrace(name="a", started=None, finished=None)]) == []
    many = [TaskTrace(name="a", started=0.0, finished=1.0)] * 23
    assert (len(timeline(many)), timeline(many)[-1]) == (21, "… and 3 more")
