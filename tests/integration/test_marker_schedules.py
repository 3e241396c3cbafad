"""``@pytest.mark.schedules``: a test under many orders of what is ready."""

from __future__ import annotations

import json
import re
import sys

import pytest

SUITE = """
import asyncio, logging, unittest, unittest.mock
import pytest, pytest_asyncio

class Account:
    def __init__(self):
        self.balance = 0

    async def pay(self, amount, latency):
        for _ in range(latency):
            await asyncio.sleep(0)
        balance = self.balance
        await asyncio.sleep(0)
        self.balance = balance + amount

async def two_payments(account):
    await asyncio.gather(account.pay(1, 1), account.pay(2, 3))
    assert account.balance == 3

@pytest.mark.schedules(200)
async def test_race():
    print("one run")
    await two_payments(Account())

@pytest_asyncio.fixture
async def account():
    yield Account()
    await asyncio.sleep(0)

@pytest.mark.schedules(200)
async def test_race_with_a_fixture(account):
    print("one run")
    await two_payments(account)

@pytest.mark.schedules(200)
async def test_race_beside_fixtures_of_pytest(tmp_path, caplog, capsys):
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    logging.warning("once")
    print("once")
    await two_payments(Account())
    assert caplog.messages == ["once"]
    assert len(caplog.get_records("call")) == 1
    assert capsys.readouterr().out == "once\\n"

@pytest_asyncio.fixture
async def audited():
    account = Account()
    yield account
    assert account.balance == 3, "seen in tear-down"

@pytest.mark.schedules(200)
async def test_race_seen_in_tear_down(audited):
    await asyncio.gather(audited.pay(1, 1), audited.pay(2, 3))

@pytest_asyncio.fixture
async def never_right():
    yield
    assert False, "its own tear-down"

@pytest.mark.schedules(200)
async def test_tear_down_fails_anyway(never_right):
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

@pytest.mark.schedules(200)
async def test_race_told_by_pytest_raises():
    account = Account()
    assert not account.balance
    await asyncio.gather(account.pay(1, 1), account.pay(2, 3))
    with pytest.raises(AssertionError):
        assert account.balance != 3

@pytest.mark.schedules(5)
def test_without_a_loop():
    pass

class TestClass:
    @pytest.mark.schedules(200)
    async def test_race_in_a_class(self):
        self.runs = getattr(self, "runs", 0) + 1
        assert self.runs == 1
        await two_payments(Account())

class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.account = Account()

    @pytest.mark.schedules(200)
    async def test_race_in_a_case(self):
        await two_payments(self.account)

@pytest.mark.schedules(200)
def test_race_in_a_sync_test():
    asyncio.run(two_payments(Account()))

@pytest.mark.schedules(200)
@pytest.mark.asyncio(loop_scope="module")
async def test_race_in_a_wide_loop():
    await two_payments(Account())

@pytest.mark.schedules(200)
@pytest.mark.anyio
async def test_race_under_anyio(anyio_backend):
    await two_payments(Account())

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.schedules(200)
@pytest.mark.concurrent(2)
@pytest.mark.budget(speedup=None)
async def test_race_of_copies():
    seen = COUNT[0]
    await asyncio.sleep(0)
    COUNT[0] = seen + 1 if COUNT[0] == seen else seen

COUNT = [0]

@pytest.mark.schedules(200)
async def test_seen_whole():
    async def one():
        await asyncio.sleep(0)
    await asyncio.gather(one(), one(), one())

@pytest.mark.schedules(200)
async def test_with_a_stand_in():
    shop = unittest.mock.AsyncMock()
    await asyncio.gather(shop.buy(), shop.buy())

@pytest.fixture
async def slow_if_turned():
    seen = []
    yield seen
    if seen == ["two", "one"]:
        await asyncio.sleep(5)

@pytest.fixture
async def slow_at_the_end():
    yield
    await asyncio.sleep(5)

@pytest.mark.schedules(200)
@pytest.mark.budget(teardown=1)
async def test_budget_of_each_teardown(slow_if_turned):
    async def note(name):
        await asyncio.sleep(0)
        slow_if_turned.append(name)
    await asyncio.gather(note("one"), note("two"))

@pytest.mark.schedules(200)
@pytest.mark.budget(teardown=1)
async def test_budget_of_the_first_teardown(slow_at_the_end):
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

@pytest.mark.schedules(200)
@pytest.mark.budget(1.5)
async def test_budget_of_each_run():
    turn = []
    async def wait():
        await asyncio.sleep(0)
        turn.append(1)
        if len(turn) == 1:
            await asyncio.sleep(1)
    async def slow():
        for _ in range(3):
            await asyncio.sleep(0)
        if not turn:
            await asyncio.sleep(2)
    await asyncio.gather(wait(), slow())

@pytest.mark.schedules(200)
async def test_fails_anyway():
    assert False, "its own failure"

@pytest.mark.schedules(20)
async def test_runs_once_only(tmp_path_factory, once=[]):
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
    once.append(1)
    assert len(once) == 1

@pytest.mark.schedules(0)
async def test_exempt():
    pass
"""

