"""Random structured programs: a seed draws one, and its text is what runs.

A program is a few strands; each is a tree of everything that `KINDS` names. The text
is the function ``setup(cleanup, alone)``, which makes all that the strands share anew
and gives one function for each strand.

What *alone* means where strands wait for each other: a wait that another strand ends
does not happen. So a strand is run alone beside things with which the others are done
already: with ``alone`` the event is set, the condition holds, the queue has each item
and room for each, and nobody else is to come to the barrier. A lock, a semaphore, a
worker, a pool and a server are new and free. So every strand has its own set of things
when they run one after another, and only then.

No program does anything else for being run otherwise: no limit of time is near to what
it is put on, and nobody asks who was first. Threads only wait: one that works would
share the interpreter with the loop, and slow it down together but not alone. So a
server is in a process of its own, since an answer needs the interpreter. What is
shared between strands is met in one order by all of them, so none waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import linecache
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from _by_hand import HandTime
from _shapes import Call, Shape
from _surroundings import Surroundings

__all__ = ["KINDS", "Program", "draw"]

LONGEST = 0.4
"""Seconds that the strands of a program take at most, one after another."""

Lines = tuple[str, ...]

KINDS: dict[str, str] = {}
"""Each kind that a program can hold, and what stands in its place where this Python
cannot run it; a kind that always can stands for itself."""


@dataclass(frozen=True)
class Piece:
    """A few lines of a program, which can stand wherever a statement can.

    Args:
        lines: its text.
        kinds: what is in it.
        work: seconds of work in it.
        lasts: about how many seconds it takes alone.
    """

    lines: Lines
    kinds: frozenset[str] = frozenset()
    work: float = 0.0
    lasts: float = 0.0


@dataclass(frozen=True)
class Link:
    """Something by which several parts wait for each other.

    Args:
        made: lines that make it.
        played: lines that change it into what one part finds when the others are done.
        parts: one piece for each who takes part.
    """

    made: Lines
    played: Lines
    parts: list[Piece]


@dataclass(frozen=True)
class Program:
    """A program as it was drawn."""

    seed: int
    text: str
    kinds: frozenset[str]
    strands: int
    limit: int | None
    linked: bool
    """Whether a strand waits for something that another strand ends."""
    work: float
    """Seconds of work in all strands together."""
    lasts: float
    """About how many seconds the strands take one after another."""

    def shape(self, by_hand: HandTime | None = None, *, threads: bool = False) -> Shape:
        """Give what runs it, together and alone, in real time or in one by hand.

        Args:
            by_hand: that time.
            threads: whether servers are threads of this process.
        """
        setup = self._compiled(Surroundings(by_hand, threads=threads))

        async def together(cleanup: AsyncExitStack) -> list[Call]:
            return list(await setup(cleanup, False))

        async def alone(cleanup: AsyncExitStack) -> list[Call]:
            return [(await setup(cleanup, True))[each] for each in range(self.strands)]

        return Shape(f"seed {self.seed}", together, self.limit, alone)

    def _compiled(self, around: Surroundings) -> Callable[[AsyncExitStack, bool], Any]:
        name = f"<seed {self.seed}>"
        # So that a traceback shows the lines.
        linecache.cache[name] = (len(self.text), None, self.text.splitlines(True), name)
        known = {each: getattr(around, each) for each in dir(around)}
        known |= {"asyncio": asyncio, "contextlib": contextlib}
        if importlib.util.find_spec("anyio"):
            known["anyio"] = importlib.import_module("anyio")
            # It loads this in the first call, and that would be in a figure.
            importlib.import_module("anyio._backends._asyncio")
        exec(compile(self.text, name, "exec"), known)
        return known["setup"]


def draw(seed: int) -> Program:
    """Draw the program of a seed: the first that hundreds of can be run in minutes."""
    tries = (_Drawing(seed, number).program() for number in itertools.count())
    return next(program for program in tries if program.lasts <= LONGEST)


# ---------------------------------------------------------------- the drawing


class _Drawing:
    """What is drawn so far of one program."""

    def __init__(self, seed: int, number: int) -> None:
        self.seed = seed
        self.random = random.Random(f"{seed}, {number}")
        self.setup: list[str] = []
        self.kinds: set[str] = set()
        # A program of everything says little of what it is that is off.
        self.leaves = self.random.sample(list(LEAVES), 4)
        self.branches = self.random.sample(list(BRANCHES), 3)
        self.links = self.random.sample(list(LINKS), 2)
        self._names: Counter[str] = Counter()
        self._services: dict[str, list[tuple[str, float, float]]] = {}

    def name(self, stem: str) -> str:
        self._names[stem] += 1
        return f"{stem}_{self._names[stem]}"

    def seconds(self) -> float:
        """Draw how long something waits."""
        return self.random.choice((0.005, 0.01, 0.015, 0.02, 0.02, 0.03, 0.03, 0.04))

    def working(self) -> float:
        """Draw how long something works."""
        return self.random.choice((0.002, 0.004, 0.006, 0.01, 0.015))

    def service(
        self, stem: str, make: Callable[[], tuple[str, float, float]]
    ) -> tuple[str, float, float]:
        """Give one of what the set-up starts, perhaps one that others use, too.

        Args:
            stem: what it is called.
            make: gives the line that starts it, how long it waits and works each time.
        """
        known = self._services.setdefault(stem, [])
        if known and self.random.random() < 0.7:
            return self.random.choice(known)
        line, waits, works = make()
        name = self.name(stem)
        self.setup.append(f"{name} = {line}")
        known.append((name, waits, works))
        return known[-1]

    def leaf(self) -> Piece:
        return LEAVES[self.random.choice(self.leaves)](self)

    def tree(self, depth: int) -> Piece:
        """Draw a tree that is at most so deep."""
        chance = self.random.random()
        if not depth or chance < 0.3:
            return self.leaf()
        if chance < 0.45:
            return joined(
                self.tree(depth - 1) for _ in range(self.random.choice((2, 3)))
            )
        if chance < 0.6:
            return within(self, self.random.choice(self.links))
        return self.branch(
            [self.tree(depth - 1) for _ in range(self.random.choice((2, 2, 3)))]
        )

    def branch(self, parts: Sequence[Piece]) -> Piece:
        """Let parts run side by side."""
        kind = available(self.random.choice(self.branches))
        return marked(BRANCHES[kind](self, parts), kind)

    def program(self) -> Program:
        strands: list[list[Piece]] = [
            [] for _ in range(self.random.choice((2, 3, 3, 4)))
        ]
        linked = self.random.random() < 0.8
        if linked:
            for _ in range(self.random.choice((1, 1, 1, 2))):
                self._grow(strands)
                self._link(strands)
        self._grow(strands)
        if self.random.random() < 0.75:
            self._work_more(strands)
        return self._written([joined(each) for each in strands], linked)

    def _grow(self, strands: list[list[Piece]]) -> None:
        for each in strands:
            goal = self.random.uniform(0.02, 0.04)
            while sum(piece.lasts for piece in each) < goal:
                each.append(self.tree(2))

    def _link(self, strands: list[list[Piece]]) -> None:
        """Let some strands wait for each other; what they did before stands before."""
        kind = available(self.random.choice(self.links))
        count = self.random.randint(2, len(strands))
        link = LINKS[kind](self, count)
        self.setup += link.made
        if link.played:
            self.setup += ["if alone:", *indented(link.played)]
        chosen = self.random.sample(range(len(strands)), count)
        for each, part in zip(chosen, link.parts, strict=True):
            piece = marked(part, kind)
            if self.random.random() < 0.3:
                piece = self.branch([piece, self.tree(1)])
            strands[each].append(piece)

    def _work_more(self, strands: list[list[Piece]]) -> None:
        wanted = self.random.uniform(0.3, 0.6)
        while True:
            pieces = [piece for each in strands for piece in each]
            if sum(p.work for p in pieces) >= wanted * sum(p.lasts for p in pieces):
                return
            strand = self.random.choice(strands)
            strand.insert(self.random.randint(0, len(strand)), working(self))

    def _written(self, strands: Sequence[Piece], linked: bool) -> Program:
        kinds = self.kinds.union(*(each.kinds for each in strands))
        limit = None
        if not linked and self.random.random() < 0.3:
            limit = 2
            kinds.add("limit")
        lines = ["loop = asyncio.get_running_loop()", *self.setup]
        if available("eager tasks") == "eager tasks" and self.random.random() < 0.05:
            kinds.add("eager tasks")
            lines.append("loop.set_task_factory(asyncio.eager_task_factory)")
        for number, strand in enumerate(strands):
            lines += ["", f"async def strand_{number}():", *indented(strand.lines)]
        names = ", ".join(f"strand_{number}" for number in range(len(strands)))
        lines += ["", f"return [{names}]" + (f"  # limit={limit}" if limit else "")]
        head = "async def setup(cleanup, alone):"
        return Program(
            seed=self.seed,
            text="\n".join([head, *indented(lines), ""]),
            kinds=frozenset(kinds),
            strands=len(strands),
            limit=limit,
            linked=linked,
            work=sum(each.work for each in strands),
            lasts=sum(each.lasts for each in strands),
        )


def indented(lines: Iterable[str]) -> Lines:
    return tuple(f"    {line}" if line else "" for line in lines)


def marked(piece: Piece, *kinds: str) -> Piece:
    """Say of a piece what it is."""
    return Piece(piece.lines, piece.kinds | {*kinds}, piece.work, piece.lasts)


def joined(pieces: Iterable[Piece]) -> Piece:
    """Put pieces one after another."""
    pieces = list(pieces)
    return Piece(
        lines=tuple(line for piece in pieces for line in piece.lines),
        kinds=frozenset().union(*(piece.kinds for piece in pieces)),
        work=sum(piece.work for piece in pieces),
        lasts=sum(piece.lasts for piece in pieces),
    )


def side_by_side(pieces: Sequence[Piece], lines: Iterable[str]) -> Piece:
    """Sum up what runs at once, under the text that runs it."""
    one = joined(pieces)
    lasts = max(one.work, *(piece.lasts for piece in pieces))
    return Piece(tuple(lines), one.kinds, one.work, lasts)


def functions(
    drawing: _Drawing, pieces: Iterable[Piece]
) -> tuple[list[str], list[str]]:
    """Make a function of each piece; give their text and their names."""
    lines, names = [], []
    for piece in pieces:
        names.append(drawing.name("part"))
        lines += [f"async def {names[-1]}():", *indented(piece.lines)]
    return lines, names


def within(drawing: _Drawing, kind: str) -> Piece:
    """Let parts of one strand wait for each other."""
    kind = available(kind)
    link = LINKS[kind](drawing, drawing.random.choice((2, 3)))
    lines, names = functions(drawing, link.parts)
    calls = ", ".join(f"{name}()" for name in names)
    text = [*link.made, *lines, f"await asyncio.gather({calls})"]
    return marked(side_by_side(link.parts, text), kind, "gather")


# ------------------------------------------------------------------ the kinds

Leaf = Callable[[_Drawing], Piece]
Branch = Callable[[_Drawing, Sequence[Piece]], Piece]
Linked = Callable[[_Drawing, int], Link]

LEAVES: dict[str, Leaf] = {}
BRANCHES: dict[str, Branch] = {}
LINKS: dict[str, Linked] = {}


def can_run(since: tuple[int, int], needs: str | None) -> bool:
    installed = needs is None or importlib.util.find_spec(needs) is not None
    return installed and sys.version_info >= since


def put_kind(
    table: dict[str, Any],
    name: str,
    *,
    since: tuple[int, int] = (3, 10),
    needs: str | None = None,
    instead: str | None = None,
) -> Callable[[Any], Any]:
    """Put a kind into its table, and what stands in where this Python lacks it."""

    def put(make: Any) -> Any:
        KINDS[name] = name if can_run(since, needs) else (instead or name)
        table[name] = make
        return make

    return put


def available(name: str) -> str:
    return KINDS[name]


def leaf(name: str, **where: Any) -> Callable[[Leaf], Leaf]:
    def put(make: Leaf) -> Leaf:
        def made(drawing: _Drawing) -> Piece:
            return marked(make(drawing), name)

        put_kind(LEAVES, name, **where)(made)
        return made

    return put


@leaf("work")
def working(drawing: _Drawing) -> Piece:
    seconds = drawing.working()
    return Piece((f"work({seconds})",), work=seconds, lasts=seconds)


@leaf("sleep")
def _(drawing: _Drawing) -> Piece:
    seconds = drawing.seconds()
    return Piece((f"await asyncio.sleep({seconds})",), lasts=seconds)


@leaf("timer")
def _(drawing: _Drawing) -> Piece:
    seconds, name = drawing.seconds(), drawing.name("rung")
    return Piece(
        (
            f"{name} = loop.create_future()",
            f"loop.call_later({seconds}, {name}.set_result, None)",
            f"await {name}",
        ),
        lasts=seconds,
    )


@leaf("yields")
def _(drawing: _Drawing) -> Piece:
    count = drawing.random.choice((5, 20, 40))
    lines = (
        f"for _ in range({count}):",
        "    await asyncio.sleep(0)",
        "    work(0.0002)",
    )
    return Piece(lines, work=count * 0.0002, lasts=count * 0.0002)


@leaf("blocking")
def _(drawing: _Drawing) -> Piece:
    seconds = drawing.working()
    return Piece((f"time.sleep({seconds})",), lasts=seconds)


@leaf("wait_for")
def _(drawing: _Drawing) -> Piece:
    seconds = drawing.seconds()
    return Piece(
        (
            "with contextlib.suppress(asyncio.TimeoutError):",
            f"    await asyncio.wait_for(asyncio.sleep(60), {seconds})",
        ),
        lasts=seconds,
    )


@leaf("async generator")
def _(drawing: _Drawing) -> Piece:
    count = drawing.random.choice((2, 3))
    seconds, works = drawing.seconds() / 2, drawing.working()
    name = drawing.name("numbers")
    return Piece(
        (
            f"async def {name}():",
            f"    for number in range({count}):",
            f"        await asyncio.sleep({seconds})",
            "        yield number",
            f"async for _ in {name}():",
            f"    work({works})",
        ),
        work=count * works,
        lasts=count * (seconds + works),
    )


@leaf("to_thread")
def _(drawing: _Drawing) -> Piece:
    line = "await default_pool(cleanup)"
    if line not in drawing.setup:
        drawing.setup.append(line)
    seconds = drawing.seconds()
    return Piece((f"await asyncio.to_thread(time.sleep, {seconds})",), lasts=seconds)


@leaf("executor")
def _(drawing: _Drawing) -> Piece:
    workers = drawing.random.choice((1, 2, 3))
    name, _, _ = drawing.service(
        "pool", lambda: (f"await started_pool(cleanup, {workers})", 0.0, 0.0)
    )
    seconds = drawing.seconds()
    line = f"await loop.run_in_executor({name}, time.sleep, {seconds})"
    return Piece((line,), lasts=seconds)


@leaf("thread")
def _(drawing: _Drawing) -> Piece:
    seconds = drawing.seconds()
    if drawing.random.random() < 0.5:
        return Piece((f"await in_thread({seconds})",), lasts=seconds)
    name, _, _ = drawing.service("thread", lambda: ("own_thread(cleanup)", 0.0, 0.0))
    return Piece((f"await sent_to({name}, {seconds})",), lasts=seconds)


@leaf("worker")
def _(drawing: _Drawing) -> Piece:
    def make() -> tuple[str, float, float]:
        waits, works = drawing.seconds() / 2, drawing.random.choice((0.0, 0.002, 0.004))
        return f"worker(cleanup, sleep={waits}, working={works})", waits, works

    name, waits, works = drawing.service("worker", make)
    return Piece((f"await {name}.order()",), work=works, lasts=waits + works)


@leaf("server here")
def _(drawing: _Drawing) -> Piece:
    def make() -> tuple[str, float, float]:
        waits, works = drawing.seconds() / 2, drawing.random.choice((0.0, 0.002, 0.005))
        line = f"await served_here(cleanup, sleep={waits}, working={works})"
        return line, waits, works

    name, waits, works = drawing.service("here", make)
    times = drawing.random.choice((1, 2, 3))
    lasts = times * (waits + works)
    return Piece((f"await ask({name}, {times})",), work=times * works, lasts=lasts)


@leaf("socket")
def _(drawing: _Drawing) -> Piece:
    def make() -> tuple[str, float, float]:
        waits = drawing.seconds() / 2
        return f"served(cleanup, sleep={waits})", waits, 0.0

    name, waits, _ = drawing.service("port", make)
    times = drawing.random.choice((1, 2, 3))
    return Piece((f"await ask({name}, {times})",), lasts=times * waits)


# ------------------------------------------------------------- side by side


def branch(name: str, **where: Any) -> Callable[[Branch], Branch]:
    return put_kind(BRANCHES, name, **where)


def called(
    name: str, template: Callable[[list[str]], Iterable[str]], **where: Any
) -> None:
    """Put a branch into its table whose text needs no more than the parts' names."""

    def make(drawing: _Drawing, parts: Sequence[Piece]) -> Piece:
        lines, names = functions(drawing, parts)
        return side_by_side(parts, [*lines, *template(names)])

    branch(name, **where)(make)


