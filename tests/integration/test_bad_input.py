"""Misspelt words: an error at collection that names test, word and accepted ones."""

from __future__ import annotations

import pytest

WRONG = {
    "@pytest.mark.budget()": "a budget without within or speedup= promises nothing",
    "@pytest.mark.budget('soon')": "'soon' is no duration",
    "@pytest.mark.budget(0)": "0 must be more than zero",
    "@pytest.mark.budget(-1)": "-1 must be more than zero",
    "@pytest.mark.budget(1, 2)": "too many positional arguments",
    "@pytest.mark.budget(1, speedup='3')": "'3' is no speedup",
    "@pytest.mark.budget(1, speedup=0)": "a speedup of 0 promises nothing; 1 or more",
    "@pytest.mark.budget(1, speedup=0.5)": "a speedup of 0.5 promises nothing",
    "@pytest.mark.budget(1, spedup=3)": "no argument 'spedup' (did you mean "
    "'speedup'?)",
    "@pytest.mark.concurrent": "missing a required argument: 'copies'",
    "@pytest.mark.concurrent(0)": "0 copies can't run; 1 or more are accepted",
    "@pytest.mark.concurrent('3')": "'3' is no number of copies",
    "@pytest.mark.concurrent(3, limit=1)": "no argument 'limit'",
    "@pytest.mark.no_blocking(0.1)": "too many positional arguments",
    "@pytest.mark.no_blocking(treshold=1)": "no argument 'treshold' (did you mean "
    "'threshold'?)",
    "@pytest.mark.no_blocking(threshold='x')": "threshold: 'x' is no duration",
    "@pytest.mark.no_blocking(rules='slep')": "rules: unknown rule family 'slep'",
    "@pytest.mark.no_blocking(rules='')": "rules: '' names no family; 'none' means",
    "@pytest.mark.no_blocking(allow='time.sleep')": "allowance 'time.sleep' lacks "
    "caller or call",
    "@pytest.mark.no_blocking(allow=[5])": "5 in [5] is no text",
    "@pytest.mark.no_blocking(allow='test_it.py::test_1 > * # x')": "allowance "
    "'test_it.py::test_1 > * # x': no function can have the name 'test_it.py::test_1'",
    "@pytest.mark.allow_blocking('x', calls=[''])": "calls= names nothing",
    "@pytest.mark.allow_blocking": "missing a required argument: 'reason'",
    "@pytest.mark.allow_blocking('')": "'' is no reason",
    "@pytest.mark.allow_blocking('x', call='y')": "no argument 'call' (did you mean "
    "'calls'?)",
    "@pytest.mark.allow_blocking('x', calls=[])": "calls= names nothing",
    "@pytest.mark.allow_blocking('x', calls='time.slep')": "no rule and no code has "
    "the call 'time.slep'; the nearest: time.sleep",
    "@pytest.mark.no_blocking(allow='shop.* > time.slep # x')": "no rule and no code "
    "has the call 'time.slep'; the nearest: time.sleep",
}

RAISES = """
class Odd:
    def __repr__(self):
        raise RuntimeError("no repr")
    def __eq__(self, other):
        raise RuntimeError("no ==")
    __hash__ = None
"""
"""What stands for a value that is odd in all that one can be."""

WRONG_AND_ODD = {
    **dict.fromkeys(
        [
            "@pytest.mark.budget(Odd())",
            "@pytest.mark.budget(1, speedup=Odd())",
            "@pytest.mark.budget(1, starvation=Odd())",
            "@pytest.mark.concurrent(Odd())",
            "@pytest.mark.no_blocking(scope=[Odd()])",
            "@pytest.mark.allow_blocking(Odd())",
            "@pytest.mark.virtual_time(Odd())",
        ],
        "an argument can't be read: RuntimeError('no ",
    ),
    "@pytest.mark.no_blocking(allow=(n for n in ['a > b # c']))": (
        "a generator can be read once, and a marker is read for each test"
    ),
    "@pytest.mark.no_blocking(scope=map(str, 'ab'))": "a map can be read once",
    "@pytest.mark.no_blocking(rules=iter(['sleep']))": "a list_iterator can be read",
    "@pytest.mark.no_blocking(scope=' ,')": "' ,' names no package",
}

SUITE = "import pytest\n\n" + "\n".join(
    f"{marker}\nasync def test_{number}(): raise AssertionError('it ran')"
    for number, marker in enumerate(WRONG)
)

SYNC = """
import pytest

@pytest.mark.concurrent(3)
def test_sync():
    raise AssertionError('it ran')
"""


