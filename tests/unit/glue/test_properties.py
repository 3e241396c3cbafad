"""The user properties of a test's reports, by which its record travels."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pytest_asyncbench._glue.properties import RecordReader, RecordWriter
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed

_VERDICT = Verdict(policy=Policy(), elapsed=Elapsed(wall=0.25, starved=0.0), steps=3)
RECORD = record_of(_VERDICT).to_json()


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"wall": 1e-05, "starved": None, "steps": 4},
        {"serial": 1.5, "speedup": 2.5, "together": 0.6},
        {"mode": "error"},
        {"problems": ["a name with \0 in it"]},
        {"loops": ["\0"]},
        {"mode": "\0", "steps": 7},
        {"timeline": {"lanes": []}, "wall": 2.0},
        {},
    ],
)
def test_what_is_written_is_the_record_whatever_was_written_before(own):
    """Less the parts that are too long; each text is sorted as any other."""
    writer = RecordWriter()
    for record in (RECORD, {**RECORD, **own}, {**RECORD, **own, "wall": 0.75}, RECORD):
        name, text = writer.property_of(record)
        assert name == "asyncbench"
        told = {**record, "timeline": None}
        assert text == json.dumps(told, sort_keys=True)


def _read(reader, record):
    report = SimpleNamespace(user_properties=[RecordWriter().property_of(record)])
    return [*reader.records_in(report)]


def test_records_that_differ_in_their_times_alone_are_made_once():
    reader = RecordReader()
    first = _read(reader, RECORD)
    own = {"wall": 1e-05, "starved": None}
    compared = {"serial": 1.5, "speedup": 2.5e-07, "together": 0.6}
    for times in (own, compared, {**own, **compared}):
        assert _read(reader, {**RECORD, **times})[0] is first[0]
    (other,) = _read(reader, {**RECORD, "steps": 5})
    assert other.steps == 5


def test_records_in_virtual_time_have_their_own_times():
    """The summary adds up what virtual time has saved of each test's wall."""
    reader = RecordReader()
    for wall in (2.0, 0.5):
        (record,) = _read(reader, {**RECORD, "virtual": 10.0, "wall": wall})
        assert record.wall == wall


def test_the_times_of_the_parts_of_a_record_are_no_times_of_its_own():
    """A what-if has a wall time, too, and the next record may have another there."""
    reader = RecordReader()
    for wall in (0.5, 0.25):
        case = {"place": None, "wall": wall, "speedup": None}
        (record,) = _read(reader, {**RECORD, "what_if": [case]})
        assert [each.wall for each in record.what_if] == [wall]


def test_the_speedup_that_was_promised_is_none_that_a_record_has():
    reader = RecordReader()
    for speedup in (2.0, 3.0):
        budget = {"within": 1.0, "speedup": speedup, "met": True}
        (record,) = _read(reader, {**RECORD, "budget": budget})
        assert record.budget.speedup == speedup


def test_a_text_that_looks_like_a_time_is_none():
    reader = RecordReader()
    for text in ('"wall": 1.5', '"wall": 2.5'):
        (record,) = _read(reader, {**RECORD, "problems": [text]})
        assert record.problems == (text,)