def calls_of(names: Iterable[str]) -> str:
    return ", ".join(f"{name}()" for name in names)


def as_group(opened: str, start: str) -> Callable[[list[str]], list[str]]:
    return lambda names: [
        f"async with {opened} as group:",
        *(f"    group.{start.format(name)}" for name in names),
    ]


called("gather", lambda names: [f"await asyncio.gather({calls_of(names)})"])
called(
    "TaskGroup",
    as_group("asyncio.TaskGroup()", "create_task({}())"),
    since=(3, 11),
    instead="gather",
)
called(
    "anyio",
    as_group("anyio.create_task_group()", "start_soon({})"),
    needs="anyio",
    instead="gather",
)
called(
    "eager tasks",
    lambda names: [f"await asyncio.gather(*map(eager, ({calls_of(names)})))"],
    since=(3, 12),
    instead="gather",
)
called("concurrently", lambda names: [f"await concurrently({', '.join(names)})"])
called(
    "wait_for",
    lambda names: [f"await asyncio.wait_for(asyncio.gather({calls_of(names)}), 60)"],
)
called(
    "timeout",
    lambda names: [
        "async with asyncio.timeout(60):",
        f"    await asyncio.gather({calls_of(names)})",
    ],
    since=(3, 11),
    instead="wait_for",
)


