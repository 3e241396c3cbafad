"""The parts of several machines, made one: what is told, and when they are full."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_asyncbench._reports.parts import read_part, united
from pytest_asyncbench._words.baseline import Baseline, BaselineEntry
from pytest_asyncbench._words.decided import Finding, Verdict
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.history import PassedRun
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed


def record(*calls, near=(), **more):
    """Give the record of a test in which these calls blocked."""
    findings = tuple(
        Finding(
            kind="call",
            call=call,
            file="/ci/shop/price.py",
            line=8,
            function="price_of",
            module="shop.price",
            seconds=0.25,
            **more,
        )
        for call in calls
    )
    verdict = Verdict(
        policy=Policy(blocking="report"),
        elapsed=Elapsed(wall=1.0),
        steps=3,
        findings=findings,
        near_stalls=near,
    )
    return record_of(verdict).to_json()


def text(tests=None, version=1, python="3.12.1", **part):
    """Give what one machine has written."""
    given = {
        "id": "a",
        "number": None,
        "of": None,
        "root": "/ci",
        "paths": ["."],
        "testpaths": ["tests"],
        "left_out": [],
        "cut_short": [],
        "machine": "a fast one",
        "not_passed": [],
        "unwatched": [],
        "blocking": "report",
        "rules": ["sleep", "network"],
        "calls": {},
        "baseline": True,
    }
    run = {
        "asyncbench": "0.1.0",
        "pytest": "9.0",
        "python": python,
        "system": "Linux",
        "exitstatus": 0,
        "partial": None,
        "part": {**given, **part},
    }
    listed = [{"nodeid": n, "record": r} for n, r in (tests or {}).items()]
    return json.dumps({"version": version, "run": run, "tests": listed})


def parts(*texts):
    return [read_part(each, f"{n}.json") for n, each in enumerate(texts, 1)]


def together(*texts):
    return united(parts(*texts))


ONE, OTHER = "tests/test_a.py::test_one", "tests/test_a.py::test_other"


@pytest.mark.parametrize(
    ("ours", "others", "partial"),
    [
        ({"left_out": [ONE]}, {"left_out": [OTHER]}, None),
        (
            {"left_out": [ONE]},
            {"left_out": [ONE, OTHER]},
            f"{ONE} was left out by every part",
        ),
        (
            {"left_out": [ONE, OTHER]},
            {"paths": ["tests/test_b.py"]},
            f"{ONE} was left out by every part, and 1 more",
        ),
        (
            {"paths": ["tests/a"], "testpaths": ["tests/a", "tests/b"]},
            {"paths": ["tests/b"], "testpaths": ["tests/a", "tests/b"]},
            None,
        ),
        (
            {"paths": ["tests/a"]},
            {"paths": ["tests/b"]},
            "no part was given all of tests (testpaths)",
        ),
        (
            {"cut_short": ["the run was interrupted"]},
            {},
            "1.json: the run was interrupted",
        ),
    ],
)
def test_full_is_judged_on_all_parts_together(ours, others, partial):
    """A test must have run in one of them, and each path been given to one."""
    both = together(text(id="a", **ours), text(id="b", **others))
    assert both.partial == partial
    assert both.report("/here").partial == partial


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["{"], "1.json: is no JSON"),
        (["[]"], "1.json: is no report; --asyncbench-report=PART.json writes one"),
        ([text(version=2)], "1.json: is of version 2; known here is 1"),
        ([text(left_out=None)], "1.json: can't be united with others, since it lacks"),
        ([text({ONE: {"version": 7}})], "1.json: a record can't be read: "),
        ([text(), text()], "2.json: is the same run as 1.json"),
        (
            [text(number=1, of=3), text(id="b", number=3, of=3)],
            "part 2 of 3 missing (Python 3.12, Linux)",
        ),
        (
            [text(number=1, of=2), text(id="b", number=1, of=2)],
            "2.json: is part 1 of 2, and so is 1.json (Python 3.12, Linux)",
        ),
        (
            [text(number=1, of=2), text(id="b", number=2, of=3)],
            "2.json: is a part of 3, and 1.json is one of 2 (Python 3.12, Linux)",
        ),
        (
            [text(), text(id="b").replace('"0.1.0"', '"0.2.0"')],
            "2.json: pytest-asyncbench 0.2.0 wrote it, and 0.1.0 wrote 1.json",
        ),
        (
            [text().replace('"part"', '"parts"')],
            "1.json: is made of parts itself; give these",
        ),
        (
            [text().replace('"exitstatus": 0', '"exitstatus": null')],
            "1.json: can't be united with others, since it lacks a number",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(texts, told):
    """The error names the file, and what is wrong with it."""
    with pytest.raises(PolicyError) as raised:
        together(*texts)
    assert str(raised.value).startswith(told)


def test_each_python_may_have_its_own_split():
    """Then part 1 of 2 comes twice, and both are there."""
    both = together(
        *(
            text({ONE: record()}, python=python, id=f"{python}{n}", number=n, of=2)
            for python in ("3.12.1", "3.13.0")
            for n in (1, 2)
        )
    )
    assert both.partial is None
    told = both.report("/here")
    assert told.run["python"] == "3.12.1, 3.13.0"
    assert [*told.texts] == [f"{ONE} [{n}.json]" for n in (1, 2, 3, 4)]
    several = together(*(text({ONE: record()}, python=p, id=p) for p in ("3.12", "4")))
    named = [f"{ONE} [Python 3.12, Linux]", f"{ONE} [Python 4, Linux]"]
    assert [*several.report("/here").texts] == named


def test_files_are_told_from_the_folder_of_this_machine():
    """Each machine may have its checkout elsewhere."""
    told = together(text({ONE: record("time.sleep")})).report("/home/user")
    (entry,) = told.records[ONE].blocking
    assert entry.file == "/home/user/shop/price.py"
    elsewhere = together(text({ONE: record("time.sleep")}, root="/ci/sh"))
    (entry,) = elsewhere.report("/home").records[ONE].blocking
    assert entry.file == "/ci/shop/price.py"


PRICE = "shop.price.price_of"


def entry(call, **more):
    return BaselineEntry(fingerprint=f"{PRICE} > {call}", **more)


def test_what_blocked_in_any_part_is_found():
    """Less what is accepted for another reason; a reason that a person wrote stays."""
    both = together(
        text({ONE: record("time.sleep")}),
        text({OTHER: record("os.wait", allowed="so", allowance="a")}, id="b"),
    )
    before = Baseline((entry("time.sleep", reason="old"),))
    assert both.found(before) == [entry("time.sleep", reason="old")]


@pytest.mark.parametrize(
    ("ours", "gone"),
    [
        ({}, True),
        ({"cut_short": ["it ended"]}, False),
        ({"blocking": "off"}, False),
        ({"rules": ["network"]}, False),
    ],
)
def test_what_no_part_has_seen_is_gone_where_all_have_looked(ours, gone):
    """And all together were a full run."""
    both = together(text({ONE: record("socket.connect")}, **ours), text(id="b"))
    before = Baseline((entry("time.sleep"), entry("socket.connect")))
    assert both.gone(before) == ([f"{PRICE} > time.sleep"] if gone else [])


@pytest.mark.parametrize(
    ("near", "baseline", "gone"),
    [((), True, True), ((PRICE,), True, False), ((), False, False)],
)
def test_a_stalls_entry_goes_only_where_its_function_is_known_to_be_quick(
    near, baseline, gone
):
    """Which nobody knows of a part that was run without a baseline."""
    both = together(text({ONE: record(near=near)}, baseline=baseline), text(id="b"))
    stalled = entry("json.loads", stall=True)
    assert both.gone(Baseline((stalled,))) == ([stalled.fingerprint] if gone else [])


def test_a_history_learns_of_each_class_of_machine_by_itself():
    """By the test's own name, without its group; and nothing of what has not passed."""
    both = together(
        text({ONE: record(), OTHER: record()}, not_passed=[OTHER]),
        text({f"{ONE}@db": record("time.sleep")}, id="b", machine="a slow one"),
    )
    run = PassedRun(wall=1.0, blocked=0.0)
    passed = {part.machine: passed for part, passed in both.passed().items()}
    assert passed == {
        "a fast one": {ONE: run},
        "a slow one": {ONE: replace(run, blocked=0.25)},
    }


