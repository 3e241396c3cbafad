"""``asyncbench_starvation``: whether time that the system withheld counts.

The machine cannot be starved on demand, so the clock's account is: a conftest adds
half a second of starvation to each second that passes.
"""

from __future__ import annotations

import pytest

CONFTEST = """
from pytest_asyncbench._words import clock

_real = clock.SystemClock.processor

def _starving(self, thread, native, asleep=None):
    working, *_ = _real(self, thread, native, asleep)
    return clock.Processor(working, 0.9 * self.now())

def pytest_configure():
    clock.SystemClock.processor = _starving

def pytest_unconfigure():
    clock.SystemClock.processor = _real
"""

SUITE = """
import asyncio, threading, time
import pytest

@pytest.mark.budget(0.15)
def test_budget():
    threading.Event().wait(0.25)

@pytest.mark.no_blocking(rules="none")
async def test_stall():
    await asyncio.sleep(0.05)
    time.sleep(0.25)
"""


def test_by_default_it_is_forgiven(play_once):
    """And both tests pass, nine tenths of their time being somebody else's."""
    run = play_once(SUITE, conftest=CONFTEST)
    assert run.outcomes == {"test_budget": "passed", "test_stall": "passed"}
    assert run["test_budget"].record["starved"] > 0.1


def test_ini_makes_it_count(play_once):
    """Strictly what the clock on the wall says."""
    run = play_once(SUITE, conftest=CONFTEST, ini="asyncbench_starvation = strict")
    assert run.outcomes == {"test_budget": "failed", "test_stall": "failed"}
    assert "spent waiting for a processor (counted)" in run["test_budget"].text


def test_the_command_line_wins_over_ini(play):
    """Here back to strict."""
    run = play(
        SUITE,
        "--asyncbench-starvation=strict",
        conftest=CONFTEST,
        ini="asyncbench_starvation = forgive",
    )
    assert run.outcomes == {"test_budget": "failed", "test_stall": "failed"}


MARKED = """
import asyncio, threading, time
import pytest

@pytest.mark.budget(0.15, starvation="{word}")
def test_budget():
    threading.Event().wait(0.25)

@pytest.mark.no_blocking(rules="none", starvation="{word}")
async def test_stall():
    await asyncio.sleep(0.05)
    time.sleep(0.25)
"""


@pytest.mark.parametrize(
    ("word", "setting", "outcome"),
    [("strict", "forgive", "failed"), ("forgive", "strict", "passed")],
)
def test_the_marker_wins_over_the_settings(play_once, word, setting, outcome):
    """Both ways, for its own test."""
    run = play_once(
        MARKED.format(word=word),
        conftest=CONFTEST,
        ini=f"asyncbench_starvation = {setting}",
    )
    assert run.outcomes == {"test_budget": outcome, "test_stall": outcome}


def test_another_word_at_the_marker_is_refused(play_once):
    """With the ones that are accepted."""
    run = play_once(MARKED.format(word="forgiv"))
    assert run.status == 4
    told = run.out + run.err
    assert "'forgiv' is not known (did you mean 'forgive'?)" in told