@branch("wait")
def _(drawing: _Drawing, parts: Sequence[Piece]) -> Piece:
    lines, names = functions(drawing, parts)
    started = f"[*map(loop.create_task, ({calls_of(names)}))]"
    if drawing.random.random() < 0.5:
        return side_by_side(parts, [*lines, f"await asyncio.wait({started})"])
    # The first to end, against one that never is the first.
    lines += [
        "late = loop.create_task(asyncio.sleep(60))",
        f"first = asyncio.gather({calls_of(names)})",
        "await asyncio.wait([first, late], return_when=asyncio.FIRST_COMPLETED)",
        "late.cancel()",
    ]
    return side_by_side(parts, lines)


@branch("as_completed")
def _(drawing: _Drawing, parts: Sequence[Piece]) -> Piece:
    lines, names = functions(drawing, parts)
    works = drawing.working()
    # Of coroutines it makes a set, and would start them by where they lie in memory.
    started = f"[*map(loop.create_task, ({calls_of(names)}))]"
    lines += [
        f"for one in asyncio.as_completed({started}):",
        "    await one",
        f"    work({works})",
    ]
    made = side_by_side(parts, lines)
    last, more = works, works * len(parts)
    return Piece(made.lines, made.kinds, made.work + more, made.lasts + last)