RACES = [
    "test_race",
    "test_race_with_a_fixture",
    "test_race_beside_fixtures_of_pytest",
    "test_race_seen_in_tear_down",
    "test_race_told_by_pytest_raises",
    "test_race_in_a_class",
    "test_race_in_a_case",
    "test_race_in_a_sync_test",
    "test_race_in_a_wide_loop",
    "test_race_under_anyio",
]


@pytest.fixture
def suite(play):
    return play(SUITE)


@pytest.mark.parametrize("name", RACES)
def test_a_race_that_asyncio_hides_is_found_and_explained(suite, name):
    """However the test is written, and whoever runs it; its own failure stays."""
    if name.endswith("anyio"):
        pytest.importorskip("anyio")
    told = suite[name]
    assert told.outcome == "failed", told
    text = "\n".join(told.lines)
    assert "assert" in text
    assert re.search(
        r"fails under schedule \d+ of 200, and passes in asyncio's own order", text
    )
    assert re.search(r"with Account\.pay \(.+\) held at .+\.py:\d+ until ", text)
    assert re.search(r"replay: pytest --asyncbench-schedule=v1:\w{8}:\S+:\w{4}", text)
    record = told.record["schedules"]
    assert record["deviations"] == 1
    assert 1 < record["found_at"] == record["runs"] <= 200
    assert record["replay"] in text


TIMEOUT = """
import asyncio
import pytest

@pytest.mark.schedules(50)
async def test_letter():
    inbox, letters = asyncio.Queue(), []

    async def read():
        letter = await inbox.get()
        await asyncio.sleep(0)
        letters.append(letter)

    async def send():
        await asyncio.sleep(0.1)
        inbox.put_nowait("letter")

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(0.1):
            await read()
    except TimeoutError:
        pass
    await sending
    assert letters or inbox.qsize()
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout")
def test_what_a_callback_is_that_was_late_is_told(play):
    """A timeout comes after the letter was taken, and before it is read."""
    told = play(TIMEOUT)["test_letter"]
    assert told.outcome == "failed", told
    text = "\n".join(told.lines)
    assert re.search(
        r"with asyncio.timeouts.Timeout._on_timeout, a callback of "
        r"test_letter \(Task-1\), held until \S+ \(Task-.\) (was over|had come to)",
        text,
    )
    assert re.search(r"\d+ → (\d+|over)", text)


FOLDERS = """
import asyncio
import pytest

async def race(folder, before):
    value = 0
    async def add(before):
        nonlocal value
        for _ in range(before):
            await asyncio.sleep(0)
        seen = value
        await asyncio.sleep(0)
        value = seen + 1
    await asyncio.gather(add(0), add(before))
    (folder / "value").write_text(str(value))
    return value

@pytest.fixture
def folder(tmp_path):
    return tmp_path

@pytest.mark.schedules(100)
async def test_fails(folder):
    assert await race(folder, 4) == 2

@pytest.mark.schedules(20)
async def test_passes(folder):
    await race(folder, 4)

@pytest.mark.cancellations
async def test_cancelled(folder):
    await race(folder, 4)
