"""Watch a test: all instruments around it, the thread that looks, and its deadline."""

from pytest_asyncbench._watching.at_once import Owner
from pytest_asyncbench._watching.closing import Closing
from pytest_asyncbench._watching.deadline import Deadline
from pytest_asyncbench._watching.loops_deadline import LoopsDeadline
from pytest_asyncbench._watching.self_test import defeats
from pytest_asyncbench._watching.watch import Watch

__all__ = [
    "Closing",
    "Deadline",
    "LoopsDeadline",
    "Owner",
    "Watch",
    "defeats",
]