def test_of_a_test_that_two_parts_ran_on_one_class_of_machine_the_last_counts():
    """One machine alike another has run it again."""
    both = together(
        text({ONE: record(), OTHER: record()}),
        text({ONE: record("time.sleep")}, id="b"),
    )
    assert {part.identity: [*passed] for part, passed in both.passed().items()} == {
        "a": [OTHER],
        "b": [ONE],
    }


def test_what_failed_in_one_part_and_passed_in_another_teaches_nothing():
    """It was run again, on a machine like the first, and passed by chance."""
    both = together(
        text({ONE: record()}, not_passed=[ONE]), text({ONE: record()}, id="b")
    )
    assert both.passed() == {}


def test_a_class_of_machine_whose_parts_are_a_full_run_tells_what_ran():
    """With what was not watched; what ran on another class alone is no loss of it."""
    whole = {
        "id": "c",
        "machine": "a full one",
        "left_out": [],
        "unwatched": ["tests/test_a.py::test_sync", f"{OTHER}@db"],
    }
    split = together(
        text({ONE: record()}, left_out=[OTHER]),
        text({OTHER: record()}, id="b", left_out=[ONE], machine="a slow one"),
        text({ONE: record()}, **whole),
    )
    assert split.partial is None
    assert split.full_runs() == {
        "a full one": {ONE, OTHER, "tests/test_a.py::test_sync"}
    }
    halves = together(
        text({ONE: record()}, left_out=[OTHER]),
        text({OTHER: record()}, id="b", left_out=[ONE]),
    )
    assert halves.full_runs() == {"a fast one": {ONE, OTHER}}
