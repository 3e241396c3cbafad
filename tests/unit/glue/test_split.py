"""Which part of a suite a run is, by whoever split that."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace

import pytest

from pytest_asyncbench._glue.split import part_number


@pytest.mark.parametrize(
    ("options", "environ", "number"),
    [
        ({}, {}, None),
        ({"group": 2, "splits": 5}, {}, (2, 5)),
        ({"group": None, "splits": None}, {}, None),
        ({"shard_id": 0, "num_shards": 3}, {}, (1, 3)),
        ({"shard_id": 0, "num_shards": 1}, {}, None),
        ({}, {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, (2, 4)),
        ({}, {"CI_NODE_TOTAL": "1", "CI_NODE_INDEX": "1"}, None),
        ({}, {"CI_NODE_INDEX": "two", "CI_NODE_TOTAL": "4"}, None),
        (
            {"group": 1, "splits": 2},
            {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"},
            (1, 2),
        ),
    ],
)
def test_the_number_is_that_of_the_plugin_else_of_gitlab(options, environ, number):
    """From 1; a suite that is one piece has none."""
    config = SimpleNamespace(option=Namespace(**options))
    assert part_number(config, environ) == number
