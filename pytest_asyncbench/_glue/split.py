"""Which part of a suite a run is, where CI splits that over several machines."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

__all__ = ["part_number"]

_PLUGINS = (("group", "splits", 0), ("shard_id", "num_shards", 1))
"""The options of pytest-split and of pytest-shard: which, of how many, and what to add
since the second counts from 0."""


def part_number(
    config: pytest.Config, environ: Mapping[str, str] = os.environ
) -> tuple[int, int] | None:
    """Tell the number of this part, from 1, and how many there are; None of a whole.

    A plugin's option says so, or the variables that GitLab sets for `parallel`.
    """
    for which, many, add in _PLUGINS:
        number = getattr(config.option, which, None)
        of = getattr(config.option, many, None)
        if isinstance(number, int) and isinstance(of, int) and of > 1:
            return number + add, of
    try:
        number, of = int(environ["CI_NODE_INDEX"]), int(environ["CI_NODE_TOTAL"])
    except (KeyError, ValueError):
        return None
    return (number, of) if of > 1 else None
