"""``asyncbench_summary``: what fits a screen, or every place; and the next step."""

from __future__ import annotations

MANY = "import time\n" + "".join(
    f"\nasync def test_{number}():\n    time.sleep(0.001)\n" for number in range(25)
)


def test_the_summary_fits_a_screen(play):
    """The places that cost most come first, and the last line says what to do next."""
    run = play(MANY, "--asyncbench-blocking=report")
    assert run.status == 0
    assert len(run.summary) <= 21
    assert run.summary[1].startswith("the event loop was blocked at 25 places for ")
    shown = sum(": time.sleep, 1 time in 1 test" in line for line in run.summary)
    assert run.summary[-2] == f"  … and {25 - shown} more (--asyncbench-summary=all)"
    assert run.summary[-1].startswith("next: accept all as of today with ")
    assert "  test     test_it.py:" in run.summary[2]


def test_all_shows_every_place(play):
    """By the command line or the ini file."""
    ini = "asyncbench_summary = all\nasyncbench_blocking = report"
    for run in (
        play(MANY, "--asyncbench-blocking=report", "--asyncbench-summary=all"),
        play(MANY, ini=ini),
    ):
        shown = sum(": time.sleep, 1 time in 1 test" in line for line in run.summary)
        assert shown == 25


def test_a_suite_in_which_nothing_blocks_is_told_how_to_keep_it_so(play):
    """Where it is kept so already, there is no next step."""
    clean = "async def test_it(): pass"
    run = play(clean, "--asyncbench-blocking=report")
    assert run.summary[-1] == (
        "next: nothing blocks: asyncbench_blocking = error keeps it so"
    )
    assert len(play(clean, "--asyncbench-blocking=error").summary) == 1


def test_a_wrong_word_is_refused(play_once):
    """With the words that are accepted."""
    run = play_once("def test_it(): pass", "--asyncbench-summary=al")
    assert run.status == 4
    told = "summary: 'al' is not known (did you mean 'all'?); accepted: screen, all"
    assert told in run.err
