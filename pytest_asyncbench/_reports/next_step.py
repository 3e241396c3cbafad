"""What to do next, in one line: from looking at what blocks to refusing it."""

from __future__ import annotations

from pytest_asyncbench._words.promised import Policy

__all__ = ["next_step"]

_FEW = 3
"""So many places are mended or accepted one by one, rather than put into a file."""


def next_step(policy: Policy, places: int, steps: int) -> str | None:
    """Name the step after this run; None where nothing is left to be done.

    Args:
        policy: what held for the run.
        places: at how many places it was blocked that nobody has accepted.
        steps: how many steps of loops were seen.
    """
    if policy.blocking == "off":
        return None
    then = "asyncbench_blocking = error refuses new ones"
    refused = policy.blocking == "error"
    if policy.update_baseline:
        step = "commit the baseline, with a reason behind each entry"
        return None if refused else f"next: {step}; then {then}"
    if not places and not steps:
        # It was not looked for, which is no reason to refuse it, nor to be at ease.
        return None if refused else "next: run tests that run a loop: none took a step"
    if not places:
        keep = "next: nothing blocks: asyncbench_blocking = error keeps it so"
        if policy.accepted is not None:
            keep = f"next: nothing new blocks: {then}"
        return None if refused else keep
    mend, each = ("mend it", "it") if places == 1 else ("mend them", "each")
    step = f"{mend}, or accept {each} with a line of asyncbench_allow"
    if policy.accepted is not None:
        step = f"{mend}, or accept with --asyncbench-update-baseline"
    elif places > _FEW:
        step = (
            "accept all as of today with --asyncbench-baseline=FILE "
            "--asyncbench-update-baseline"
        )
    return f"next: {step}" if refused else f"next: {step}; then {then}"
