"""The record's page and schema say what its classes say, and what really is written.

``python docs/draw_record.py`` writes them anew.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from pytest_asyncbench._words.record import Record

DOCS = Path(__file__).parents[2] / "docs"


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw = _load(DOCS / "draw_record.py")

SUITE = """
import asyncio, subprocess, time
import pytest

async def slow():
    await asyncio.sleep(10)

@pytest.mark.budget("100ms", speedup=3)
async def test_overrun():
    await asyncio.gather(slow(), slow())

@pytest.mark.budget("100ms")
async def test_stuck():
    time.sleep(0.6)

@pytest.mark.no_blocking
async def test_blocks():
    subprocess.run(["true"])

@pytest.mark.no_blocking
@pytest.mark.budget("10s")
async def test_passes(blocking_calls):
    with blocking_calls.allowed("because"):
        time.sleep(0.001)
    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(4)))

@pytest.mark.no_blocking
def test_unmeasured():
    pass

@pytest.mark.virtual_time
@pytest.mark.budget("1s")
async def test_virtual():
    await slow()

@pytest.fixture
async def late():
    yield
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_teardown(late):
    await asyncio.sleep(0)
"""

TROUBLE = """
from pytest_asyncbench import Rule

def pytest_asyncbench_rules(config):
    yield Rule(target="asyncio.sleep", family="sleep", advice="...")
"""


@pytest.fixture
def run(play_once):
    return play_once(SUITE, conftest=TROUBLE)


@pytest.fixture
def written(run):
    """What the last report of each test carries, which knows of its teardown, too."""
    last = {name: dict(run[name].reports[-1]["properties"]) for name in run.outcomes}
    return {name: json.loads(each["asyncbench"]) for name, each in last.items()}


@pytest.mark.parametrize(
    ("path", "text"), [(draw.PAGE, draw.page), (draw.SCHEMA, draw.schema)]
)
def test_what_is_drawn_from_the_classes_is_up_to_date(path, text):
    """Else run docs/draw_record.py."""
    assert path.read_text(encoding="utf-8") == text()


def test_the_schema_is_one():
    """By the draft that it names."""
    schema = json.loads(draw.schema())
    jsonschema.Draft202012Validator.check_schema(schema)


def test_what_is_written_of_real_tests_is_as_the_schema_says(written):
    """Each key, in each place where one may be."""
    validator = jsonschema.Draft202012Validator(json.loads(draw.schema()))
    for record in written.values():
        validator.validate(record)
    assert written["test_overrun"]["overrun"]["alive"]
    assert written["test_stuck"]["overrun"]["stuck"]
    assert written["test_blocks"]["blocking"]
    assert any(record["problem_parts"] for record in written.values())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("wall", None),
        ("wall", "1 s"),
        ("version", 2),
        ("mode", "loud"),
        ("blocking", [{"kind": "call"}]),
        ("overrun", {}),
    ],
)
def test_what_is_wrong_with_a_record_is_found_by_the_schema(written, name, wrong):
    """It would be worth nothing otherwise."""
    validator = jsonschema.Draft202012Validator(json.loads(draw.schema()))
    record = written["test_passes"]
    assert validator.is_valid(record)
    assert not validator.is_valid({**record, name: wrong})


def test_no_key_of_a_real_record_is_without_a_line_on_the_page(written):
    """At any depth: who meets one looks it up there."""
    lines = draw.page().splitlines()
    told = {line.split("`")[1] for line in lines if line.startswith("| `")}
    assert set(_keys([*written.values()])) <= told


def _keys(json):
    if isinstance(json, list):
        for each in json:
            yield from _keys(each)
    elif isinstance(json, dict):
        yield from json
        yield from _keys([*json.values()])


def test_a_real_record_comes_back_as_it_was(written):
    """Through the class, to the last key."""
    for record in written.values():
        assert Record.from_json(record).to_json() == record


def test_a_field_without_a_unit_or_a_sentence_can_not_be_drawn():
    """So that none is added which the page says nothing of."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class NoUnit:
        seconds: float
        """For how long."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class NoSentence:
        name: str

    with pytest.raises(ValueError, match="under seconds names no unit"):
        list(draw._rows(NoUnit))
    with pytest.raises(ValueError, match=r"NoSentence\.name has no sentence"):
        list(draw._rows(NoSentence))


# ------------------------------------------------------- what real tests tell


def test_what_broke_is_told_where_it_was_told_to_the_user(written):
    """By kind, with limit and actual, those of the teardown included."""
    kinds = {
        name: [broken["kind"] for broken in record["violations"]]
        for name, record in written.items()
    }
    assert kinds == {
        "test_overrun": ["wall"],
        "test_stuck": ["wall"],
        "test_blocks": ["blocking"],
        "test_passes": [],
        "test_unmeasured": ["unmeasured"],
        "test_virtual": ["wall"],
        "test_teardown": ["blocking"],
    }
    (wall,) = written["test_virtual"]["violations"]
    assert wall["limit"] == 1.0
    assert 1.0 <= wall["actual"] < 1.01


def test_who_was_alive_is_told_at_the_users_line(written):
    """The test's own task first, and what each awaited."""
    overrun = written["test_overrun"]["overrun"]
    the_test, one, other = overrun["alive"]
    assert the_test["name"] == "the test"
    assert the_test["place"]["function"] == "test_overrun"
    for task in (one, other):
        assert task["place"]["function"] == "slow"
        assert 0.05 < task["seconds"] < 10
    assert overrun["count"] == 3
    assert overrun["cancelled"] is True
    assert overrun["stuck"] == []


def test_a_loop_that_was_stuck_is_told_with_its_line(written):
    """Where the step stood that was in the way of the cancellation."""
    places = written["test_stuck"]["overrun"]["stuck"]
    assert places[0]["function"] == "test_stuck"
