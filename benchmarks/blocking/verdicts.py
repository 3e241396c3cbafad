"""What a tool made of a case: its reports and output, held against what is true."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expectations import Case
from tools import TOOLS

__all__ = ["Result", "judged"]


@dataclass(kw_only=True)
class Result:
    """What a tool made of a case."""

    case: Case
    tool: str
    skipped: bool = False
    failed: bool = False
    named: bool = False
    """Every culprit's line is named; by ours together with its call."""
    extra: list[str] = field(default_factory=list)
    """Findings of ours that name a place which is not to blame."""
    logged: bool = False
    """It said so, and let the test pass."""
    broken: str = ""
    """Why this is no result: the case itself went wrong."""
    text: str = ""

    @property
    def is_right(self) -> bool:
        """Tell whether this is all that one can ask for."""
        if self.broken:
            return False
        if self.case.kind == "innocent":
            return not self.failed and not self.logged
        return self.failed and self.named and not self.extra

    @property
    def word(self) -> str:
        """Say in a word what the tool made of it."""
        if self.skipped:
            return "skipped"
        if self.broken:
            return "broken"
        verdict = "fails" if self.failed else "logs" if self.logged else "passes"
        named = self.named and self.case.kind != "innocent"
        return verdict + ("+named" if named else "") + ("+other" if self.extra else "")

    @property
    def is_doubtful(self) -> bool:
        """Tell whether a busy machine may have made this what it is."""
        said = self.failed or self.logged
        doubtful = {
            "slow": not said and TOOLS[self.tool].timed,
            # What is quick is found by name or not at all, whatever the machine does.
            "quick": False,
            "innocent": said,
        }
        return bool(not self.skipped and (doubtful[self.case.kind] or self.broken))


def judged(case: Case, tool: str, told: dict[str, Any], output: str) -> Result:
    """Make a result of the reports of one case, and of what was printed."""
    reports = told["reports"]
    result = Result(case=case, tool=tool, text=output + "\n".join(told["alarms"]))
    outcomes = {report["outcome"] for report in reports}
    result.skipped = "skipped" in outcomes
    result.failed = "failed" in outcomes
    if tool == "ours":
        _judge_ours(result, reports)
    else:
        _judge_peer(result, reports, told["alarms"])
    return result


_WORTH = 0.02
"""What sets a slow case up may block, too, for a moment."""

_OURS = re.compile(r"^E   (?:event loop |not measured|blocking call)", re.MULTILINE)


def _judge_ours(result: Result, reports: list[dict[str, Any]]) -> None:
    findings = _findings(reports)
    broken = {
        report["when"]
        for report in reports
        if report["outcome"] == "failed" and not _OURS.search(report["text"])
    }
    if broken:
        result.broken = f"the case itself failed in {', '.join(sorted(broken))}"
    here = [
        (f["line"], f["call"]) for f in findings if f["file"] == str(result.case.file)
    ]
    result.named = all(
        any(culprit.is_named(line, call) for line, call in here)
        or (culprit.placeless and any(culprit.is_named(0, f["call"]) for f in findings))
        for culprit in result.case.culprits
    )
    result.extra = [
        f"{Path(f['file']).name}:{f['line']} {f['call']} {f['seconds']:.3f}"
        for f in findings
        if f["seconds"] >= _WORTH
        and not any(
            (culprit.placeless or f["file"] == str(result.case.file))
            and culprit.is_named(f["line"], f["call"])
            for culprit in result.case.culprits
        )
    ]


def _findings(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The teardown's report repeats the record of the call, so each counts once.
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, value in report["properties"]:
            if name == "asyncbench":
                for entry in json.loads(value)["blocking"]:
                    if entry["allowed"] is None:
                        found[json.dumps(entry, sort_keys=True)] = entry
    return list(found.values())


def _judge_peer(
    result: Result, reports: list[dict[str, Any]], alarms: list[str]
) -> None:
    told = "\n".join(
        [
            *(report["text"] for report in reports),
            *(text for report in reports for text in report["sections"]),
            *alarms,
        ]
    )
    file = re.escape(result.case.file.name)
    lines = {
        int(line)
        for pattern in (rf"{file}:(\d+)", rf'{file}", line (\d+)')
        for line in re.findall(pattern, told)
    }
    culprits = result.case.culprits
    result.named = bool(culprits) and all(lines & each.lines for each in culprits)
    result.logged = bool(alarms) and not result.failed
    if result.failed and TOOLS[result.tool].verdict not in told:
        # A failure all the same, and it counts: without the tool the test passes.
        result.extra = ["failed with another message than the tool's"]
