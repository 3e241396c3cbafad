"""The report for Perfetto: what the Trace Event Format asks of it."""

from __future__ import annotations

import json

from run_by_hand import DRAWN, ROOT, RUN

from pytest_asyncbench._reports.perfetto import perfetto_report
from pytest_asyncbench._reports.run import RunReport
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed


def told_of(*timelines):
    """Give a run of tests with these timelines."""
    texts = {}
    for number, drawn in enumerate(timelines):
        verdict = Verdict(
            policy=Policy(), elapsed=Elapsed(wall=0.001), steps=9, timeline=drawn
        )
        text = json.dumps(record_of(verdict).to_json())
        texts[f"test_it.py::test_{number}"] = text
    return RunReport(RUN, None, texts, ROOT)


def checked(text):
    """Give the events of a trace of which the format holds.

    Each thread is named, its slices nest, and both ends of a flow hold on to one.
    """
    trace = json.loads(text)
    assert trace["displayTimeUnit"] in ("ms", "ns")
    events = trace["traceEvents"]
    named = {of(each) for each in events if each["name"] == "thread_name"}
    processes = {each["pid"] for each in events if each["name"] == "process_name"}
    slices = {}
    for each in events:
        assert each["pid"] in processes
        assert each["ph"] in "MXsf"
        if each["ph"] == "X":
            assert of(each) in named
            assert each["dur"] >= 0
            assert isinstance(each["name"], str)
            slices.setdefault(of(each), []).append((each["ts"], each["dur"]))
    for spans in slices.values():
        assert_nested(spans)
    assert_both_ends(events, slices)
    return events


def of(event):
    return event["pid"], event["tid"]


def assert_nested(spans):
    """Each slice lies within the one that is open as it begins."""
    open_until = []
    for began, lasted in sorted(spans, key=lambda span: (span[0], -span[1])):
        while open_until and open_until[-1] <= began:
            open_until.pop()
        assert not open_until or began + lasted <= open_until[-1]
        open_until.append(began + lasted)


def assert_both_ends(events, slices):
    """A flow begins and ends once, in this order, each within a slice."""
    ends = {"s": {}, "f": {}}
    for each in events:
        if each["ph"] in ends:
            assert each["id"] not in ends[each["ph"]]
            ends[each["ph"]][each["id"]] = each
            assert any(
                began <= each["ts"] < began + lasted
                for began, lasted in slices[of(each)]
            )
    assert ends["s"].keys() == ends["f"].keys()
    assert all(ends["s"][flow]["ts"] <= ends["f"][flow]["ts"] for flow in ends["s"])


def test_the_trace_is_what_the_format_asks_for():
    """Also of several tests, one without a timeline among them."""
    events = checked(perfetto_report(told_of(DRAWN, None, DRAWN)))
    processes = [e["args"]["name"] for e in events if e["name"] == "process_name"]
    assert processes == ["test_it.py::test_0", "test_it.py::test_2"]
    assert len([each for each in events if each["ph"] == "s"]) == 4


def test_slices_say_what_was_done_and_what_was_waited_for():
    """As on the row of its task, and of the loop."""
    events = checked(perfetto_report(told_of(DRAWN)))
    names = {}
    for each in events:
        if each["ph"] == "X":
            names.setdefault(each["tid"], []).append(each["name"])
    assert names == {
        1: ["running", "idle", "running"],
        2: ["running", f"waiting: {DRAWN.texts[0]}", DRAWN.texts[1]],
        3: ["queued", "running", "waiting", "queued", "running"],
    }
    (labels,) = [e["args"]["labels"] for e in events if e["name"] == "process_labels"]
    assert labels == "wall 1.0 ms, 3 tasks not drawn"


def test_a_flow_goes_from_the_step_that_woke_to_the_one_that_was_woken():
    """What has no slice to hold on to is left out, with both ends."""
    events = checked(perfetto_report(told_of(DRAWN)))
    flows = [(e["ph"], e["tid"], e["ts"]) for e in events if e["ph"] in "sf"]
    assert flows == [("s", 2, 99), ("f", 3, 100), ("s", 2, 799), ("f", 3, 800)]


def test_a_run_without_timelines_is_an_empty_trace():
    """Which opens all the same."""
    assert checked(perfetto_report(told_of(None))) == []
