"""Policy: what can be written, what it means, and what is told of a wrong word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.lines import allowances
from pytest_asyncbench._policy.rows import faults
from pytest_asyncbench._policy.settings import DEFAULT, with_settings
from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Allowance, Budget, Rule

DURATIONS = 'seconds as a number, "250ms", "1.5s", "2min" or a timedelta are accepted'


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (2, 2.0),
        (0.25, 0.25),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("1.5 s", 1.5),
        (" 2 ", 2.0),
        (".5", 0.5),
        ("2min", 120.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("100us", 1e-4),
        ("250MS", 0.25),
        (timedelta(milliseconds=30), 0.03),
    ],
)
def test_durations_are_read(written, seconds):
    """Numbers are seconds, and units mean what they mean elsewhere."""
    assert values.duration(written) == pytest.approx(seconds)


NO_DURATION = ("fast", "1,5s", "-1s", "", "1 s 2", "3 parsecs", None, True, [1], b"1s")
NOT_POSITIVE = (0, -1, -0.5, "0", "0ms", timedelta(0))
NOT_FINITE = (float("inf"), float("nan"))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        *((bad, "is no duration") for bad in NO_DURATION),
        *((bad, "must be more than zero") for bad in NOT_POSITIVE),
        *((bad, "is no duration") for bad in NOT_FINITE),
    ],
    ids=repr,
)
def test_a_wrong_duration_is_refused_with_what_is_accepted(written, why):
    """The text begins with the word that was written."""
    with pytest.raises(PolicyError) as caught:
        values.duration(written)
    assert str(caught.value) == f"{written!r} {why}; {DURATIONS}"


PROMISES_NOTHING = (
    "promises nothing; 1 or more is accepted, or None where none is promised"
)
BAD_WORDS = [
    (values.speedup, "3", "'3' is no speedup; a number such as 3 is accepted"),
    (values.speedup, True, "True is no speedup; a number such as 3 is accepted"),
    (values.speedup, 0, f"a speedup of 0 {PROMISES_NOTHING}"),
    (values.speedup, -2.5, f"a speedup of -2.5 {PROMISES_NOTHING}"),
    (values.speedup, 0.99, f"a speedup of 0.99 {PROMISES_NOTHING}"),
    (values.speedup, float("nan"), f"a speedup of nan {PROMISES_NOTHING}"),
    (values.copies, 0, "0 copies can't run; 1 or more are accepted"),
    (values.copies, -3, "-3 copies can't run; 1 or more are accepted"),
    (values.copies, 2.0, "2.0 is no number of copies; an int is accepted"),
    (values.copies, True, "True is no number of copies; an int is accepted"),
    (values.copies, "5", "'5' is no number of copies; an int is accepted"),
    (
        values.mode,
        "eror",
        (
            "'eror' is not known (did you mean 'error'?); "
            "accepted: off, report, warn, error"
        ),
    ),
    (
        values.mode,
        "loud",
        "'loud' is not known; accepted: off, report, warn, error",
    ),
    (
        values.starvation,
        "forgiv",
        "'forgiv' is not known (did you mean 'forgive'?); accepted: forgive, strict",
    ),
    (
        values.scope,
        "shop, my-app",
        "'my-app' is no package; a name as in import is accepted",
    ),
    (
        values.scope,
        ["shop."],
        "'shop.' is no package; a name as in import is accepted",
    ),
]


@pytest.mark.parametrize(("parse", "written", "text"), BAD_WORDS)
def test_a_wrong_word_is_refused_with_what_is_accepted(parse, written, text):
    """The whole sentence that a person reads."""
    with pytest.raises(PolicyError) as caught:
        parse(written)
    assert str(caught.value) == text


def test_other_words_are_read():
    """What is right comes through, in its own type."""
    assert values.speedup(3) == 3.0
    assert values.copies(50) == 50
    assert values.mode("warn") == "warn"
    assert values.starvation("strict") == "strict"
    assert values.scope("shop, shop.cart other") == ("shop", "shop.cart", "other")
    assert values.scope(["shop"]) == ("shop",)
    assert values.rules("sleep, locks") == {"sleep", "locks"}
    assert values.rules(["none"]) == frozenset()


def test_allowances_are_lines():
    """Blank lines are passed over; the reason may hold anything."""
    read = allowances("\nshop.* > time.sleep  # warms up # once\n\n", "ini")
    assert read == (
        Allowance(
            caller="shop.*", call="time.sleep", reason="warms up # once", source="ini"
        ),
    )
    assert len(allowances(["a > b # c", "d > e # f"], "marker")) == 2


@pytest.mark.parametrize(
    "caller", ["a -", "shop/cart.py", "test_it.py::test_one", "a, b", "price_of()"]
)
def test_a_caller_that_can_have_no_such_name_is_refused(caller):
    """An allowance that never holds would only be found in the summary."""
    with pytest.raises(PolicyError, match="no function can have the name"):
        allowances(f"{caller} > *  # why", "ini")


@pytest.mark.parametrize(
    ("caller", "call"),
    [
        ("shop.*.price_of", "the garbage collector"),
        ("*.<locals>.<lambda>", "get(...).json"),
        ("my-tests.test_?", "*"),
        ("[!_]*", "time.sleep"),
    ],
)
def test_what_a_report_names_can_be_allowed(caller, call):
    """A call may be named by its source; a module of tests after its folder."""
    (read,) = allowances(f"{caller} > {call}  # why", "ini")
    assert (read.caller, read.call) == (caller, call)


@pytest.mark.parametrize(
    ("line", "caller", "call"),
    [
        ("*.<lambda> > time.sleep # x", "*.<lambda>", "time.sleep"),
        ("*<lambda>.<genexpr>>time.* # x", "*<lambda>.<genexpr>", "time.*"),
        ("*<* > *.<listcomp> # x", "*<*", "*.<listcomp>"),
    ],
)
def test_what_has_no_name_can_be_allowed(line, caller, call):
    """As Python writes it, and our reports; its > is not the one between the two."""
    (read,) = allowances(line, "ini")
    assert (read.caller, read.call) == (caller, call)


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ("shop.* > time.sleep", "its reason"),
        ("shop.* > time.sleep #", "its reason"),
        ("shop.* > time.sleep #   ", "its reason"),
        ("time.sleep # why", "caller or call"),
        ("> time.sleep # why", "caller or call"),
        ("shop > # why", "caller or call"),
        ("shop.<lambda> # why", "caller or call"),
        ("# only a comment", "caller or call"),
        ("shop > depot > time.sleep # why", "caller or call"),
    ],
)
def test_an_incomplete_allowance_is_refused(line, lacks):
    """It says which part is missing, and the form that is accepted."""
    with pytest.raises(PolicyError) as caught:
        allowances(line, "ini")
    assert str(caught.value) == (
        f"allowance {line.strip()!r} lacks {lacks}; accepted: caller > call  # reason"
    )


def test_either_part_of_a_budget_alone_is_fine():
    """And both together, of course; neither promises nothing."""
    assert values.budget("1s") == Budget(within=1.0)
    assert values.budget(speedup_=2) == Budget(speedup=2.0)
    assert values.budget(speedup_=None) == Budget(unpromised=True)
    assert values.budget(1, 2, "code") == Budget(within=1.0, speedup=2.0, source="code")
    with pytest.raises(PolicyError, match="promises nothing"):
        values.budget()


def test_a_later_source_wins_and_is_remembered():
    """Defaults, then ini, then the command line."""
    ini = with_settings(DEFAULT, {"threshold": "50ms", "blocking": "warn"}, "ini")
    both = with_settings(ini, {"threshold": "20ms"}, "command line")
    assert (both.threshold, both.blocking) == (0.02, "warn")
    assert both.sources == {"threshold": "command line", "blocking": "ini"}
    assert DEFAULT.sources == {}


def test_allowances_add_up_over_the_sources():
    """A project's allowances are not lost when somebody adds one for a run."""
    ini = with_settings(DEFAULT, {"allow": ["a > b # one"]}, "ini")
    both = with_settings(ini, {"allow": ["c > d # two"]}, "command line")
    assert [(a.reason, a.source) for a in both.allow] == [
        ("one", "ini"),
        ("two", "command line"),
    ]


