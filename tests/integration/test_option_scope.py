"""``asyncbench_scope``: blame only calls with a frame of these packages."""

from __future__ import annotations

import pytest

NAP = "import time\n\ndef nap():\n    time.sleep(0.001)\n"


@pytest.fixture(autouse=True)
def _packages(pytester):
    (pytester.path / "shop").mkdir()
    (pytester.path / "shop" / "__init__.py").touch()
    for name in ("shop/cart.py", "shopping.py", "elsewhere.py"):
        (pytester.path / name).write_text(NAP)


SUITE = """
import pytest
import shop.cart, shopping

pytestmark = pytest.mark.no_blocking

async def test_shop():
    shop.cart.nap()

async def test_shopping():
    shopping.nap()
"""


def test_by_default_any_call_on_the_loop_counts(play_once):
    """Whoever made it."""
    run = play_once(SUITE)
    assert run.outcomes == {"test_shop": "failed", "test_shopping": "failed"}


def test_ini_names_packages(play_once):
    """A package, not a prefix of its name."""
    run = play_once(SUITE, ini="asyncbench_scope = shop")
    assert run.outcomes == {"test_shop": "failed", "test_shopping": "passed"}


def test_a_package_that_does_not_exist_is_refused(play_once):
    """Nothing would be blamed, which would look like proof."""
    run = play_once(SUITE, "--asyncbench-scope=shpo")
    assert run.status == 4
    assert "scope: no package 'shpo' can be found" in run.out + run.err


def test_the_command_line_wins_over_ini(play):
    """And may name several."""
    run = play(
        SUITE, "--asyncbench-scope=elsewhere,shopping", ini="asyncbench_scope = shop"
    )
    assert run.outcomes == {"test_shop": "passed", "test_shopping": "failed"}


MARKED = """
import pytest
import shop.cart, shopping

@pytest.mark.no_blocking(scope="shopping, {other}")
async def test_shop():
    shop.cart.nap()

@pytest.mark.no_blocking(scope=["shopping"])
async def test_shopping():
    shopping.nap()
"""


def test_the_marker_wins_over_the_settings(play):
    """For its own test."""
    run = play(MARKED.format(other="elsewhere"), ini="asyncbench_scope = shop")
    assert run.outcomes == {"test_shop": "passed", "test_shopping": "failed"}


def test_a_package_that_does_not_exist_is_refused_at_the_marker(play_once):
    """With the name of the test."""
    run = play_once(MARKED.format(other="shpo"))
    assert run.status == 4
    told = " ".join((run.out + run.err).split())
    assert (
        "test_it.py::test_shop: asyncbench (marker): scope: no package 'shpo' can be"
        in told
    )
