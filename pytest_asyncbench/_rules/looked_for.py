"""Whether anybody looks for the calls that an allowance names."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from pytest_asyncbench._rules.further_names import FURTHER_NAMES
from pytest_asyncbench._words.globs import one_pattern
from pytest_asyncbench._words.promised import Rule

__all__ = ["is_looked_for"]


def is_looked_for(glob: str, rules: Iterable[Rule], families: frozenset[str]) -> bool:
    """Tell whether a call of this name can be found while these families are on.

    False only where each rule that it may mean is of another family: what no rule has
    can still be what a stall called.
    """
    means = _pattern(glob).match
    known = False
    for rule in rules:
        if any(map(means, (rule.target, *FURTHER_NAMES.get(rule.target, ())))):
            if rule.family in families:
                return True
            known = True
    return not known


@functools.lru_cache(maxsize=256)  # it is asked anew in each test that has the glob
def _pattern(glob: str) -> re.Pattern[str]:
    return one_pattern([glob])