# ---------------------------------------------------- waiting for each other


def linked(name: str, **where: Any) -> Callable[[Linked], Linked]:
    return put_kind(LINKS, name, **where)


def inside(drawing: _Drawing, guard: str, made: str, count: int) -> Link:
    """Let each part do something inside a guard."""

    def part() -> Piece:
        body = joined(drawing.leaf() for _ in range(drawing.random.choice((1, 2))))
        lines = (f"async with {guard}:", *indented(body.lines))
        return Piece(lines, body.kinds, body.work, body.lasts)

    return Link((f"{guard} = {made}",), (), [part() for _ in range(count)])


def told(
    drawing: _Drawing, made: Lines, played: Lines, tell: Lines, wait: Lines, count: int
) -> Link:
    """Let the first part tell something that the others wait for."""
    before, after = drawing.leaf(), [drawing.leaf() for _ in range(count - 1)]
    return Link(
        made,
        played,
        [
            joined([before, Piece(tell)]),
            *(joined([Piece(wait), each]) for each in after),
        ],
    )


@linked("lock")
def _(drawing: _Drawing, count: int) -> Link:
    return inside(drawing, drawing.name("lock"), "asyncio.Lock()", count)


@linked("semaphore")
def _(drawing: _Drawing, count: int) -> Link:
    most = drawing.random.randint(1, max(1, count - 1))
    name = drawing.name("semaphore")
    return inside(drawing, name, f"asyncio.Semaphore({most})", count)


