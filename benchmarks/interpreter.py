"""What common calls do with the interpreter, and whether the advice for them is right.

Run it as ``python benchmarks/interpreter.py [words]``; words choose the calls whose
names hold one of them. ``--write`` writes the table of ``docs/threads.md`` anew, for
what is installed. Each call has a process of its own. There it is made large enough to
take a tenth or two of a second, then runs in a thread twice while another thread
wants the interpreter every half millisecond, and then on a loop that the plugin
watches, which has to find out the same by its own means.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from _common_calls import CALLS, Call
from _table import print_table

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._python import Kernel
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Elapsed, Observations

PAGE = Path(__file__).parents[1] / "docs" / "threads.md"
BEGIN, END = "<!-- the table: benchmarks/interpreter.py -->\n", "<!-- its end -->\n"

LASTS = 0.15
THRESHOLD = 0.05
"""A call that takes less than it is to last, on a quicker machine, is looked at too."""
ROUNDS = 2
MOST_ROUNDS = 8
MAY_LACK = 0.5
"""For this part of a call the other thread may lack a processor."""
PAUSE = 0.0005
FIRST = 0.02
"""So long the other thread is there before the call begins."""
NO_DELAY = 0.001
"""Who is late by less than this has waited for its timer, not for the interpreter."""
TIMEOUT = 60


class Wait(NamedTuple):
    """One wait of the thread that wants the interpreter."""

    wanted: float
    given: float
    starved: float
    """For how long the call's own thread lacked a processor meanwhile."""


class Measured(NamedTuple):
    """What a second thread met while a call lasted, as parts of the call's time."""

    longest: float
    """Its longest wait."""
    waited: float
    """All of its waits."""
    seconds: float

    @property
    def way(self) -> str:
        """What the call does, by the limits that the plugin has for its advice."""
        if self.longest >= 0.8:
            return "keeps"
        return "lets go" if self.waited <= 0.2 else "shares"


def main(words: list[str]) -> None:
    write = "--write" in words
    words = [word for word in words if word != "--write"]
    told = [
        answer
        for name in CALLS
        if not words or any(word in name for word in words)
        for answer in [in_a_process(name)]
        if answer is not None
    ]
    heads = ["call", "of", "does", "longest", "waited", "seconds", "advice"]
    title = "what a second thread met, as a part of the call's time"
    print_table(title, heads, [shown(each) for each in told])
    known = [each for each in told if each["advised"]]
    wrong = [each["name"] for each in known if each["verdict"] == "wrong"]
    print(f"\nadvice: {len(known)} of {len(told)} known, {len(wrong)} wrong: {wrong}")
    if write:
        text = PAGE.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(head + BEGIN + page(told) + END + tail, encoding="utf-8")


def in_a_process(name: str) -> dict[str, Any] | None:
    """Measure a call in a process of its own; None where its library is not there."""
    asked = [sys.executable, __file__, "--one", name]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        print(f"took too long: {name}", file=sys.stderr)
        return None
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        print(f"left out: {name}: {reason}", file=sys.stderr)
        return None
    answer: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return answer


def shown(each: dict[str, Any]) -> list[str]:
    figures = (each["longest"], each["waited"], each["seconds"])
    told = [f"{figure:.2f}" for figure in figures]
    return [each["name"], each["version"], each["way"], *told, each["verdict"]]


# ------------------------------------------------------------------ in its own process


def one(name: str) -> None:
    asked = CALLS[name]
    call = large_enough(asked)
    measured = in_a_thread(call)
    advised = advice(call)
    verdict = "right" if advised == measured.way else "wrong"
    answer = {
        "name": name,
        "version": version(asked),
        **measured._asdict(),
        "way": measured.way,
        "advised": advised,
        "verdict": verdict if advised else "not known",
    }
    print(json.dumps(answer))


def version(asked: Call) -> str:
    return f"{asked.of} {importlib.metadata.version(asked.of)}" if asked.of else ""


def large_enough(asked: Call) -> Callable[[], object]:
    n = 1000
    while True:
        call = asked.make(n)
        began = time.perf_counter() - starved_so_far()
        call()
        took = time.perf_counter() - starved_so_far() - began
        if took >= 0.7 * LASTS:
            return call
        n = int(n * min(4.0, max(1.5, LASTS / max(took, 0.001))))


def starved_so_far(thread: threading.Thread | None = None) -> float:
    who = thread or threading.current_thread()
    ident, native = who.ident or 0, who.native_id or 0
    return SYSTEM_CLOCK.processor(ident, native).starved or 0.0


