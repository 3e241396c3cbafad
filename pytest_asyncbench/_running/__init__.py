"""Run coroutines side by side, and a test under many schedules."""

from pytest_asyncbench._running.alone import run_alone
from pytest_asyncbench._running.explorer import Explorer, unrepeatable
from pytest_asyncbench._running.held import Holdings, told
from pytest_asyncbench._running.order import Order, RunsOn
from pytest_asyncbench._running.quick import AsksForMore
from pytest_asyncbench._running.sweep import CancellingOrder, NoSuchTaskError, Sweep
from pytest_asyncbench._running.together import (
    Item,
    Job,
    Together,
    close_unstarted,
    in_turn,
    jobs_from,
)

__all__ = [
    "AsksForMore",
    "CancellingOrder",
    "Explorer",
    "Holdings",
    "Item",
    "Job",
    "NoSuchTaskError",
    "Order",
    "RunsOn",
    "Sweep",
    "Together",
    "close_unstarted",
    "in_turn",
    "jobs_from",
    "run_alone",
    "told",
    "unrepeatable",
]
