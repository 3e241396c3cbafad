"""Let ``python -m pytest examples`` check every example, failing ones included.

Some examples are meant to fail. So the command for all of them runs each folder by
itself, as a reader would (``python -m pytest examples/02_budget``), shows what that
prints, and passes if it is what the folder's `expected.txt` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checking import EXPECTED, difference, normalised, printed

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the way to accept what is printed now."""
    parser.addoption(
        "--update",
        action="store_true",
        help=f"write what the examples print now to their {EXPECTED}",
    )


def pytest_collect_directory(
    path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Take a folder as one example, unless it was asked for by its own name."""
    is_example = path.parent == HERE and (path / "README.md").exists()
    if not is_example or _asked_for(path, parent.config):
        return None
    return Example.from_parent(parent, path=path)


def _asked_for(folder: Path, config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    asked = ((here / arg.partition("::")[0]).resolve() for arg in config.args)
    return any(path.is_relative_to(folder) for path in asked)


class Example(pytest.Directory):
    """A folder, whose tests are run in a process of their own."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give the one thing that is to be checked."""
        yield Printed.from_parent(self, name=EXPECTED)


class Printed(pytest.Item):
    """That an example prints what it should."""

    def runtest(self) -> None:
        """Run the example and print its text, so that -rP shows it."""
        folder = self.path
        text = printed(folder)
        print(text)
        if self.config.getoption("--update"):
            (folder / EXPECTED).write_text(normalised(text), encoding="utf-8")
        if changed := difference(folder, text):
            raise Different(changed)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """Show the difference, without a traceback through this file."""
        if not isinstance(excinfo.value, Different):
            return str(super().repr_failure(excinfo))
        return f"{excinfo.value}\nif that is right: python -m pytest examples --update"

    def reportinfo(self) -> tuple[Path, None, str]:
        """Go by the folder's name."""
        return self.path, None, self.path.name


class Different(Exception):
    """An example printed something else than its folder says."""
