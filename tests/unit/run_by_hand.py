"""A whole run by hand, for the reports that draw its timelines."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from by_hand import track

from pytest_asyncbench._reports.run import RunReport
from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.courses import Course, Courses
from pytest_asyncbench._words.decided import (
    Comparison,
    Finding,
    PathLink,
    Verdict,
    WhatIf,
)
from pytest_asyncbench._words.explored import Leak, Leaked
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.schedules import Scheduled
from pytest_asyncbench._words.seen import Elapsed, Frame
from pytest_asyncbench._words.timeline import Timeline, Wake

ROOT = str(Path("/home/user").absolute())
RUN = {
    "asyncbench": "0.1.0",
    "pytest": "9.0",
    "python": "3.12.1",
    "system": "Linux",
    "exitstatus": 1,
    "partial": None,
}
DRAWN = Timeline(
    clock="real",
    seconds=0.001,
    tracks=(
        track("Loop", "rwr", (300, 500, 200), kind="loop"),
        track("holds <b>", "rwb", (100, 600, 100), notes=(0, 1)),
        track("waits", "qrwqr", (100, 100, 500, 100, 50), began=100),
        track("saw nothing", "", ()),
    ),
    wakes=(
        Wake(at=100, by=1, woken=2),
        Wake(at=800, by=1, woken=2),
        Wake(at=900, by=3, woken=2),
    ),
    texts=("asyncio.sleep, a.py:4 in f", "time.sleep, a.py:5 in f"),
    left_out=3,
    cut=False,
)
STEPS = {"steps": 4, "first": 1, "resumed": (0, 1, 1, -1)}
RACED = Courses(
    lanes=("test", "pays <b>", "pays too"),
    places=(
        Frame(file=f"{ROOT}/a.py", line=5, function="test"),
        Frame(file=f"{ROOT}/shop/account.py", line=18, function="pay"),
    ),
    same=1,
    passing=Course(
        lanes=(0, 1, 2, 0),
        wakes=(1, 1, 1, 2),
        ready=(0, 1, 1, 3),
        began=(0, 0, 0, 1_500_000),
        suspended=(0, -2, -2, -2),
        held=(1,),
        **STEPS,
    ),
    failing=Course(
        lanes=(0, 2, 1, 0),
        wakes=(1, 1, 1, 2),
        ready=(0, 1, 1, 3),
        began=(0, 0, 0, 0),
        suspended=(0, -2, -2, -2),
        held=(2,),
        **STEPS,
    ),
)
LOCK = Frame(file=f"{ROOT}/shop/lock.py", line=4, function="pay")
SCHEDULED = Scheduled(runs=9, found_at=7, deviations=1, replay="v1:0:1.1@1:f")
NASTY = "test_it.py::test_x[</script><script>alert(1)</script><!--{{style}}]"


def told_of(*nodeids):
    """Give a run of tests with these names, all alike."""
    blocked = Finding(
        kind="call",
        call="time.sleep",
        file=f"{ROOT}/shop/pri cing.py",
        line=88,
        module="shop.pricing",
        function="price_of",
        seconds=0.25,
    )
    accepted = dataclasses.replace(blocked, call="<b>", line=9, allowed="why")
    verdict = Verdict(
        policy=Policy(budget=Budget(within=2.0, speedup=3.0)),
        elapsed=Elapsed(wall=1.0),
        steps=9,
        budget_met=True,
        comparison=Comparison(tasks=(), wall=0.5, serial=1.5, forgiven=0.5),
        findings=(blocked, accepted),
        what_if=(WhatIf(finding=blocked, wall=0.5, together=None, speedup=None),),
        critical_path=(
            PathLink(
                task="waits",
                kind="waiting",
                seconds=0.5,
                place=LOCK,
                awaited="a lock",
                by="holds <b>",
            ),
        ),
        timeline=DRAWN,
        schedules=SCHEDULED,
        courses=RACED,
        cancellations=Swept(points=1_200, tried=7, failed=1),
        leaks=(
            Leaked(leak=Leak(what="pays <b>", place=LOCK), runs=3, of=1_000),
            Leaked(leak=Leak(what="2 descriptors"), runs=1, of=1_000),
        ),
    )
    text = json.dumps(record_of(verdict).to_json())
    return RunReport(RUN, None, dict.fromkeys(nodeids, text), ROOT)