def test_a_budget_knows_where_it_was_written():
    """The failure text says so."""
    policy = with_settings(DEFAULT, {"budget": "2s"}, "ini")
    assert policy.budget == Budget(within=2.0, source="ini")


def test_a_wrong_setting_is_named():
    """The message begins with the setting's name."""
    with pytest.raises(PolicyError, match=r"^threshold: 'soon' is no duration"):
        with_settings(DEFAULT, {"threshold": "soon"}, "ini")
    with pytest.raises(PolicyError, match=r"^rules: .*'slep'"):
        with_settings(DEFAULT, {"rules": "slep"}, "ini")


def test_unasked_nothing_is_on():
    """The defaults are those that the design documents."""
    assert DEFAULT.blocking == "off"
    assert DEFAULT.threshold == 0.1
    assert DEFAULT.rules == DEFAULT_FAMILIES
    assert DEFAULT.budget is DEFAULT.copies is None
    assert DEFAULT.starvation == "forgive"
    assert not DEFAULT.asked


@pytest.mark.parametrize(
    ("word", "text"),
    [("treshold", " (did you mean 'threshold'?)"), ("zzz", "")],
)
def test_a_suggestion_is_made_only_where_a_word_is_near(word, text):
    """A wild guess would mislead."""
    assert values.suggest(word, ["threshold", "rules"]) == text


