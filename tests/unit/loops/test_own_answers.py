"""What a loop says of itself to us, whatever stands in the place of its methods."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from pytest_asyncbench._loops import is_closed, runs


class Hosted(asyncio.AbstractEventLoop):
    """A loop that another one runs, and that knows so itself."""

    def is_running(self):
        return True


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    """A loop that neither runs nor is closed."""
    made = pytest.importorskip(request.param).new_event_loop()
    yield made
    made.close()


def test_what_a_loop_says_is_true(loop):
    """While it runs, at rest, and when it is closed."""

    async def while_it_runs():
        return runs(loop), is_closed(loop)

    assert (runs(loop), is_closed(loop)) == (False, False)
    assert loop.run_until_complete(while_it_runs()) == (True, False)
    loop.close()
    assert (runs(loop), is_closed(loop)) == (False, True)


def test_a_test_that_counts_the_calls_sees_none_of_ours(loop):
    """And what it lets the loop say is for its own code."""
    with (
        mock.patch.object(loop, "is_closed", return_value=True) as closed,
        mock.patch.object(loop, "is_running", return_value=True) as running,
    ):
        assert (runs(loop), is_closed(loop)) == (False, False)
    assert (closed.call_count, running.call_count) == (0, 0)


@pytest.mark.parametrize(
    "kind",
    [asyncio.BaseEventLoop, asyncio.SelectorEventLoop, asyncio.AbstractEventLoop],
)
def test_the_same_holds_for_asyncios_classes(kind):
    """Whichever of them a test writes to."""
    loop = asyncio.SelectorEventLoop()
    with mock.patch.object(kind, "is_closed", return_value=True) as closed:
        assert not is_closed(loop)
    assert closed.call_count == 0
    loop.close()


def test_a_loop_that_knows_better_is_asked_itself():
    """Such as one that a toolkit's own loop runs."""
    assert runs(Hosted())
