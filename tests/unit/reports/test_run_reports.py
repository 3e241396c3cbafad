"""Reports of a run, for machines and for a job's summary, from records made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from by_hand import SITE
from referencing import Registry, Resource
from run_by_hand import ROOT, RUN

from pytest_asyncbench._reports.annotations import github_lines, gitlab_report
from pytest_asyncbench._reports.markdown import markdown_report
from pytest_asyncbench._reports.run import RunReport, json_report
from pytest_asyncbench._reports.sarif import sarif_report
from pytest_asyncbench._words.decided import Finding, Verdict, Violation
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed

DOCS = Path(__file__).parents[3] / "docs"


def found(call="time.sleep", line=88, **more):
    """Give what blocked at one place."""
    given = {
        "kind": "call",
        "call": call,
        "file": f"{ROOT}/shop/pri cing.py",
        "line": line,
        "module": "shop.pricing",
        "function": "price_of",
        "seconds": 0.25,
        "advice": "await asyncio.sleep(...)",
        **more,
    }
    return Finding(**given)


def told_of(*findings, failed=False, blocking="error", **run):
    """Give what the reports are made of: two tests that found the same."""
    broken = (Violation(kind="blocking"),) if failed else ()
    verdict = Verdict(
        policy=Policy(blocking=blocking),
        elapsed=Elapsed(wall=1.0),
        steps=1000,
        findings=findings,
        violations=broken,
    )
    text = json.dumps(record_of(verdict).to_json())
    texts = {f"tests/test_it.py::test_{name}": text for name in "ab"}
    return RunReport({**RUN, **run}, run.get("partial"), texts, ROOT)


def markdown_of(told):
    """Give a run in Markdown."""
    return markdown_report(told.records, told.root, told.partial)


@pytest.mark.parametrize("findings", [(), (found(), found(allowed="why"))])
def test_the_json_is_what_its_schema_says(findings):
    """Each record by the record's own schema."""
    report = json.loads(json_report(told_of(*findings)))
    schema = json.loads((DOCS / "report.schema.json").read_text("utf-8"))
    record = json.loads((DOCS / "record.schema.json").read_text("utf-8"))
    known = Registry().with_resource(
        "record.schema.json", Resource.from_contents(record)
    )
    jsonschema.Draft202012Validator(schema, registry=known).validate(report)
    assert [test["nodeid"] for test in report["tests"]] == [
        "tests/test_it.py::test_a",
        "tests/test_it.py::test_b",
    ]


def test_a_run_in_which_nothing_was_watched_has_a_report_all_the_same():
    """Of each kind."""
    told = RunReport(RUN, None, {}, ROOT)
    assert json.loads(json_report(told))["tests"] == []
    assert json.loads(sarif_report(told))["runs"][0]["results"] == []
    assert "0 tests and 0 steps measured." in markdown_of(told)


def test_a_record_that_can_not_be_read_stops_no_report():
    """A worker may have another version of the plugin."""
    told = RunReport(RUN, None, {"t.py::x": '{"version": 9}'}, ROOT)
    assert json.loads(json_report(told))["tests"][0]["record"] == {"version": 9}
    assert json.loads(sarif_report(told))["runs"][0]["results"] == []


