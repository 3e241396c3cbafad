"""What to do next, in one line: from looking at what blocks to refusing it."""

from __future__ import annotations

from pytest_asyncbench._words.promised import Policy

__all__ = ["next_step"]


def next_step(policy: Policy, places: int) -> str | None:
    """Name the step after this run; None where nothing is left to be done.

    Args:
        policy: what held for the run.
        places: at how many places it was blocked that nobody has accepted.
    """
    if policy.blocking == "off":
        return None
    refused = policy.blocking == "error"
    if not places:
        keep = "next: nothing blocks: asyncbench_blocking = error keeps it so"
        return None if refused else keep
    mend, each = ("mend it", "it") if places == 1 else ("mend them", "each")
    then = "" if refused else "; then asyncbench_blocking = error refuses new ones"
    return f"next: {mend}, or accept {each} with a line of asyncbench_allow{then}"
