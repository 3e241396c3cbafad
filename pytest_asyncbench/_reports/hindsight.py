"""What a test's end stood on, and what awaiting would bring, in lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from pytest_asyncbench._words.decided import Finding, PathLink, Verdict, WhatIf
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.units import many, seconds, shown

__all__ = ["path_lines", "what_if_lines"]

_WORTH_A_LINE = 0.12
"""Links of a critical path are told of from this part of the whole on."""

_MOST = 4

_AWAITED = "were awaited"
_VERBS = {"running": "ran", "queued": "stood in the loop's queue"}


def path_lines(verdict: Verdict) -> Iterator[str]:
    """Tell of the longest links of a critical path, in their order; of alike ones once.

    A loop awaits at one line in each of its turns, and its links are as many.
    """
    path = verdict.critical_path
    whole = sum(link.seconds for link in path)
    took: defaultdict[str, float] = defaultdict(float)
    times: Counter[str] = Counter()
    for link in path:
        if link.seconds >= _WORTH_A_LINE * whole:
            told = _told(link)
            took[told] += link.seconds
            times[told] += link.times if link.kind == "waiting" else 1
    longest = sorted(took, key=lambda told: -took[told])[:_MOST]
    for told in took:
        if told in longest:
            often = f", {times[told]} times" if times[told] > 1 else ""
            yield f"{seconds(took[told])} of {seconds(whole)}: {told}{often}"


def _told(link: PathLink) -> str:
    who = f"`{link.task}`" if link.task else "the loop"
    if link.kind != "waiting":
        return f"{who} {_VERBS[link.kind]}"
    told = f"{who} waited for {link.awaited or 'something'}"
    if link.kept_by is not None:
        told = told if link.awaited is not None else f"{who} waited"
        told += f", while `{link.kept_by}` kept the loop"
    elif link.by is not None and link.by not in (link.awaited or ""):
        told += f", until `{link.by}` was done with it"
    place = link.place
    return told if place is None else f"{told} ({shown(place.file)}:{place.line})"


def what_if_lines(verdict: Verdict) -> Iterator[str]:
    """Say how the test would have gone with each place awaited, and with all."""
    if verdict.was_cut and any(one.could_be_awaited for one in verdict.findings):
        yield "if this were awaited: can't be told: it was cancelled at its budget"
    several = sum(finding.allowed is None for finding in verdict.findings) > 1
    for case in verdict.what_if:
        yield f"{_case(verdict, case, several=several)}: {_gone(verdict.policy, case)}"


def _case(verdict: Verdict, case: WhatIf, *, several: bool) -> str:
    finding = case.finding
    if finding is None:
        places = many(len(verdict.what_if) - 1, "place")
        return f"if all {places} were awaited"
    where = f" in {finding.function}" if several else ""
    verb = _done(finding)
    if several or verb != _AWAITED:
        return f"if {finding.call}{where} {verb}"
    return f"if this {verb}"


def _done(finding: Finding) -> str:
    """Say what would take a place off the loop: for some calls a thread does not."""
    way = finding.holds.way if finding.holds is not None else None
    works = (finding.working or 0.0) > 0.5 * finding.seconds
    if works and way == "lets go":
        return "ran in a thread"
    return "ran in another process" if works or way == "keeps" else _AWAITED


def _gone(policy: Policy, case: WhatIf) -> str:
    """Say it of what was promised: the whole test, or what it runs side by side."""
    if not policy.compares or case.together is None or case.speedup is None:
        return seconds(case.wall)
    return f"{seconds(case.together)} together, speedup {case.speedup:.1f}"