def results(told):
    """Give the results of a report for code scanning."""
    report = json.loads(sarif_report(told))
    assert report["version"] == "2.1.0"
    (run,) = report["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert all(each["ruleId"] in rules for each in run["results"])
    return run["results"]


def test_sarif_has_a_result_for_each_place():
    """At its line, from the root folder, with what names it when the line moves."""
    (one,) = results(told_of(found()))
    assert one["locations"][0]["physicalLocation"] == {
        "artifactLocation": {
            "uri": "shop/pri%20cing.py",
            "uriBaseId": "%SRCROOT%",
        },
        "region": {"startLine": 88},
    }
    assert one["partialFingerprints"] == {
        "asyncbench/v1": "shop.pricing.price_of > time.sleep"
    }
    assert one["message"]["text"] == (
        "time.sleep kept the event loop for 0.500 s, 2 times in 2 tests, called in "
        "price_of. Use: await asyncio.sleep(...)"
    )


def test_sarif_tells_what_failed_a_test_from_what_did_not():
    """What is accepted is suppressed, with its reason."""
    assert results(told_of(found(), failed=True))[0]["level"] == "error"
    assert results(told_of(found()))[0]["level"] == "warning"
    (one,) = results(told_of(found(allowed="until #12"), failed=True))
    assert one["level"] == "note"
    assert one["suppressions"] == [{"kind": "external", "justification": "until #12"}]


def test_sarif_names_a_place_outside_of_the_root_folder_and_one_without_a_line():
    """A line below 1 is no region."""
    (one,) = results(told_of(found(file=f"{SITE}/httpx/a.py", line=0)))
    physical = one["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"].startswith("file:///")
    assert "region" not in physical
    (one,) = results(told_of(found(file="<string>")))
    physical = one["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "%3Cstring%3E"


def test_markdown_has_the_places_that_cost_most_first():
    """From the root folder, whatever the current one is."""
    many = [found(call=f"call{n}", line=n, seconds=n / 10) for n in range(1, 61)]
    text = markdown_of(told_of(*many, failed=True, partial="-k"))
    lines = text.splitlines()
    assert "The run was partial: -k." in lines
    assert "2 tests broke a promise." in lines
    rows = [line for line in lines if line.startswith("| 1")]
    assert rows[0] == (
        "| 12.000 s | yours | shop/pri cing.py:60 in price\\_of | call60 | 2 | 2 | "
        "await asyncio.sleep(...) |"
    )
    assert lines[-1] == "… and 10 more places."


def broken_rows(*violations, tests=("tests/test_it.py::test_a[x|y]",)):
    """Give the rows of a run's broken promises."""
    verdict = Verdict(
        policy=Policy(), elapsed=Elapsed(wall=1.0), steps=1, violations=violations
    )
    text = json.dumps(record_of(verdict).to_json())
    told = RunReport(RUN, None, dict.fromkeys(tests, text), ROOT)
    lines = markdown_of(told).splitlines()
    first = lines.index("| test | promised | was |") + 2
    return lines[first : lines.index("", first)]


@pytest.mark.parametrize(
    ("kind", "limit", "actual", "promised", "was"),
    [
        ("wall", 0.1, 0.412, "wall clock at most 0.100 s", "0.412 s"),
        ("setup", 1.0, 2.0, "the set-up of its fixtures at most 1.000 s", "2.000 s"),
        (
            "teardown",
            1.0,
            2.0,
            "the teardown of its fixtures at most 1.000 s",
            "2.000 s",
        ),
        ("speedup", 3.0, 1.234, "speedup at least 3", "1.23"),
        ("speedup", 1.0, 0.9, "speedup over 1", "0.90"),
        ("speedup", 3.0, None, "speedup at least 3", "not to be told"),
        ("unmeasured", 3.0, None, "speedup at least 3", "not to be told"),
        ("unmeasured", None, None, "is watched", "no step of a loop was seen"),
        ("blocking", 0.1, 0.3, "nothing blocks the loop", "blocked for 0.300 s"),
        ("background", None, None, "no background task dies unseen", "a task died"),
        ("unawaited", None, None, "`concurrently()` is awaited", "it was not"),
    ],
)
def test_markdown_names_each_test_that_broke_a_promise(
    kind, limit, actual, promised, was
):
    """With what was promised, and what was instead."""
    name = "tests/test\\_it.py::test\\_a\\[x\\|y\\]"
    broken = Violation(kind=kind, limit=limit, actual=actual)
    assert broken_rows(broken) == [f"| {name} | {promised} | {was} |"]


def test_markdown_says_of_which_time_a_budget_was():
    """Five seconds of virtual time are none by the wall clock."""
    verdict = Verdict(
        policy=Policy(),
        elapsed=Elapsed(wall=0.01, virtual=7.0),
        steps=1,
        violations=(Violation(kind="wall", limit=5.0, actual=7.0),),
    )
    text = json.dumps(record_of(verdict).to_json())
    told = RunReport(RUN, None, {"test_it.py::test_a": text}, ROOT)
    assert "| virtual clock at most 5.000 s | 7.000 s |" in markdown_of(told)


def test_markdown_has_a_row_for_each_broken_promise_and_no_more_than_fifty():
    """A job's summary has a limit."""
    wall = Violation(kind="wall", limit=0.1, actual=0.412)
    rows = broken_rows(wall, Violation(kind="background"))
    assert len(rows) == 2
    many = [f"tests/test_it.py::test_{number}" for number in range(60)]
    assert len(broken_rows(wall, tests=many)) == 50


def test_markdown_is_not_broken_by_what_a_name_holds():
    """No cell ends early, and nothing becomes markup."""
    odd = found(call="a|b<img>`c`\n**d**", function="t.<locals>.f")
    (row,) = [
        line
        for line in markdown_of(told_of(odd)).splitlines()
        if line.startswith("| 0.5")
    ]
    assert "a\\|b&lt;img>\\`c\\` \\*\\*d\\*\\*" in row
    assert "t.&lt;locals>.f" in row


def test_markdown_says_that_nothing_blocks():
    """And how often what is accepted did."""
    text = markdown_of(told_of(found(allowed="why")))
    assert "Blocking that is accepted: 2 times." in text
    assert "Nothing blocked the event loop that is not accepted." in text


def test_markdown_does_not_say_that_nothing_blocks_where_nobody_looked():
    """In a run of budgets alone, say."""
    last = markdown_of(told_of(blocking="off")).splitlines()[-1]
    assert last == "What blocks was not looked for: `asyncbench_blocking` is off."


def test_github_is_told_at_the_line():
    """An error where a test failed for it, with what would end a command written so."""
    odd = found(call="a,b:c%d\ne", advice="")
    (line,) = github_lines(told_of(odd, failed=True).records.values(), ROOT)
    assert line == (
        "::error file=shop/pri cing.py,line=88,"
        "title=asyncbench%3A the event loop was blocked::"
        "a,b:c%25d%0Ae kept the event loop for 0.500 s, 2 times in 2 tests, "
        "called in price_of."
    )
    (line,) = github_lines(told_of(found()).records.values(), ROOT)
    assert line.startswith("::warning file=shop/pri cing.py,line=88,")


def test_github_is_told_of_no_line_that_it_does_not_have():
    """What lies elsewhere, a library's, is told without its place."""
    outside = told_of(found(file=f"{SITE}/httpx/a.py"))
    (line,) = github_lines(outside.records.values(), ROOT)
    assert line.startswith("::warning title=")


def test_what_is_accepted_is_annotated_nowhere():
    """Nobody is to do anything about it."""
    records = told_of(found(allowed="why"), failed=True).records.values()
    assert [*github_lines(records, ROOT)] == []
    assert json.loads(gitlab_report(records, ROOT)) == []


def test_gitlab_has_an_entry_for_each_line():
    """Each with a fingerprint of its own, that stays when lines move."""
    first = told_of(found(line=3), found(line=9), failed=True)
    moved = told_of(found(line=30), found(line=90), failed=True)
    one, other = json.loads(gitlab_report(first.records.values(), ROOT))
    assert one["location"] == {"path": "shop/pri cing.py", "lines": {"begin": 3}}
    assert one["severity"] == "major"
    assert one["check_name"] == "shop.pricing.price_of > time.sleep"
    assert one["fingerprint"] != other["fingerprint"]
    assert one["fingerprint"] in gitlab_report(moved.records.values(), ROOT)
    outside = told_of(found(file=f"{SITE}/httpx/a.py"))
    assert json.loads(gitlab_report(outside.records.values(), ROOT)) == []
