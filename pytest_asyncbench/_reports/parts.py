"""Reports of several machines → one: what each part ran, and whether all is there.

The parts are what ``--asyncbench-report=PART.json`` wrote. Together they are a full run
when no test was left out by every part that collected it, each path of the suite was
given to one of them, and none was cut short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_asyncbench._reports.baseline import Occurring
from pytest_asyncbench._reports.run import VERSION, RunReport
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.baseline import Baseline, BaselineEntry
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.history import PassedRun, less_group
from pytest_asyncbench._words.passed_run import passed_run
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench._words.record import Record
from pytest_asyncbench._words.units import many

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json

__all__ = ["Part", "United", "read_part", "united"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What one machine ran."""

    name: str
    """How an error calls it."""
    run: Mapping[str, Json]
    texts: Mapping[str, Json]
    """The records, by node id, as they were written."""
    records: Mapping[str, Record]
    """The same, read."""
    identity: str
    number: int | None
    of: int | None
    """Which part it is, and of how many; None where nobody knows."""
    root: str
    paths: tuple[str, ...]
    testpaths: tuple[str, ...]
    left_out: frozenset[str]
    cut_short: tuple[str, ...]
    machine: str
    """Its class."""
    not_passed: frozenset[str]
    """The tests of which a history learns nothing."""
    unwatched: frozenset[str]
    """The tests that ran, and of which there is no record."""
    blocking: str
    rules: frozenset[str]
    calls: Mapping[str, str]
    """The family of each call that a setting adds, by the call."""
    baseline: bool
    """Whether it was judged by one, so that near stalls are known."""

    @property
    def kind(self) -> str:
        """On what it ran: parts of one number may have run on several Pythons."""
        python = ".".join(str(self.run["python"]).split(".")[:2])
        return f"Python {python}, {self.run['system']}"

    @property
    def all_that_ran(self) -> frozenset[str]:
        """Its tests, as a history calls them."""
        return frozenset(map(less_group, (*self.records, *self.unwatched)))

    @property
    def all_that_passed(self) -> frozenset[str]:
        """Those of its tests that passed in all phases."""
        return self.all_that_ran - {*map(less_group, self.not_passed)}

    def ran(self, nodeid: str) -> bool:
        """Tell whether it collected a test and did not leave it out."""
        path = nodeid.partition("::")[0]
        return nodeid not in self.left_out and _lies_in(path, self.paths)


# ------------------------------------------------------------------- reading


def read_part(text: str, name: str) -> Part:
    """Read what a run has written with ``--asyncbench-report=PART.json``.

    Args:
        text: what the file holds.
        name: how an error calls the file.

    Raises:
        PolicyError: it is no such report, or one of another version.
    """
    try:
        told: Json = json.loads(text)
    except ValueError as error:
        raise PolicyError(f"{name}: is no JSON: {error}") from None
    if not isinstance(told, dict) or not {"version", "run", "tests"} <= told.keys():
        raise PolicyError(
            f"{name}: is no report; --asyncbench-report=PART.json writes one"
        )
    if told["version"] != VERSION:
        raise PolicyError(
            f"{name}: is of version {told['version']}; known here is {VERSION}"
        )
    run = told["run"]
    if isinstance(run, dict) and "parts" in run:
        raise PolicyError(f"{name}: is made of parts itself; give these")
    try:
        return _part(name, run, told["tests"])
    except (KeyError, TypeError, AttributeError) as error:
        raise PolicyError(
            f"{name}: can't be united with others, since it lacks {error}; another "
            "release of pytest-asyncbench wrote it, or no run of tests"
        ) from None
    except ValueError as error:
        raise PolicyError(f"{name}: a record can't be read: {error}") from None


def _part(name: str, run: Json, tests: Json) -> Part:
    run = _as_object(run, "run")
    part = _as_object(run["part"], "part")
    written = [_as_object(test, "a test") for test in _as_list(tests, "tests")]
    texts = {str(one["nodeid"]): one["record"] for one in written}
    for word in ("asyncbench", "pytest", "python", "system"):
        run[word]
    if not isinstance(run["exitstatus"], int):
        raise TypeError("a number as 'exitstatus'")
    number, of = part["number"], part["of"]
    calls = _as_object(part["calls"], "calls")
    return Part(
        name=name,
        run=run,
        texts=texts,
        records={nodeid: Record.from_json(one) for nodeid, one in texts.items()},
        identity=str(part["id"]),
        number=number if isinstance(number, int) else None,
        of=of if isinstance(of, int) else None,
        root=str(part["root"]),
        paths=_texts(part["paths"], "paths"),
        testpaths=_texts(part["testpaths"], "testpaths"),
        left_out=frozenset(_texts(part["left_out"], "left_out")),
        cut_short=_texts(part["cut_short"], "cut_short"),
        machine=str(part["machine"]),
        not_passed=frozenset(_texts(part["not_passed"], "not_passed")),
        unwatched=frozenset(_texts(part["unwatched"], "unwatched")),
        blocking=str(part["blocking"]),
        rules=frozenset(_texts(part["rules"], "rules")),
        calls={call: str(family) for call, family in calls.items()},
        baseline=bool(part["baseline"]),
    )


