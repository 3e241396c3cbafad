"""``asyncbench_calls``: more calls that block, a line for each."""

from __future__ import annotations

import pytest

SUITE = """
import pytest
import shop

@pytest.mark.no_blocking
async def test_charge():
    shop.charge(10)

@pytest.mark.no_blocking(rules="sleep")
async def test_not_of_these_families():
    shop.charge(10)

@pytest.mark.no_blocking
async def test_refund():
    shop.refund(10)
"""

CHARGE = "network: shop.charge  # await shop.acharge()"
REFUND = "database: shop.refund  # await shop.arefund()"


@pytest.fixture(autouse=True)
def shop(pytester):
    (pytester.path / "shop.py").write_text(
        "def charge(amount):\n    return amount\n"
        "def refund(amount):\n    return amount\n"
        "price = 10\n"
    )


def test_ini_adds_a_row_for_each_line(play):
    """With its family, for who selects by family, and its advice."""
    run = play(SUITE, ini=f"asyncbench_calls =\n    {CHARGE}\n    {REFUND}")
    assert run.outcomes == {
        "test_charge": "failed",
        "test_not_of_these_families": "passed",
        "test_refund": "failed",
    }
    (entry,) = run["test_charge"].record["blocking"]
    assert (entry["call"], entry["advice"]) == ("shop.charge", "await shop.acharge()")


def test_the_command_line_adds_to_ini(play_once):
    """As allowances do."""
    flag = f"--asyncbench-calls={REFUND}"
    run = play_once(SUITE, flag, ini=f"asyncbench_calls = {CHARGE}")
    assert run["test_charge"].outcome == run["test_refund"].outcome == "failed"


WRONG = {
    "shop.charge  # x": "'shop.charge # x' is no row; accepted: family: module.call",
    "network: charge  # x": "'network: charge # x' names no call",
    "network: shop.charge": "does not say what to use instead, in advice; accepted: ",
    "netwrk: shop.charge  # x": "unknown family 'netwrk' (did you mean 'network'?)",
    "network: shpo.charge  # x": "shpo.charge: no module 'shpo' can be found",
    "sleep: time.slep  # x": "rule 'time.slep': ",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_row_that_watches_nothing_ends_the_run(play_once, line):
    """It says where it was written; a quiet one would look like proof."""
    run = play_once(
        "import pytest\n@pytest.mark.no_blocking\nasync def test_one(): pass\n",
        ini=f"asyncbench_calls = {line}",
    )
    assert run.status == 4
    assert run.outcomes == {}
    told = " ".join((run.out + run.err).split())
    assert "asyncbench (ini): calls: " in told
    assert WRONG[line] in told


PACKAGE = """
import depot
import pytest

@pytest.mark.no_blocking
async def test_import():
    import depot.db

@pytest.mark.no_blocking
async def test_query():
    depot.db.query()
"""


@pytest.fixture
def depot(pytester):
    """A package of the project's, of which a conftest file imports no module."""
    package = pytester.mkpydir("depot")
    (package / "db.py").write_text("def query():\n    return 1\n")


@pytest.mark.usefixtures("depot")
def test_a_module_that_is_imported_later_than_its_package_is_waited_for(play_once):
    """It can be found without importing it; what is imported in a test is soon enough
    for the next.
    """
    ini = "asyncbench_calls = database: depot.db.query  # depot.aio.query(...)"
    run = play_once(PACKAGE, ini=ini, conftest="import depot")
    assert run.outcomes == {"test_import": "passed", "test_query": "failed"}
    assert "calls depot.db.query" in run["test_query"].lines


@pytest.mark.usefixtures("depot")
def test_a_module_that_its_package_does_not_have_ends_the_run(play_once):
    """Also where the package is there."""
    ini = "asyncbench_calls = database: depot.bd.query  # depot.aio.query(...)"
    run = play_once(PACKAGE, ini=ini, conftest="import depot")
    assert run.status == 4
    assert "rule 'depot.bd.query': there is no depot.bd here" in run.out + run.err
