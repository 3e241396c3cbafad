"""What is told of the history."""

from __future__ import annotations

from pytest_asyncbench._judging.experience import budget_from
from pytest_asyncbench._reports.history import history_lines
from pytest_asyncbench._words.history import PassedRun


def runs(*took, **more):
    return [PassedRun(wall=each, **more) for each in took]


KNOWN = {
    "t.py::steady": runs(*[0.1] * 20, speedup=4.0),
    "t.py::slower": runs(*[0.2] * 20, *[0.3] * 5, speedup=1.0, blocked=0.05),
    "t.py::faster": runs(*[0.2] * 20, *[0.1] * 5, blocked=0.0),
    "t.py::new": runs(1.5),
}


def lines(known=KNOWN, **how):
    return [*history_lines(known, lambda nodeid: budget_from(known[nodeid]), **how)]


def test_each_kind_is_ranked_by_what_the_newest_runs_say():
    """With what a test is held to, and why it is not."""
    assert lines() == [
        "4 tests known from up to 25 runs",
        "slowest",
        "  1.500 s, learning: t.py::new",
        "  0.300 s, budget 0.340 s: t.py::slower",
        "  0.100 s, budget 0.170 s: t.py::steady",
        "  0.100 s, budget 0.340 s: t.py::faster",
        "trends, slower first",
        "  × 1.50, 0.200 s → 0.300 s: t.py::slower",
        "  × 0.50, 0.200 s → 0.100 s: t.py::faster",
        "least concurrent",
        "  speedup 1.00: t.py::slower",
        "  speedup 4.00, at least 1.3: t.py::steady",
        "most blocked",
        "  blocked for 50.0 ms: t.py::slower",
    ]


def test_many_tests_fit_a_screen_unless_all_are_wanted():
    """And it says how to see them."""
    known = {f"t.py::n{n}": runs(1.0 + n / 100) for n in range(20)}
    assert lines(known)[2].endswith("::n19")
    assert lines(known)[-1] == "  … and 15 more (--asyncbench-summary=all)"
    assert len(lines(known, whole=True)) == 2 + 20


def test_where_nothing_is_known_that_is_said():
    """Another class of machine may know more."""
    assert lines({}) == ["nothing is known on this class of machine"]


def test_tests_on_their_way_out_are_told_last():
    """Those first that go first."""
    told = lines(lacked={"t.py::slower": 1, "t.py::new": 2})
    assert told[:-3] == lines()
    assert told[-3:] == [
        "on their way out, after 3 full runs without",
        "  not in the last 2 full runs: t.py::new",
        "  not in the last full run: t.py::slower",
    ]
