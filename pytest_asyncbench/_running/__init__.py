"""Run coroutines side by side, and give back what each of them came to."""

from pytest_asyncbench._running.together import (
    Job,
    Together,
    close_unstarted,
    in_turn,
    jobs_from,
)

__all__ = ["Job", "Together", "close_unstarted", "in_turn", "jobs_from"]