@pytest.mark.parametrize(
    ("names", "families"),
    [
        ((), frozenset()),
        (["none"], frozenset()),
        (["sleep", "locks"], {"sleep", "locks"}),
        (["all"], set(FAMILIES)),
        (["files", "all"], set(FAMILIES)),
    ],
)
def test_names_of_families_are_read(names, families):
    """Names, `all` and `none` mean what they say."""
    assert values.rules(names) == families


def test_an_unknown_family_is_refused_with_the_accepted_ones():
    """A misspelt family never quietly means something else."""
    with pytest.raises(
        PolicyError, match=r"'slep' \(did you mean 'sleep'\?\)"
    ) as caught:
        values.rules(["sleep", "slep"])
    assert all(name in str(caught.value) for name in (*FAMILIES, "all", "none"))


def test_none_beside_a_family_is_refused():
    """Nothing and something cannot both be meant."""
    with pytest.raises(PolicyError, match="'none' cannot be combined"):
        values.rules(["none", "sleep"])


@pytest.mark.parametrize("read", [values.duration, values.speedup])
@pytest.mark.parametrize("digits", [400, 5000])
def test_an_int_that_no_float_can_hold_is_refused(read, digits):
    """Also one with more digits than Python writes out."""
    with pytest.raises(PolicyError, match="a number above 1e308 is no"):
        read(10**digits)


def test_more_copies_than_fit_into_memory_are_refused():
    """Before any is made; the limit is said."""
    assert values.copies(100_000) == 100_000
    with pytest.raises(PolicyError, match="up to 100000 are accepted"):
        values.copies(10**9)


@pytest.mark.parametrize("written", ["2x", "0", "-1", "nan", "inf", "2s"])
def test_a_factor_of_budgets_is_a_number_above_nothing(written):
    """Anything else is refused, with the word."""
    with pytest.raises(PolicyError, match=r"^budget_scale: '.*' is no factor; "):
        with_settings(DEFAULT, {"budget_scale": written}, "ini")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("budget", "and so are auto and none"),
        ("budget_setup", "and so is none"),
        ("schedules_within", "and so is none"),
    ],
)
def test_the_words_that_may_stand_for_a_duration_are_named(name, words):
    """Whoever writes AUTO is told of auto."""
    with pytest.raises(PolicyError, match=f"'AUTO' is no duration; .* {words}$"):
        with_settings(DEFAULT, {name: "AUTO"}, "ini")


def test_a_row_of_the_table_can_be_added_again():
    """With other advice, say: none of its fields is refused."""
    predicates = {rule.harmless for rule in RULES if rule.harmless}
    assert [fault for rule in RULES for fault in faults(rule, predicates)] == []


def test_every_fault_of_a_row_is_told():
    """Not only the first; each is what follows upon the row's name."""
    row = Rule(target="query", family="databas", advice="", harmless="zer", allowed=[])
    families = f"accepted: {', '.join(FAMILIES)}"
    assert [*faults(row, ["zero_timeout"])] == [
        "names no call; accepted: module.call",
        f"has the unknown family 'databas' (did you mean 'database'?); {families}",
        "does not say what to use instead, in advice; accepted: code, as text",
        "has the unknown predicate 'zer'; accepted: zero_timeout",
        "has allowed=[]; accepted: a mapping of caller to reason",
    ]