def test_a_wrong_marker_ends_the_run_before_any_test(play):
    """Every one is told, not only the first, with its test and what is accepted.

    Workers find it out, and their controller ends the run as it does without them.
    """
    run = play(SUITE)
    assert run.status == 4
    assert run.outcomes == {}
    told = (run.out + run.err).splitlines()
    for number, (marker, text) in enumerate(WRONG.items()):
        name = marker.removeprefix("@pytest.mark.").partition("(")[0]
        line = next(n for n in told if f"test_it.py::test_{number}: @" in n)
        assert f"@pytest.mark.{name}: {text}" in line
        assert f"; the marker: {name}(" in line
        assert line.count("accepted: ") <= 1
        assert line.endswith(f"(test_it.py:{2 * number + 3})")


def test_a_value_that_raises_when_it_is_looked_at_is_a_usage_error(play_once):
    """And no crash; nor is one taken that only the first test could read."""
    tests = (
        f"{marker}\nasync def test_{number}(): raise AssertionError('it ran')"
        for number, marker in enumerate(WRONG_AND_ODD)
    )
    run = play_once("import pytest\n" + RAISES + "\n".join(tests))
    assert run.status == 4
    assert "INTERNALERROR" not in run.out
    told = (run.out + run.err).splitlines()
    for number, text in enumerate(WRONG_AND_ODD.values()):
        (line,) = [n for n in told if f"test_it.py::test_{number}: @" in n]
        assert f": {text}" in line


ELSEWHERE = """
import pytest

pytestmark = {module}

@pytest.mark.asyncio
{of_class}
class TestAll:
    @pytest.mark.parametrize("n", [pytest.param(1, {parameter})])
    @pytest.mark.asyncio
    async def test_one(self, n):
        raise AssertionError('it ran')
"""


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"module": "[pytest.mark.no_blocking(rules='slep')]"}, 3),
        ({"of_class": "@pytest.mark.budget('soon')"}, 6),
        ({"parameter": "marks=pytest.mark.concurrent(0)"}, 8),
    ],
    ids=["module", "class", "parameter"],
)
def test_a_wrong_marker_is_told_with_its_line(play_once, wrong, line):
    """At a module, at a class, at one parameter of a test."""
    suite = ELSEWHERE.format(**{"module": [], "of_class": "", "parameter": "", **wrong})
    run = play_once(suite.lstrip("\n"))
    assert run.status == 4
    (told,) = [n for n in (run.out + run.err).splitlines() if "; the marker: " in n]
    assert told.endswith(f"(test_it.py:{line})")


@pytest.mark.parametrize(
    ("marker", "argument"),
    [
        ("budget(1, setup='soon')", "setup"),
        ("budget(1, teardown='soon')", "teardown"),
        ("no_blocking(threshold='soon')", "threshold"),
        ("no_blocking(starvation='soon')", "starvation"),
        ("schedules(5, within='soon')", "within"),
        ("schedules(5, timers='soon')", "timers"),
    ],
)
def test_a_wrong_value_at_a_marker_is_told_with_its_argument(
    play_once, marker, argument
):
    """Several take the same kind of value: the word alone does not say which it was."""
    run = play_once(
        f"import pytest\n\n@pytest.mark.{marker}\nasync def test_one(): ...\n"
    )
    assert run.status == 4
    name = marker.partition("(")[0]
    assert f"@pytest.mark.{name}: {argument}: 'soon' is " in run.out + run.err


def test_copies_of_a_sync_test_are_refused(play_once):
    """With what to write instead."""
    run = play_once(SYNC)
    assert run.status == 4
    assert "test_it.py::test_sync: @pytest.mark.concurrent: only a test that is" in (
        run.out + run.err
    )
    assert "concurrently.run(...)" in run.out + run.err


OPTIONS = {
    "blocking": ("eror", "'eror' is not known (did you mean 'error'?)"),
    "threshold": ("soon", "'soon' is no duration"),
    "rules": ("slep", "unknown rule family 'slep'"),
    "scope": ("my-app", "'my-app' is no package"),
    "allow": ("time.sleep", "allowance 'time.sleep' lacks caller or call"),
    "budget": ("0", "'0' must be more than zero"),
    "starvation": ("forgiv", "'forgiv' is not known (did you mean 'forgive'?)"),
}
ONE = "def test_one(): pass"


@pytest.mark.parametrize("name", OPTIONS)
def test_a_wrong_value_on_the_command_line_is_a_usage_error(play_once, name):
    """It says which option, which word and where."""
    value, text = OPTIONS[name]
    run = play_once(ONE, f"--asyncbench-{name}={value}")
    assert run.status == 4
    assert f"asyncbench (command line): {name}: {text}" in run.out + run.err
    assert "accepted" in run.out + run.err


