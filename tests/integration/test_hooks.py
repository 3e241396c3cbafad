"""The hooks that are offered: more rules, and a listener for verdicts."""

from __future__ import annotations

import pytest

CONFTEST = """
import pathlib
from pytest_asyncbench import Rule

def pytest_asyncbench_rules(config):
    return [
        Rule(target="shop.charge", family="network", advice="await shop.acharge()"),
        Rule(target="time.sleep", family="sleep", advice="a nap of our own"),
    ]

_verdicts = pathlib.Path(__file__).with_name("verdicts.txt")

def pytest_asyncbench_verdict(item, record):
    with _verdicts.open("a") as file:
        file.write(f"{item.name} {record['version']} {len(record['blocking'])}\\n")
"""

SUITE = """
import pathlib, sys, time, types
import pytest

@pytest.mark.no_blocking
async def test_sleep():
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_clean():
    pass

async def test_unwatched():
    pass
"""

SHOP = """
import pytest
import shop

@pytest.mark.no_blocking
async def test_charge():
    shop.charge(10)
"""


@pytest.fixture
def shop(pytester):
    (pytester.path / "shop.py").write_text("def charge(amount):\n    return amount\n")


def test_a_rule_that_is_added_counts(play, shop):
    """With its advice, and its family for who selects by family."""
    run = play(SHOP, conftest=CONFTEST)
    assert run["test_charge"].outcome == "failed"
    (entry,) = run["test_charge"].record["blocking"]
    assert (entry["call"], entry["advice"]) == ("shop.charge", "await shop.acharge()")


WRONG_RULES = {
    "Rule(target='json.nosuch', family='files', advice='x')": (
        "rule 'json.nosuch': no such name in module json"
    ),
    "Rule(target='time.slep', family='sleep', advice='x')": (
        "rule 'time.slep': no such name in module time; the nearest: time.sleep"
    ),
    "Rule(target='json.nosuch.loads', family='files', advice='x')": (
        "rule 'json.nosuch.loads': there is no json.nosuch here"
    ),
    "'json.loads'": "'json.loads' is no pytest_asyncbench.Rule",
    "Rule(target='loads', family='files', advice='x')": (
        "rule 'loads' names no call; accepted: module.call"
    ),
    "Rule(target='', family='files', advice='x')": "rule '' names no call; ",
    "Rule(target=['json'], family='files', advice='x')": "rule ['json'] names no call",
    "Rule(target='json.loads', family=['files'], advice='x')": (
        "rule 'json.loads' has the unknown family ['files'] (did you mean 'files'?); "
    ),
    "Rule(target='json.loads', family='file', advice='x')": (
        "has the unknown family 'file' (did you mean 'files'?); accepted: sleep, "
    ),
    "Rule(target='json.loads', family='files', advice=' ')": (
        "rule 'json.loads' does not say what to use instead, in advice"
    ),
    "Rule(target='json.loads', family='files', advice='x', allowed='a.*')": (
        "rule 'json.loads' has allowed='a.*'; accepted: a mapping of caller to reason"
    ),
    "Rule(target='json.loads', family='files', advice='x', allowed={'a.*': ''})": (
        "rule 'json.loads' allows 'a.*': '' is no reason; say why blocking is fine"
    ),
    "Rule(target='json.loads', family='files', advice='x', allowed={'a/b.py': 'x'})": (
        "rule 'json.loads' allows 'a/b.py': no function can have the name 'a/b.py'"
    ),
    "Rule(target='json.loads', family='files', advice='x', ruff=251)": (
        "rule 'json.loads' has ruff=251; accepted: the rule's number as text"
    ),
    "Rule(target='json.loads', famly='files', advice='x')": (
        "Rule has no argument 'famly' (did you mean 'family'?); accepted: target, "
        "family, advice, harmless, allowed, ruff"
    ),
    "Rule(target='json.loads', family='files')": (
        "Rule lacks 'advice'; accepted: target, family, advice, harmless, allowed, ruff"
    ),
}


def _place_of_the_hook(pytester):
    lines = (pytester.path / "conftest.py").read_text().splitlines()
    return f"conftest.py:{lines.index('def pytest_asyncbench_rules(config):') + 1}"


@pytest.mark.parametrize("given", WRONG_RULES)
@pytest.mark.parametrize("way", ["return [{}]", "yield {}"])
def test_a_rule_that_means_nothing_ends_the_run(pytester, play_once, given, way):
    """The mistake is the hook's: it is told before any test, with the hook's place."""
    hook = (
        "from pytest_asyncbench import Rule\n"
        f"def pytest_asyncbench_rules(config):\n    {way.format(given)}\n"
    )
    run = play_once(SUITE, conftest=hook)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert run.outcomes == {}
    (line,) = [n for n in run.err.splitlines() if "pytest_asyncbench_rules" in n]
    place = _place_of_the_hook(pytester)
    assert line.startswith(f"ERROR: {place}: pytest_asyncbench_rules: ")
    assert WRONG_RULES[given] in line
    assert "itself" not in run.out + run.err