def _as_object(json: Json, what: str) -> dict[str, Json]:
    if not isinstance(json, dict):
        raise TypeError(f"an object as {what!r}")
    return json


def _as_list(json: Json, what: str) -> list[Json]:
    if not isinstance(json, list):
        raise TypeError(f"a list as {what!r}")
    return json


def _texts(json: Json, what: str) -> tuple[str, ...]:
    return tuple(str(each) for each in _as_list(json, what))


# ------------------------------------------------------------------- uniting


def united(parts: Sequence[Part]) -> United:
    """Unite parts.

    Raises:
        PolicyError: one was given twice, is of another release, or is missing; says
            which.
    """
    if not parts:
        raise PolicyError("no part is given")
    known: dict[str, Part] = {}
    for part in parts:
        other = known.setdefault(part.identity, part)
        if other is not part:
            raise PolicyError(f"{part.name}: is the same run as {other.name}")
    first = parts[0]
    for part in parts:
        if part.run["asyncbench"] != first.run["asyncbench"]:
            raise PolicyError(
                f"{part.name}: pytest-asyncbench {part.run['asyncbench']} wrote it, "
                f"and {first.run['asyncbench']} wrote {first.name}"
            )
    _insist_on_numbers(parts)
    return United(tuple(parts))


def _insist_on_numbers(parts: Iterable[Part]) -> None:
    groups: dict[str, list[Part]] = {}
    for part in parts:
        if part.of is not None:
            groups.setdefault(part.kind, []).append(part)
    for kind, group in groups.items():
        first, there = group[0], dict[int | None, Part]()
        for part in group:
            if part.of != first.of:
                raise PolicyError(
                    f"{part.name}: is a part of {part.of}, and {first.name} is one of "
                    f"{first.of} ({kind})"
                )
            other = there.setdefault(part.number, part)
            if other is not part:
                raise PolicyError(
                    f"{part.name}: is part {part.number} of {part.of}, and so is "
                    f"{other.name} ({kind})"
                )
        missing = [
            str(number)
            for number in range(1, (first.of or 0) + 1)
            if number not in there
        ]
        if missing:
            are = "part" if len(missing) == 1 else "parts"
            raise PolicyError(
                f"{are} {', '.join(missing)} of {first.of} missing ({kind})"
            )


