"""Run coroutines side by side, and give back what each of them came to."""

from pytest_asyncbench._running.together import (
    Item,
    Job,
    Together,
    close_unstarted,
    in_turn,
    jobs_from,
)

__all__ = ["Item", "Job", "Together", "close_unstarted", "in_turn", "jobs_from"]
