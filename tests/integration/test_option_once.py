"""``asyncbench_once``: whether what a process does once can be a stall."""

from __future__ import annotations

import sys

import pytest

SLOW = """
import time
until = time.thread_time() + 0.25
while time.thread_time() < until:
    pass
"""

SUITE = """
import pytest

@pytest.mark.no_blocking
async def test_setting():
    import slow_one

@pytest.mark.no_blocking(once="{marker}")
async def test_marker():
    import slow_two
"""


@pytest.fixture(autouse=True)
def _slow_modules(pytester):
    for name in ("slow_one", "slow_two"):
        (pytester.path / f"{name}.py").write_text(SLOW)


def test_by_default_it_is_accepted_and_the_summary_says_so(play):
    """It happens to whoever comes first; the marker may see it otherwise."""
    run = play(SUITE.format(marker="count"))
    assert run.outcomes == {"test_setting": "passed", "test_marker": "failed"}
    assert "allowed 1 time: a module is imported once" in run.summary
    told = run["test_marker"].lines
    assert told[0].startswith("event loop stalled ")
    assert told[0].endswith("(limit 0.100 s)")
    assert told[1:4] == [
        "test_it.py:9 in test_marker",
        "import slow_two",
        "calls import",
    ]
    assert "use: the import at the top of a module, or before the loop runs" in told


def test_ini_makes_it_count_and_the_marker_wins(play_once):
    """Each for its own."""
    run = play_once(SUITE.format(marker="forgive"), ini="asyncbench_once = count")
    assert run.outcomes == {"test_setting": "failed", "test_marker": "passed"}


def test_the_command_line_wins_over_ini(play_once):
    """Here back to the default."""
    run = play_once(
        SUITE.format(marker="forgive"),
        "--asyncbench-once=forgive",
        ini="asyncbench_once = count",
    )
    assert run.outcomes == {"test_setting": "passed", "test_marker": "passed"}


def test_another_word_is_refused(play_once):
    """With the ones that are accepted."""
    run = play_once(SUITE.format(marker="forgive"), ini="asyncbench_once = counts")
    assert run.status == 4
    assert "'counts' is not known (did you mean 'count'?)" in run.out + run.err


LAZY = """
import app
import pytest

@pytest.mark.no_blocking
async def test_setting():
    app.first()

@pytest.mark.no_blocking(once="count")
async def test_marker():
    app.second()
"""

APP = """
lazy import slow_one
lazy from slow_two import until

def first():
    return slow_one.until

def second():
    return until
"""


@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports came with 3.15")
def test_what_is_imported_lazily_is_once_work_of_the_line_that_uses_it_first(
    play, pytester
):
    """Accepted as any import; its advice is not to write what stands there already."""
    (pytester.path / "app.py").write_text(APP)
    run = play(LAZY)
    assert run.outcomes == {"test_setting": "passed", "test_marker": "failed"}
    assert "allowed 1 time: a module is imported once" in run.summary
    told = run["test_marker"].lines
    expected = ["app.py:9 in second", "return until", "calls lazy import"]
    assert told[1:4] == expected
    advice = "use: the name once before the loop runs, or an import that is not lazy"
    assert advice in told
