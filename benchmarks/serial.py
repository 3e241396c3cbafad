"""Serial time as derived from one concurrent run, beside serial time as measured.

Run it as ``python benchmarks/serial.py [rounds] [words]``; words choose the shapes
whose name has one of them. With ``--random N`` it runs so many random programs instead,
from ``--seed`` on, and ``--print SEED`` shows one; see `_programs.py` for what is in
them. With ``--threads`` their servers are threads of this process. ``--exact`` runs
these programs in a time that only they move, once and without noise: it tells what is
wrong with the derivation, and nothing of clocks. With ``--print`` it has the figures of
each strand.

In each round everything runs twice, each time in a loop of its own: together recorded,
which derives the serial time, and one after another with nothing installed,
which measures it. The figures are medians over the half of the rounds in which the
machine kept the loop off the processor least. A shape is `ok` if the two differ by at
most 5 %. `spans` is the sum of the coroutines' spans, which is what serial time is
often taken for.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from _by_hand import HandTime
from _programs import KINDS, Program, draw
from _shapes import RECORDER, SHAPES, Shape
from _table import print_table, rounds_from

from pytest_asyncbench._judging.accounting import compare
from pytest_asyncbench._running.together import Together, in_turn, jobs_from
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Clock, Stopwatch
from pytest_asyncbench._words.decided import Comparison

TOLERANCE = 0.05
FAR = 0.1
MUCH_WORK = 0.2
WORST = 20


class Round(NamedTuple):
    """What one round of a shape gave, in seconds."""

    derived: float
    spans: float
    measured: float
    starved_together: float
    starved_alone: float

    @property
    def starved(self) -> float:
        """For how long the loops were kept off the processor."""
        return self.starved_together + self.starved_alone

    @property
    def ratio(self) -> float:
        """How many times the measured time the derived one is."""
        return self.derived / self.measured

    @property
    def ratio_unstarved(self) -> float:
        """The same without the starved time: near to it, since not all made it late."""
        return (self.derived - self.starved_together) / (
            self.measured - self.starved_alone
        )


async def derived(each: Shape, clock: Clock = SYSTEM_CLOCK) -> Comparison:
    """Run the coroutines side by side, recorded."""
    async with AsyncExitStack() as cleanup:
        jobs = jobs_from(await each.setup(cleanup))
        watch = Watch(clock, threshold=10, tracing=True)
        watch.start()
        RECORDER.set(watch.recorder)
        try:
            together = Together(jobs, recorder=watch.recorder, limit=each.limit)
            # The loop is met at its next step, as it is before a test's body.
            await asyncio.sleep(0)
            await together.run()
        finally:
            watch.stop()
        return compare(together.group.traces())


async def measured(each: Shape, clock: Clock = SYSTEM_CLOCK) -> list[float]:
    """Run the coroutines one after another; give what each took."""
    async with AsyncExitStack() as cleanup:
        setup = each.alone or each.setup
        took = []
        for job in jobs_from(await setup(cleanup)):
            began = clock.now()
            await in_turn([job])
            took.append(clock.now() - began)
        return took


def run_once(each: Shape) -> Round:
    stopwatch = Stopwatch(SYSTEM_CLOCK)
    comparison = asyncio.run(derived(each))
    together = stopwatch.elapsed().starved or 0.0
    seconds = sum(asyncio.run(measured(each)))
    both = stopwatch.elapsed().starved or 0.0
    return Round(
        comparison.serial, spans(comparison), seconds, together, both - together
    )


def by_hand(program: Program) -> tuple[Comparison, list[float]]:
    """Run a program in a time that only it moves: what is derived, and measured."""
    time = HandTime()
    each = program.shape(time)
    return time.run(derived(each, time.clock)), time.run(measured(each, time.clock))


def run_by_hand(program: Program) -> Round:
    seen, took = by_hand(program)
    return Round(seen.serial, spans(seen), sum(took), 0.0, 0.0)


def spans(seen: Comparison) -> float:
    return sum(
        task.finished - task.started
        for task in seen.tasks
        if task.started is not None and task.finished is not None
    )


def quiet(each: Shape, rounds: int) -> list[Round]:
    """Run a shape so many times; give the half in which the machine was quieter."""
    all_rounds = sorted(
        (run_once(each) for _ in range(rounds)), key=lambda one: one.starved
    )
    return all_rounds[: (rounds + 1) // 2]


def ratio_of(rounds: Sequence[Round]) -> float:
    return statistics.median(one.ratio for one in rounds)


def figures(rounds: Sequence[Round]) -> list[str]:
    ratio = ratio_of(rounds)
    return [
        f"{statistics.median(one.derived for one in rounds):.3f} s",
        f"{statistics.median(one.measured for one in rounds):.3f} s",
        f"{ratio:.3f}",
        "ok" if abs(ratio - 1) <= TOLERANCE else "OFF",
        f"{statistics.median(one.spans for one in rounds):.3f} s",
        f"{statistics.median(one.starved for one in rounds):.3f} s",
    ]


HEADS = ("derived", "measured", "ratio", "", "spans", "starved")


def shapes(rounds: int, words: Sequence[str]) -> None:
    chosen = [
        each for each in SHAPES if not words or any(word in each.name for word in words)
    ]
    rows = [[each.name, *figures(quiet(each, rounds))] for each in chosen]
    print_table(f"serial time, median of {rounds}", ["shape of work", *HEADS], rows)


# ------------------------------------------------------------ random programs


class Judged(NamedTuple):
    """What the quieter rounds of a program gave."""

    program: Program
    rounds: list[Round]

    @property
    def off(self) -> float:
        """How far the derived time is off, as a part of the measured."""
        return abs(ratio_of(self.rounds) - 1)

    @property
    def off_unstarved(self) -> float:
        """The same, with starved time taken off both."""
        return abs(statistics.median(one.ratio_unstarved for one in self.rounds) - 1)

    @property
    def works(self) -> bool:
        """Whether it has the share of work that is much."""
        lasts = statistics.median(
            one.measured - one.starved_alone for one in self.rounds
        )
        return self.program.work >= MUCH_WORK * lasts


def programs(rounds: int, seeds: Sequence[int], *, exact: bool, threads: bool) -> None:
    judged = []
    for number, seed in enumerate(seeds, 1):
        program = draw(seed)
        if exact:
            seen = [run_by_hand(program)]
        else:
            seen = quiet(program.shape(threads=threads), rounds)
        judged.append(Judged(program, seen))
        tell_progress(number, len(seeds))
    judged.sort(key=lambda one: one.off, reverse=True)
    worst = judged[:WORST]
    kinds = [", ".join(sorted(one.program.kinds)) for one in worst]
    width = max(map(len, kinds))
    print_table(
        f"random programs, the worst of {len(seeds)}, "
        + ("in a time by hand" if exact else f"median of {rounds}"),
        ["seed", *HEADS, " what is in it".ljust(width)],
        [
            [str(one.program.seed), *figures(one.rounds), text.ljust(width)]
            for one, text in zip(worst, kinds, strict=True)
        ],
    )
    print_table(
        "kinds: programs that hold it, and those of them that are off",
        ["kind", "programs", "off"],
        [kind_row(name, judged) for name in sorted(KINDS)],
    )
    print()
    counts = {
        f"within {TOLERANCE:.0%}": [one.off <= TOLERANCE for one in judged],
        f"beyond {FAR:.0%}": [one.off > FAR for one in judged],
    }
    if not exact:
        off = [one.off_unstarved for one in judged]
        without = "with starved time taken off both"
        counts[f"within {TOLERANCE:.0%}, {without}"] = [it <= TOLERANCE for it in off]
        counts[f"beyond {FAR:.0%}, {without}"] = [it > FAR for it in off]
    counts[f"with {MUCH_WORK:.0%} or more of work"] = [one.works for one in judged]
    counts["with a wait between strands"] = [one.program.linked for one in judged]
    for text, some in counts.items():
        print(f"{sum(some)} of {len(judged)} ({sum(some) / len(judged):.1%}) {text}")


def strands(program: Program) -> None:
    """Print a program, and what is derived and measured of each strand."""
    print(program.text, end="")
    seen, took = by_hand(program)
    print_table(
        f"seed {program.seed}, in a time by hand",
        ["strand", "derived", "measured", "running", "waiting", "span"],
        [
            [
                task.name,
                f"{task.running + task.waiting:.4f} s",
                f"{alone:.4f} s",
                f"{task.running:.4f} s",
                f"{task.waiting:.4f} s",
                f"{(task.finished or 0.0) - (task.started or 0.0):.4f} s",
            ]
            for task, alone in zip(seen.tasks, took, strict=True)
        ],
    )


def kind_row(name: str, judged: Sequence[Judged]) -> list[str]:
    having = [one for one in judged if name in one.program.kinds]
    off = [one for one in having if one.off > TOLERANCE]
    return [name, str(len(having)), str(len(off))]


def tell_progress(number: int, count: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if number == count else ""
        print(f"\r{number} of {count}", end=end, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rounds", nargs="?", help="7; 3 of random programs")
    parser.add_argument("words", nargs="*", help="shapes whose name has one of them")
    parser.add_argument("--random", type=int, metavar="N", help="so many programs")
    parser.add_argument("--seed", type=int, default=0, help="that of the first program")
    parser.add_argument("--threads", action="store_true", help="serve them in threads")
    parser.add_argument("--exact", action="store_true", help="in a time by hand")
    parser.add_argument("--print", type=int, metavar="SEED", help="show a program")
    given = parser.parse_args()
    if given.print is not None and given.exact:
        strands(draw(given.print))
    elif given.print is not None:
        print(draw(given.print).text, end="")
    elif given.random is not None:
        rounds = rounds_from([given.rounds] if given.rounds else [], 3)
        seeds = range(given.seed, given.seed + given.random)
        programs(rounds, seeds, exact=given.exact, threads=given.threads)
    else:
        shapes(rounds_from([given.rounds] if given.rounds else [], 7), given.words)


if __name__ == "__main__":
    main()