@dataclass(frozen=True)
class United:
    """Several parts as one run."""

    parts: tuple[Part, ...]

    @cached_property
    def partial(self) -> str | None:
        """Why they are no full run together; None where they are."""
        return next(self._reasons(), None)

    def _reasons(self) -> Iterator[str]:
        for part in self.parts:
            yield from (f"{part.name}: {reason}" for reason in part.cut_short)
        given = [path for part in self.parts for path in part.paths]
        for path in dict.fromkeys(p for part in self.parts for p in part.testpaths):
            if not _lies_in(path, given):
                yield f"no part was given all of {path} (testpaths)"
        left_out = dict.fromkeys(n for p in self.parts for n in sorted(p.left_out))
        nowhere = [n for n in left_out if not any(p.ran(n) for p in self.parts)]
        if nowhere:
            more = f", and {len(nowhere) - 1:,} more" if len(nowhere) > 1 else ""
            yield f"{nowhere[0]} was left out by every part{more}"

    def report(self, root: str) -> RunReport:
        """Give what all reports are made of.

        Args:
            root: the root folder on this machine, in the place of each part's own.
        """
        texts = {
            self._called(part, nodeid): json.dumps(
                _moved(record, part.root, root), sort_keys=True
            )
            for part in self.parts
            for nodeid, record in part.texts.items()
        }
        return RunReport(self._run(), self.partial, texts, root)

    def _called(self, part: Part, nodeid: str) -> str:
        """Name a test; one that several parts ran, with where."""
        if sum(nodeid in each.records for each in self.parts) == 1:
            return nodeid
        kinds = [each.kind for each in self.parts]
        alone = kinds.count(part.kind) == 1
        return f"{nodeid} [{part.kind if alone else part.name}]"

    def _run(self) -> Mapping[str, Json]:
        runs: list[Json] = [dict(part.run) for part in self.parts]
        statuses = [part.run["exitstatus"] for part in self.parts]
        return {
            **{
                name: ", ".join(
                    dict.fromkeys(str(part.run[name]) for part in self.parts)
                )
                for name in ("asyncbench", "pytest", "python", "system")
            },
            "exitstatus": max(each for each in statuses if isinstance(each, int)),
            "partial": self.partial,
            "parts": runs,
        }

    # ---------------------------------------------------------- the baseline

    def _records(self) -> Iterator[Record]:
        for part in self.parts:
            yield from part.records.values()

    def _occurring(self, before: Baseline) -> Occurring:
        found = Occurring(before)
        for record in self._records():
            for entry in record.blocking:
                if entry.allowed is None or entry.baseline is not None:
                    name = entry.baseline or entry.fingerprint
                    found.add(name, stall=entry.sampled)
        return found

    def found(self, before: Baseline) -> list[BaselineEntry]:
        """Give the entries of what blocked, and was not accepted for another reason."""
        return [*self._occurring(before).entries]

    def gone(self, before: Baseline) -> list[str]:
        """Give the entries of which nothing is left; none where nobody can tell."""
        if self.partial or any(part.blocking == "off" for part in self.parts):
            return []
        near = {name for record in self._records() for name in record.near_stalls}
        return self._occurring(before).gone(
            near if all(part.baseline for part in self.parts) else None,
            lambda call: all(_looks_for(part, call) for part in self.parts),
        )

    # ----------------------------------------------------------- the history

    def passed(self) -> dict[Part, dict[str, PassedRun]]:
        """Give what the passed tests of each part took, by node id.

        Of one that several parts ran on one class it is the last, and nothing where one
        of them failed it: it was run again then, and passed by chance.
        """
        found: dict[tuple[str, str], tuple[Part, PassedRun]] = {}
        not_passed = {
            (part.machine, less_group(nodeid))
            for part in self.parts
            for nodeid in part.not_passed
        }
        for part in self.parts:
            for nodeid, record in part.records.items():
                name, run = less_group(nodeid), passed_run(record)
                if run is not None and (part.machine, name) not in not_passed:
                    found[part.machine, name] = part, run
        passed: dict[Part, dict[str, PassedRun]] = {}
        for (_, name), (part, run) in found.items():
            passed.setdefault(part, {})[name] = run
        return passed

    def full_runs(self) -> dict[str, frozenset[str]]:
        """Give what ran on each class of machine of which the parts are a full run.

        By themselves: CI may give the parts of one run to several classes, and then
        none of these lacks what another has run.
        """
        by_class: dict[str, list[Part]] = {}
        for part in self.parts:
            by_class.setdefault(part.machine, []).append(part)
        return {
            machine: frozenset().union(*(part.all_that_ran for part in parts))
            for machine, parts in by_class.items()
            if United(tuple(parts)).partial is None
        }

    @property
    def told(self) -> str:
        """Say what they are."""
        tests = many(sum(len(part.records) for part in self.parts), "test")
        full = "a full run" if self.partial is None else f"partial: {self.partial}"
        return f"{many(len(self.parts), 'part')}, {tests}: {full}"


def _looks_for(part: Part, call: str) -> bool:
    own = [
        Rule(target=target, family=family, advice="")
        for target, family in part.calls.items()
    ]
    return is_looked_for(call, (*RULES, *own), part.rules)


def _lies_in(path: str, given: Iterable[str]) -> bool:
    here = PurePosixPath(path)
    return any(
        each == "." or here == PurePosixPath(each) or here.is_relative_to(each)
        for each in given
    )


def _moved(json: Json, root: str, to: str) -> Json:
    """Tell each file of a record from another root folder."""
    if isinstance(json, list):
        return [_moved(each, root, to) for each in json]
    if not isinstance(json, dict):
        return json
    return {
        name: _moved_file(value, root, to)
        if name == "file" and isinstance(value, str)
        else _moved(value, root, to)
        for name, value in json.items()
    }


def _moved_file(file: str, root: str, to: str) -> str:
    inside = file.removeprefix(root)
    if inside == file or inside[:1] not in ("/", "\\"):
        return file
    return f"{to}/{inside[1:]}".replace("\\", "/") if root != to else file