@linked("event")
def _(drawing: _Drawing, count: int) -> Link:
    name = drawing.name("event")
    wait = drawing.random.choice(("{}", "asyncio.wait_for({}, 60)"))
    return told(
        drawing,
        made=(f"{name} = asyncio.Event()",),
        played=(f"{name}.set()",),
        tell=(f"{name}.set()",),
        wait=(f"await {wait.format(f'{name}.wait()')}",),
        count=count,
    )


@linked("condition")
def _(drawing: _Drawing, count: int) -> Link:
    name, holds = drawing.name("condition"), drawing.name("holds")
    return told(
        drawing,
        made=(f"{name}, {holds} = asyncio.Condition(), []",),
        played=(f"{holds}.append(True)",),
        tell=(
            f"async with {name}:",
            f"    {holds}.append(True)",
            f"    {name}.notify_all()",
        ),
        wait=(
            f"async with {name}:",
            f"    await {name}.wait_for(lambda: {holds})",
        ),
        count=count,
    )


@linked("barrier", since=(3, 11), instead="event")
def _(drawing: _Drawing, count: int) -> Link:
    name = drawing.name("barrier")
    parts = [
        joined(
            [drawing.leaf(), Piece((f"await {name}.wait()",)), drawing.leaf()],
        )
        for _ in range(count)
    ]
    return Link(
        (f"{name} = asyncio.Barrier({count})",),
        (f"{name} = asyncio.Barrier(1)",),
        parts,
    )


@linked("queue")
def _(drawing: _Drawing, count: int) -> Link:
    """Let the first part put what the others get: it waits for room, and the end."""
    name, size = drawing.name("queue"), drawing.random.choice((0, 1, 2))
    items, apiece = drawing.leaf(), drawing.random.choice((1, 1, 2))
    total = apiece * (count - 1)
    put = repeated(total, joined([items, Piece((f"await {name}.put(None)",))]))
    if drawing.random.random() < 0.3:
        put = joined([put, Piece((f"await {name}.join()",))])

    def got() -> Piece:
        get, done = Piece((f"await {name}.get()",)), Piece((f"{name}.task_done()",))
        return repeated(apiece, joined([get, drawing.leaf(), done]))

    return Link(
        (f"{name} = asyncio.Queue({size})",),
        (f"{name} = PlayedQueue()",),
        [put, *(got() for _ in range(count - 1))],
    )


def repeated(times: int, piece: Piece) -> Piece:
    lines = (f"for _ in range({times}):", *indented(piece.lines))
    return Piece(lines, piece.kinds, piece.work * times, piece.lasts * times)