def test_a_wrong_rule_is_told_with_the_place_of_its_own_hook(pytester, play_once):
    """Of several hooks each is told with its mistakes, and the right one with none."""
    pytester.syspathinsert()
    (pytester.path / "theirs.py").write_text(
        "from pytest_asyncbench import Rule\n\n\n"
        "class Theirs:\n"
        "    def pytest_asyncbench_rules(self, config):\n"
        "        yield Rule(target='loads', family='files', advice='x')\n\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Theirs())\n\n"
        "def pytest_asyncbench_rules(config):\n"
        "    return [Rule(target='json.load', family='files', advice='x')]\n"
    )
    hook = (
        "from pytest_asyncbench import Rule\n\n"
        "def pytest_asyncbench_rules(config):\n"
        "    return [Rule(target='dumps', family='files', advice='x')]\n"
    )
    run = play_once(SUITE, "-p", "theirs", conftest=hook)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    told = [n for n in run.err.splitlines() if "pytest_asyncbench_rules" in n]
    ours = f"ERROR: {_place_of_the_hook(pytester)}"
    assert sorted(line.partition("; ")[0] for line in told) == [
        f"{ours}: pytest_asyncbench_rules: rule 'dumps' names no call",
        "ERROR: theirs.py:5: pytest_asyncbench_rules: rule 'loads' names no call",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("'json.loads'", "'json.loads'"),
        (
            "Rule(target='json.loads', family='files', advice='x')",
            "Rule(target='json.loads', family='files', advice='x', ",
        ),
    ],
)
def test_a_rule_in_the_place_of_a_list_ends_the_run(play_once, given, told):
    """It is as easily forgotten as a comma, and no crash of pytest's."""
    hook = (
        "from pytest_asyncbench import Rule\n"
        f"def pytest_asyncbench_rules(config):\n    return {given}\n"
    )
    run = play_once(SUITE, conftest=hook)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    line = next(n for n in run.err.splitlines() if "is no list of rules" in n)
    assert f"pytest_asyncbench_rules: {told}" in line


def test_a_rule_that_this_interpreter_cannot_wrap_is_left_out(play_once):
    """Others can, so the rest works."""
    hook = (
        "from pytest_asyncbench import Rule\n"
        "def pytest_asyncbench_rules(config):\n"
        "    return [Rule(target='array.array.tobytes', family='files', advice='x')]\n"
    )
    run = play_once(SUITE, conftest=hook)
    assert run["test_sleep"].outcome == "failed"
    told = "not watched: rule 'array.array.tobytes': its type is written in C"
    assert [line for line in run.summary if "tobytes" in line] == [told]


def test_a_rule_for_a_known_target_replaces_the_row(play, shop):
    """Its advice is what people read then."""
    run = play(SUITE, conftest=CONFTEST)
    assert "use: a nap of our own" in run["test_sleep"].lines


def test_each_watched_test_is_told_of(play_once, pytester, shop):
    """With the record as it goes into the reports."""
    play_once(SUITE, "-p", "no:xdist", conftest=CONFTEST)
    told = (pytester.path / "verdicts.txt").read_text().splitlines()
    assert told == ["test_sleep 1 1", "test_clean 1 0"]


def test_a_listener_that_fails_changes_no_outcome(play_once):
    """It is shown, as a failure around the plugin."""
    broken = (
        "def pytest_asyncbench_verdict(item, record):\n"
        "    raise RuntimeError('listener fell over')\n"
    )
    run = play_once(SUITE, conftest=broken)
    assert run["test_clean"].outcome == "passed"
    assert run["test_sleep"].outcome == "failed"
    assert "listener fell over" in run.out


TROUBLED = """
import depot
import pytest

pytestmark = pytest.mark.no_blocking

async def test_ask():
    depot.ask("what", timeout="soon")

async def test_import():
    import depot.db

async def test_later():
    pass
"""

TROUBLE = """
import depot
from pytest_asyncbench import Rule

def pytest_asyncbench_rules(config):
    yield Rule(
        target="depot.ask", family="network", advice="...", harmless="zero_timeout"
    )
    yield Rule(target="depot.db.nothing", family="network", advice="...")
"""


def test_what_goes_wrong_with_a_rule_is_told_once_whatever_came_before(
    pytester, play_once
):
    """A row of a module that comes late, behind one that could not be asked."""
    package = pytester.mkpydir("depot")
    (package / "__init__.py").write_text("def ask(what, timeout): return what\n")
    (package / "db.py").write_text("")
    run = play_once(TROUBLED, conftest=TROUBLE)
    problems = {name: run[name].record["problems"] for name in run.outcomes}
    (asked,) = problems["test_ask"]
    (absent,) = problems["test_later"]
    assert asked.startswith("rule 'depot.ask' could not be asked: ")
    assert absent.startswith("not watched: rule 'depot.db.nothing': no such name ")
    assert problems["test_import"] == []


NAMES = """
def pytest_sessionfinish(session):
    names = {name for name, _ in session.config.pluginmanager.list_name_plugin()}
    late = names & {"asyncbench-schedules", "asyncbench-setups"}
    print(f"hooks: {sorted(late)}")
"""


@pytest.mark.parametrize(
    ("marker", "hooks"),
    [
        ("no_blocking", []),
        ("budget(9)", []),
        ("budget(setup=9)", ["asyncbench-setups"]),
        ("virtual_time", ["asyncbench-setups"]),
        ("schedules(2)", ["asyncbench-schedules", "asyncbench-setups"]),
    ],
)
def test_hooks_that_no_test_needs_are_not_there(play_once, marker, hooks):
    """Each of them costs every test of the run, or every fixture."""
    suite = f"import pytest\n\n@pytest.mark.{marker}\nasync def test_it():\n    pass\n"
    run = play_once(suite, "-s", conftest=NAMES)
    assert run["test_it"].outcome == "passed"
    assert f"hooks: {hooks}" in run.out