@pytest.mark.parametrize("name", OPTIONS)
def test_a_wrong_value_in_the_ini_file_is_a_usage_error(play_once, name):
    """The same words, another place."""
    value, text = OPTIONS[name]
    run = play_once(ONE, ini=f"asyncbench_{name} = {value}")
    assert run.status == 4
    assert f"asyncbench (ini): {name}: {text}" in run.out + run.err


@pytest.mark.parametrize("name", [*OPTIONS, "once", "calls"])
def test_an_option_without_a_value_is_a_usage_error(play_once, name):
    """As a variable that is not set leaves it, and the run would be unwatched."""
    text = f"{name}: nothing stands there; accepted: "
    run = play_once(ONE, f"--asyncbench-{name}=")
    assert run.status == 4
    assert f"asyncbench (command line): {text}" in run.err
    # In a file no line is a list of lines, too.
    status = 0 if name in ("allow", "calls") else 4
    run = play_once(ONE, ini=f"asyncbench_{name} =")
    assert run.status == status
    assert (f"asyncbench (ini): {text}" in run.err) is (status == 4)


def test_separators_alone_are_no_packages(play_once):
    """Two variables that are not set, say: the scope would be everything."""
    run = play_once(ONE, "--asyncbench-scope=,")
    assert run.status == 4
    assert "asyncbench (command line): scope: ',' names no package" in run.err


def test_a_wrong_option_under_workers_is_told_by_the_controller(play_once):
    """Not once for each worker, and not as a crash."""
    run = play_once(ONE, "--asyncbench-rules=slep", workers=True)
    assert run.status == 4
    assert "INTERNALERROR" not in run.out
    assert (run.out + run.err).count("unknown rule family 'slep'") == 1


UNKNOWN = (
    "asyncbench (ini): unknown setting 'asyncbench_treshold' (did you mean "
    "'asyncbench_threshold'?); accepted: asyncbench_blocking, "
)


def test_an_unknown_option_is_refused(play_once):
    """By pytest itself on the command line, by us in the ini file."""
    assert play_once(ONE, "--asyncbench-treshold=1").status == 4
    run = play_once(ONE, ini="asyncbench_treshold = 1")
    assert run.status == 4
    assert (run.out + run.err).count(UNKNOWN) == 1


@pytest.mark.parametrize("name", ["asyncbench-blocking", "AsyncBench_blocking"])
def test_an_option_that_is_spelt_otherwise_in_the_ini_file_is_refused(play_once, name):
    """As on the command line, say; pytest would warn, and run the tests unwatched."""
    run = play_once(ONE, ini=f"{name} = error")
    assert run.status == 4
    assert f"{name!r} (did you mean 'asyncbench_blocking'?)" in run.out + run.err


def test_an_unknown_option_that_overrides_the_ini_file_is_refused(play_once):
    """Also by a pytest that keeps these apart from what the file says."""
    run = play_once(ONE, "-o", "asyncbench_treshold=1")
    assert run.status == 4
    assert (run.out + run.err).count(UNKNOWN) == 1


@pytest.mark.parametrize("table", ["pytest.ini_options", "pytest"])
def test_an_unknown_option_in_pyproject_is_refused(pytester, table):
    """In either table, where the version of pytest reads it."""
    if table == "pytest" and pytest.version_tuple < (9,):
        pytest.skip("new in pytest 9")
    pytester.makepyprojecttoml(
        f"[tool.{table}]\nasyncbench_treshold = '1'\n"
        "asyncio_default_fixture_loop_scope = 'function'\n"
    )
    result = pytester.runpytest_inprocess()
    assert result.ret == 4
    assert UNKNOWN in result.stdout.str() + result.stderr.str()


RULE = """
from pytest_asyncbench import Rule

def pytest_asyncbench_rules(config):
    return [Rule({arguments})]
"""

MARKED = """
import pytest

@pytest.mark.no_blocking
async def test_one(): pass
"""


def test_a_rule_for_what_does_not_exist_is_told(play_once):
    """It would watch nothing; the module is there, the name in it is not."""
    arguments = "target='time.slep', family='sleep', advice='x'"
    run = play_once(MARKED, conftest=RULE.format(arguments=arguments))
    assert "time.slep" in run.out + run.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("target='time.sleep', family='slep', advice='x'", "slep"),
        ("target='time.sleep', family='sleep', advice='x', harmless='zer'", "zer"),
    ],
)
def test_a_misspelt_word_in_a_rule_is_refused(play, arguments, word):
    """A rule that quietly watches nothing would look like proof; nothing runs."""
    run = play(MARKED, conftest=RULE.format(arguments=arguments))
    assert run.status == 4
    assert run.outcomes == {}
    assert "INTERNALERROR" not in run.out
    (line, *_) = [n for n in (run.out + run.err).splitlines() if "has the unknown" in n]
    assert "rule 'time.sleep'" in line
    assert repr(word) in line
    assert "accepted: " in line
