"""For how long others kept the interpreter from a job in a thread."""

from __future__ import annotations

import threading

import pytest

from pytest_asyncbench._python import switch_interval
from pytest_asyncbench._tracing.jobs import Account, account, kept_out
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

NEVER = Account(working=1.0, in_all=5.0, waits=10)
INTERVAL = switch_interval()


def ended(worked, by_others, intervals):
    """Give the account at the end of a job that began with `NEVER`."""
    return Account(
        working=NEVER.working + worked,
        in_all=NEVER.in_all + worked + by_others,
        waits=NEVER.waits + intervals,
    )


@pytest.mark.skipif(not INTERVAL, reason="no thread keeps the interpreter from others")
@pytest.mark.parametrize(
    ("worked", "by_others", "intervals", "kept"),
    [
        # Of 1.0 seconds in each.
        (0.25, 0.75, 1000, 0.75),
        (0.25, 0.5, 1000, 0.5),
        (0.25, 0.75, 10, 10 * INTERVAL),
        (0.25, 0.0, 1000, 0.0),
        (1.0, 3.0, 1000, 0.0),
        (1.5, 3.0, 1000, 0.0),  # more than there was time for
        (INTERVAL / 2, 0.75, 1000, 0.0),
    ],
)
def test_it_is_no_longer_than_it_did_not_work_and_others_did(
    worked, by_others, intervals, kept
):
    """And than it can have waited for it; who hardly computes wanted it seldom."""
    told = kept_out(NEVER, ended(worked, by_others, intervals), 1.0)
    assert told == pytest.approx(kept)


@pytest.mark.parametrize("pair", [(None, None), (NEVER, None), (None, NEVER)])
def test_where_no_account_is_told_nobody_kept_it(pair):
    assert kept_out(*pair, 1.0) == 0.0


@pytest.mark.skipif(account(SYSTEM_CLOCK) is None, reason="the system does not tell")
def test_the_account_is_of_the_calling_thread_and_of_all():
    """A thread that has only just begun has worked less than the process."""
    found = []
    thread = threading.Thread(target=lambda: found.append(account(SYSTEM_CLOCK)))
    thread.start()
    thread.join()
    (told,) = found
    assert 0.0 <= told.working < told.in_all