"""


def test_of_all_the_folders_that_runs_are_given_one_is_left(play_once, pytester):
    """That of the failing run, or of the last, as one of a test that is run once."""
    play_once(FOLDERS, "--basetemp=base")
    base = pytester.path / "base"
    left = [each for each in base.iterdir() if not each.is_symlink()]
    named = {each.name.rstrip("0123456789"): each for each in left}
    assert len(named) == len(left) == 3
    assert (named["test_fails"] / "value").read_text() == "1"
    assert (named["test_passes"] / "value").read_text() == "2"


def test_what_is_printed_is_of_the_failing_run_alone(suite):
    """As many lines as one run prints."""
    for name in ("test_race", "test_race_with_a_fixture"):
        report = suite[name].reports[-1]
        printed = [text for title, text in report["sections"] if "stdout" in title]
        assert "".join(printed).count("one run") == 1


def test_a_small_test_is_said_to_be_seen_whole(suite):
    """In its record, and in the summary with the others."""
    record = suite["test_seen_whole"].record["schedules"]
    assert record["seen_all"]
    assert record["found_at"] is record["replay"] is None
    assert record["runs"] < 200
    assert suite["test_seen_whole"].outcome == "passed"


def test_that_stand_ins_give_way_to_nobody_is_said(suite):
    """All orders there are tell nothing then of what the real ones would let happen."""
    record = suite["test_with_a_stand_in"].record["schedules"]
    assert record["seen_all"]
    assert record["undivided"]
    assert not suite["test_seen_whole"].record["schedules"]["undivided"]
    (told,) = [line for line in suite.summary if "brings two tasks together" in line]
    assert "in 1 test, since none of them gives way" in told
    assert told.endswith("::test_with_a_stand_in)")


def test_a_budget_holds_for_each_run(suite):
    """In virtual time, so that another order can break it."""
    text = "\n".join(suite["test_budget_of_each_run"].lines)
    assert "budget 1.500 s" in text
    assert "fails under schedule" in text


def test_a_budget_of_fixtures_holds_for_each_run(suite):
    """What the tear-down takes in another order is told with that."""
    told = "virtual time 5.000 s in the fixtures' teardown, budget 1.000 s"
    text = "\n".join(suite["test_budget_of_each_teardown"].lines)
    assert told in text
    assert "fails under schedule" in text


def test_what_breaks_a_budget_in_asyncio_own_order_is_the_test_own_failure(suite):
    """It is told as text, without a way through the plugin, and of no schedule."""
    text = "\n".join(suite["test_budget_of_the_first_teardown"].lines)
    assert "virtual time 5.000 s in the fixtures' teardown, budget 1.000 s" in text
    assert "schedule" not in text.replace("test_marker_schedules", "")
    assert "exploring.py" not in text


def test_what_fails_in_asyncio_own_order_is_the_test_own_failure(suite):
    """No schedule is told."""
    text = "\n".join(suite["test_fails_anyway"].lines)
    assert "its own failure" in text
    assert "schedule" not in text.replace("schedules(200)", "")


def test_a_tear_down_that_fails_in_asyncio_own_order_is_the_test_own_failure(suite):
    """No schedule is told of, and none is tried."""
    told = suite["test_tear_down_fails_anyway"]
    text = "\n".join(told.lines)
    assert "its own tear-down" in text
    assert "fails under schedule" not in text
    assert told.record["schedules"]["runs"] == 1


def test_the_schedule_of_a_tear_down_is_that_of_its_own_run(play_once, suite):
    """So its replay fails in the same way."""
    replay = suite["test_race_seen_in_tear_down"].record["schedules"]["replay"]
    again = play_once(SUITE, f"--asyncbench-schedule={replay}")
    assert "seen in tear-down" in again.out
    assert again.status == 1


def test_a_test_that_runs_no_loop_is_not_measured(suite):
    """There is no order in it that could be another one."""
    told = suite["test_without_a_loop"]
    assert told.outcome == "failed"
    assert "no event loop ran in this test" in "\n".join(told.lines)


def test_a_test_that_can_not_be_run_twice_is_no_race(suite):
    """It fails as not measured, and is told what to do."""
    told = suite["test_runs_once_only"]
    assert told.outcome == "failed"
    text = "\n".join(told.lines)
    assert "not run under schedules: it can't be run twice" in text
    assert "@pytest.mark.schedules(0)" in text


def test_one_is_exempt(suite):
    """With no trace in its record."""
    assert suite["test_exempt"].outcome == "passed"
    assert not suite["test_exempt"].watched


BLOCKS_AT_THE_END = """
import asyncio, time
import pytest, pytest_asyncio

@pytest_asyncio.fixture
async def client():
    yield
    time.sleep(0.001)

each = pytest.mark.parametrize("fails", [False, True])

@each
@pytest.mark.schedules(5)
@pytest.mark.no_blocking(rules="sleep")
async def test_under_schedules(client, fails):
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
    assert not fails

@each
@pytest.mark.cancellations
@pytest.mark.no_blocking(rules="sleep")
async def test_cancelled(client, fails):
    await asyncio.sleep(0)
    assert not fails
"""


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", ["test_under_schedules", "test_cancelled"])
def test_what_blocks_in_a_tear_down_is_told_as_of_an_ordinary_test(
    play_once, name, fails
):
    """Once, that of the first run: the further ones are not watched."""
    told = play_once(BLOCKS_AT_THE_END)[f"{name}[{fails}]"]
    assert [report["outcome"] for report in told.reports] == [
        "passed",
        "failed" if fails else "passed",
        "failed",
    ]
    assert "test_it.py:7 in client" in told.text
    last = dict(told.reports[-1]["properties"])["asyncbench"]
    (entry,) = json.loads(last)["blocking"]
    assert (entry["line"], entry["count"]) == (7, 1)
