"""Each file of a run has one use: a report in a baseline's place ends that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.annotating import GITLAB
from pytest_asyncbench._glue.settings import folder_of
from pytest_asyncbench._outside.files import insist_on_one_use
from pytest_asyncbench._words.errors import PolicyError

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Policy

__all__ = ["insist_on_own_files"]


def insist_on_own_files(config: pytest.Config, policy: Policy) -> None:
    """Find out whether two settings name one file.

    Raises:
        pytest.UsageError: they do; nothing was read or written.
    """
    try:
        insist_on_one_use(_uses(config, policy))
    except PolicyError as error:
        raise pytest.UsageError(f"asyncbench: {error}") from None


def _uses(config: pytest.Config, policy: Policy) -> Iterator[tuple[str, Path]]:
    named = {
        "baseline": filter(None, [policy.baseline]),
        "history": filter(None, [policy.history]),
        "report": policy.report,
    }
    for setting, names in named.items():
        for name in names:
            yield setting, folder_of(config, policy.sources[setting]) / name
    if policy.annotations == "gitlab":
        yield "annotations", config.rootpath / GITLAB