def in_a_thread(call: Callable[[], object]) -> Measured:
    told: list[Measured] = []
    for _ in range(MOST_ROUNDS):
        measured, lacked = once_in_a_thread(call)
        # Who had no processor itself did not ask for the interpreter, and can't tell.
        if lacked <= MAY_LACK:
            told.append(measured)
        if len(told) == ROUNDS:
            break
    if not told:
        sys.exit("the machine is too busy to tell")
    # Other load can only add to what is waited, so the round with the least counts.
    return min(told)


def once_in_a_thread(call: Callable[[], object]) -> tuple[Measured, float]:
    """Measure it; tell for which part of it the other thread lacked a processor."""
    here = threading.current_thread()
    spans: list[float] = []
    lacked: list[float] = []

    def work() -> None:
        time.sleep(FIRST)
        spans.append(time.perf_counter())
        lacked.append(starved_so_far(here))
        kept = call()
        lacked.append(starved_so_far(here))
        spans.append(time.perf_counter())
        del kept  # not a part of the call

    thread = threading.Thread(target=work)
    waits: list[Wait] = []
    thread.start()
    # One reading of a file that is open gives the interpreter up once.
    let_go = SYSTEM_CLOCK.hold(thread.native_id or 0)
    first = starved_so_far(thread)
    last = first
    while thread.is_alive():
        slept = once_waited(partial(time.sleep, PAUSE), PAUSE)
        # Who reads a file gives the interpreter up, and may wait for it as well.
        read = once_waited(partial(starved_so_far, thread))
        starved = max(last, read.given_back)
        # A call that had no processor itself kept what it had for that alone.
        waits += [
            Wait(one.wanted, one.given, starved - last)
            for one in (slept, read)
            if one.in_vain
        ]
        last = starved
    let_go()
    began, ended = spans
    late = [*lateness(waits, began, ended)]
    took = max(NO_DELAY, ended - began - (last - first))
    longest, waited = max(late, default=0.0) / took, sum(late) / took
    measured = Measured(min(1.0, longest), min(1.0, waited), took)
    return measured, (lacked[1] - lacked[0]) / took


class Once(NamedTuple):
    """What the thread did that wants the interpreter, which it gave up for that."""

    wanted: float
    given: float
    in_vain: bool
    """Whether it waited more often than for what it did."""
    given_back: Any


def once_waited(do: Callable[[], object], takes: float = 0.0) -> Once:
    before, wanted = waited_so_far(), time.perf_counter() + takes
    given_back = do()
    given = time.perf_counter()
    # Who only slept lacked a processor, if it was late, and not the interpreter.
    return Once(wanted, given, waited_so_far() > before + (takes > 0), given_back)


def waited_so_far() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def lateness(waits: list[Wait], began: float, ended: float) -> Iterator[float]:
    for wait in waits:
        late = min(ended, wait.given) - max(began, wait.wanted) - wait.starved
        if late > NO_DELAY:
            yield late


def advice(call: Callable[[], object]) -> str | None:
    """Tell what is advised most often; a busy machine hides it in some rounds."""
    ways: list[str] = []
    for _ in range(MOST_ROUNDS):
        ways += filter(None, [on_a_loop(call)])
        if len(ways) == ROUNDS:
            break
    return max(ways, key=ways.count, default=None)


def on_a_loop(call: Callable[[], object]) -> str | None:
    """Tell what the plugin finds out about a call that blocks a loop."""
    watch = Watch(SYSTEM_CLOCK, threshold=THRESHOLD, kernel=Kernel(SYSTEM_CLOCK))
    watch.start()
    kept = []

    async def block() -> None:
        await asyncio.sleep(0.05)
        kept.append(call())
        await asyncio.sleep(0.05)

    try:
        asyncio.run(block())
    finally:
        watch.stop()
    policy = Policy(threshold=THRESHOLD)
    seen = Observations(elapsed=Elapsed(wall=1.0), stalls=tuple(watch.stalls))
    found = max(findings(policy, seen), key=lambda each: each.seconds, default=None)
    return None if found is None or found.holds is None else found.holds.way


# ---------------------------------------------------------------------------- the page


def page(told: list[dict[str, Any]]) -> str:
    lines = [
        f"Measured on CPython {sys.version.split()[0]}, {sys.platform}.",
        "",
        "| call | of | does | longest wait of another thread |",
        "| --- | --- | --- | --- |",
    ]
    for each in told:
        way = f"**{each['way']}**" if each["way"] == "keeps" else each["way"]
        longest = f"{each['longest']:.0%} of {each['seconds']:.2f} s"
        name = re.sub("[|]", "\\|", each["name"])
        of = each["version"] or "standard library"
        lines.append(f"| {name} | {of} | {way} | {longest} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        main(sys.argv[1:])
