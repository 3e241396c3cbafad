"""What blocked the loop, in lines: for how long, where, in what call, what to do."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_asyncbench._reports.places import place_lines
from pytest_asyncbench._words.decided import GARBAGE, OWN_TURN, Finding, Verdict
from pytest_asyncbench._words.seen import Wait
from pytest_asyncbench._words.units import plural, seconds, shown, where

__all__ = ["blocking_lines"]

_MOST_FINDINGS = 10

_GARBAGE = f"met {GARBAGE}, which looked through all objects of the process"

_TELLING = 0.02
"""Of starved time, in seconds, from which its reason is told."""

_PASSES_TIME = ("time.sleep", "a timer")
"""What this call waited for need not be said."""

_OBJECTS = ("a lock", "a timer", "a child process", "process ")


def blocking_lines(verdict: Verdict, least: float = 0.0) -> Iterator[str]:
    """Write down each place that blocked for `least` seconds and was not allowed to."""
    culprits = [
        finding
        for finding in verdict.findings
        if finding.allowed is None and finding.seconds >= least
    ]
    for finding in culprits[:_MOST_FINDINGS]:
        yield from _finding_lines(finding, verdict.policy.threshold)
    if len(culprits) > _MOST_FINDINGS:
        yield f"… and {len(culprits) - _MOST_FINDINGS} more places"


def _finding_lines(finding: Finding, threshold: float) -> Iterator[str]:
    yield _headline(finding, threshold)
    yield from place_lines(finding.file, finding.line, finding.function, "  ")
    yield f"  {_kept(finding) if finding.kind == 'kept' else _called(finding)}"
    if finding.handed is not None and not finding.is_handed_here:
        at = finding.handed
        yield f"  handed over at {where(at.file, at.line, at.function)}"
    yield from _split_lines(finding)
    yield from _starved_lines(finding)
    yield from _waited_lines(finding)
    if finding.held_up:
        others = f"{finding.held_up} other {plural(finding.held_up, 'callback')}"
        yield f"  held up {others}, {seconds(finding.held_up_for)} at most"
    if finding.advice:
        yield f"  use: {finding.advice}"


def _headline(finding: Finding, threshold: float) -> str:
    times = _times(finding)
    here = seconds(finding.seconds)
    if finding.kind == "call":
        return f"blocking call on the event loop, {here}{times}"
    if finding.kind == "kept":
        limit = f"(limit {seconds(threshold)})"
        return f"event loop kept waiting {here} {limit} by a thread{times}"
    limit = f"(limit {seconds(threshold)})"
    # Several may have filled a step that was too long, each with less than the limit.
    if finding.step is None or finding.seconds > threshold:
        return f"event loop stalled {here} {limit}{times}"
    return (
        f"event loop stalled {seconds(finding.step)} {limit}, {here} of it here{times}"
    )


def _times(finding: Finding) -> str:
    """Say how often; calls and steps apart where a stall is made of many calls."""
    steps = len(finding.steps)
    if finding.count == 1:
        return ""
    if finding.kind == "call" or steps in (0, finding.count):
        return f", {finding.count} times"
    within = "one step" if steps == 1 else f"{steps:,} steps"
    return f", {finding.count:,} calls in {within}"


def _kept(finding: Finding) -> str:
    if finding.call == GARBAGE:
        return f"there a thread {_GARBAGE}"
    if finding.is_handed_here:
        told = f"hands {finding.call} to a thread, which kept the interpreter"
    elif finding.busy:
        return f"{finding.call} kept the interpreter"
    else:
        told = f"calls {finding.call}, which kept the interpreter"
    if not finding.via:
        return told
    inner = finding.via[0]
    return f"{told} at {where(inner.file, inner.line, inner.function)}"


def _called(finding: Finding) -> str:
    if finding.via:
        inner = finding.via[0]
        at = where(inner.file, inner.line, inner.function)
        return f"calls {finding.call}, which blocked at {at}"
    if finding.call == GARBAGE:
        return _GARBAGE
    if finding.call == OWN_TURN:
        return f"{OWN_TURN}, in no step: asyncio went through its timers"
    if finding.busy:
        return f"{finding.call} was busy itself"
    if finding.unseen:
        return f"what {finding.call} did was not seen"
    return f"calls {finding.call}"


def _split_lines(finding: Finding) -> Iterator[str]:
    if finding.working is None or finding.blocked is None:
        return
    starved = f", starved {seconds(finding.starved)}" if finding.starved else ""
    yield (
        f"  working {seconds(finding.working)}, "
        f"blocked {seconds(finding.blocked)}{starved}"
    )


def _starved_lines(finding: Finding) -> Iterator[str]:
    reasons = (
        (finding.stopped, "the whole process stood still"),
        (finding.kept_out, "another thread kept the interpreter"),
    )
    for part, reason in reasons:
        if part >= _TELLING:
            yield f"  for {seconds(part)} of that {reason}"


def _waited_lines(finding: Finding) -> Iterator[str]:
    if finding.waits:
        wait = finding.waits[0][0]
        if (finding.call, wait.on) != _PASSES_TIME:
            yield f"  {_waited(wait)}"


def _waited(wait: Wait) -> str:
    if wait.on is None:
        return f"waited in {wait.call}"
    if wait.on.startswith(_OBJECTS):
        return f"waited for {wait.on} ({wait.call})"
    return f"waited in {wait.call} on {shown(wait.on)}"
