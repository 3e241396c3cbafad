"""Our modules are loaded as they are written, whatever pytest does with a plugin's."""

from __future__ import annotations

import sys

MARKS = "import pytest\npytest.register_assert_rewrite('pytest_asyncbench')\n"
"""As pytest does with what is installed, and not with each editable installation."""

LOADED = """
import sys

def pytest_unconfigure():
    with open("rewritten", "w") as file:
        for name, module in sys.modules.items():
            spec = getattr(module, "__spec__", None)
            hook = type(getattr(spec, "loader", None)).__name__
            if "asyncbench" in name and hook == "AssertionRewritingHook":
                print(name, file=file)
"""

BEFORE = {
    "pytest_asyncbench",
    "pytest_asyncbench._as_written",
    "pytest_asyncbench._words",
    "pytest_asyncbench._words.real_time",
    "pytest_asyncbench.plugin",
}
"""What is loaded before anything of ours could say how."""

RUN = """
import sys
import pytest

assert pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]) == 0
assert "pytest_asyncbench.plugin" in sys.modules
print("finders", [one for one in sys.meta_path if "asyncbench" in str(one)])
"""


def test_a_run_that_watches_has_none_of_our_modules_rewritten(pytester):
    """Each would be parsed and compiled at each start where no bytecode is written."""
    pytester.makepyfile(marks=MARKS)
    pytester.makeconftest(LOADED)
    pytester.makepyfile("async def test_one(): pass")
    pytester.syspathinsert()
    options = ("-p", "marks", "--asyncio-mode=auto", "--asyncbench-blocking=report")
    assert pytester.runpytest_subprocess(*options).ret == 0
    rewritten = (pytester.path / "rewritten").read_text().splitlines()
    assert "pytest_asyncbench.plugin" in rewritten  # so pytest did mark them
    assert set(rewritten) <= BEFORE


def test_after_a_run_no_finder_of_ours_is_left(pytester):
    """It stands in front of everybody's imports as long as it is needed, no longer."""
    pytester.makepyfile("def test_one(): pass")
    script = pytester.makepyfile(run=RUN)
    done = pytester.run(sys.executable, script, pytester.path)
    done.stdout.fnmatch_lines(["finders []"])
