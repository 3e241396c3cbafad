"""pytest 9's own table in TOML, whose values have types: each setting takes its own."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.skipif(
    pytest.version_tuple < (9, 0), reason="[tool.pytest] came with pytest 9"
)

SUITE = """
import asyncio, time

async def test_hangs():
    await asyncio.sleep(60)

async def test_blocks():
    time.sleep(0.001)

async def test_is_allowed():
    time.sleep(0.001)
"""


HEAD = """
[tool.pytest]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
"""


@pytest.fixture
def run(pytester):
    def run(settings):
        pytester.makepyfile(SUITE)
        pytester.makepyprojecttoml(HEAD + settings)
        return pytester.runpytest("-p", "no:cacheprovider")

    return run


@pytest.mark.parametrize("value", ["0.2", '"200ms"', '"0.2"'])
def test_a_number_is_as_good_as_a_text(run, value):
    """Of seconds, as on the command line and at a marker."""
    result = run(f"asyncbench_budget = {value}")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["E   wall clock *, budget 0.200 s (ini)"])


def test_a_list_is_a_list_of_lines_or_of_words(run):
    """As TOML writes several of anything."""
    result = run(
        "asyncbench_budget = 0.2\n"
        'asyncbench_blocking = "error"\n'
        'asyncbench_rules = ["sleep", "files"]\n'
        'asyncbench_allow = ["*.test_is_allowed > time.sleep  # once"]\n'
    )
    result.assert_outcomes(failed=2, passed=1)


@pytest.mark.parametrize("value", ["true", "[1, 2]", "{ a = 1 }"])
def test_what_is_no_setting_is_refused_in_our_words(run, value):
    """It names the setting, the value and what is accepted."""
    result = run(f"asyncbench_budget = {value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*asyncbench (ini): budget: * accepted: duration, auto, none"]
    )
