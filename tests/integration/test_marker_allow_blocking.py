"""``@pytest.mark.allow_blocking``: blocking that is accepted, and why."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, socket, time
import pytest

pytestmark = pytest.mark.no_blocking

@pytest.mark.allow_blocking("reads the licence once")
async def test_everything():
    time.sleep(0.15)

@pytest.mark.allow_blocking("naps a little", calls=["time.sleep"])
async def test_named():
    time.sleep(0.001)

@pytest.mark.allow_blocking("naps a little", calls="time.*, socket.*")
async def test_globs():
    time.sleep(0.001)

@pytest.mark.allow_blocking("naps a little", calls=["socket.*"])
async def test_another_call():
    time.sleep(0.001)

@pytest.mark.allow_blocking("of the class")
class TestOfAClass:
    async def test_inherited(self):
        time.sleep(0.001)

@pytest.mark.allow_blocking("nobody blocks")
async def test_nothing():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_what_is_allowed_passes_and_anything_else_fails(suite):
    """An allowance for one call is none for another."""
    failed = {n for n, outcome in suite.outcomes.items() if outcome == "failed"}
    assert failed == {"test_another_call"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test_everything", "reads the licence once"),
        ("test_named", "naps a little"),
        ("test_globs", "naps a little"),
        ("test_another_call", None),
        ("test_inherited", "of the class"),
    ],
)
def test_the_record_carries_the_reason(suite, name, reason):
    """Allowed is not hidden."""
    (entry,) = suite[name].record["blocking"]
    assert entry["allowed"] == reason


ALLOWED_LONGER = """
import socket, time
import pytest

@pytest.mark.no_blocking
@pytest.mark.allow_blocking("naps", calls=["time.sleep"])
async def test_both():
    time.sleep(0.2)
    socket.getaddrinfo("localhost", 80)

@pytest.mark.budget("50ms")
@pytest.mark.allow_blocking("naps")
async def test_late():
    time.sleep(0.2)
"""


def test_a_failure_points_at_a_place_that_is_not_allowed(play_once):
    """However long one took that is; and at the test where there is no other."""
    run = play_once(ALLOWED_LONGER, "--asyncbench-blocking=report")
    assert run["test_both"].lines[-1] == "test_it.py:8: BlockingCallError"
    assert run["test_late"].lines[-1] == "test_it.py:10: BudgetExceeded"


def test_the_summary_counts_what_was_allowed_by_its_reason(suite):
    """And lists as blocked only the rest."""
    assert "allowed 2 times: naps a little" in suite.summary
    assert "allowed 1 time: reads the licence once" in suite.summary
    assert any("blocked at 1 place" in line for line in suite.summary)
    allowed = [line for line in suite.summary if line.startswith("allowed ")]
    assert not any("nobody blocks" in line for line in allowed)


def unused(run):
    head = "an allowance that nothing used: "
    lines = [line for line in run.summary if line.startswith(head)]
    return [line.removeprefix(head) for line in lines]


def test_the_summary_names_those_that_nothing_used(suite):
    """Each glob of a marker's, with the test or class that it stands at."""
    assert unused(suite) == [
        "* > *  # nobody blocks (marker of test_it.py::test_nothing)",
        "* > socket.*  # naps a little (marker of test_it.py::test_another_call)",
        "* > socket.*  # naps a little (marker of test_it.py::test_globs)",
    ]


SHARED = """
import asyncio, time
import pytest

pytestmark = pytest.mark.no_blocking(allow="nobody > *  # in vain")

@pytest.mark.allow_blocking("in some")
class TestShared:
    async def test_blocks(self):
        time.sleep(0.001)

    async def test_does_not(self):
        await asyncio.sleep(0)

@pytest.mark.allow_blocking("where it is asked to")
@pytest.mark.parametrize("seconds", [0, 0.001])
async def test_parameters(seconds):
    time.sleep(seconds)

@pytest.mark.allow_blocking("nobody looks")
@pytest.mark.budget(10)
async def test_clean():
    pass
"""


def test_an_allowance_for_several_tests_is_used_by_any_of_them(play):
    """A class, a module, all parameters of a test; and it is named once."""
    run = play(SHARED)
    assert set(run.outcomes.values()) == {"passed"}
    assert unused(run) == [
        "* > *  # nobody looks (marker of test_it.py::test_clean)",
        "nobody > *  # in vain (marker of test_it.py)",
    ]
