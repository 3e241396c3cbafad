"""Private names of others: who may use them, and whether they are there."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import functools
import importlib
import re
import socket
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import pytest_asyncbench
from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.names import PrivateName

PACKAGE = Path(pytest_asyncbench.__file__).parent

TABLE = [value for value in vars(names).values() if isinstance(value, PrivateName)]
IN_TABLE = {row.name for row in TABLE}

OWNERS = {
    "_loops.names": "asyncio and concurrent.futures, in the table",
    "_glue.host": "pytest, pytest-asyncio and unittest",
    "_python": "the interpreter and threading",
}
"""The modules, or rooms, that may use private names, and whose."""

IN_PLAIN_SIGHT = {
    "_loops.lanes": {"_args", "_callback"},
    "_running.quick": {"_callback", "_run"},
    "_loops.steps": {"_args", "_callback", "_context", "_loop"},
    "_tracing.recorder": {"_args", "_callback", "_context", "_loop"},
    "virtual_time._selector": {"_ready", "_scheduled"},
}
"""Read at every step or turn of a loop, where to ask the table would cost a call."""

OF_OTHERS = {
    "_running.held": {"_acquired"},  # aiohttp's only count of responses in use
    "virtual_time._frozen": {"_parse_time_to_freeze"},  # freezegun's only parser
    "_rules.table": {"_run_once"},  # names code whose calls are allowed, as users do
    "_watching.standing": {"_call_in_runner_task"},  # names who waits for a test
}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

_PRIVATE = re.compile(r"(?<!\w)_[a-z]\w*")
_OF_NAMEDTUPLES = {"_asdict", "_fields", "_make", "_replace"}  # public, in spite of it


@functools.cache
def tree_at(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def defined_at(path):
    return frozenset(names_defined(tree_at(path)))


def is_private(name):
    return bool(_PRIVATE.fullmatch(name)) and name not in _OF_NAMEDTUPLES


def is_self(node):
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def names_defined(tree):
    """Give each private name that a module gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if is_self(node.value):
                yield node.attr
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
    yield from (text for _, text in texts_in_slots(tree))
    # Attributes of a class that is made by hand.
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant))


def texts_in_slots(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            for each in ast.walk(node.value):
                if isinstance(each, ast.Constant):
                    yield each, each.value


def texts(tree):
    """Give the texts of a module, less docstrings and slots."""
    documents = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)
    } | {node for node, _ in texts_in_slots(tree)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and node not in documents:
            yield node


def ours():
    """Give every private name that the package gives to something of its own."""
    return set().union(*map(defined_at, MODULES.values()))


def foreign_names(module):
    """Give the uses of private names of what is not the package's own."""
    tree, own = tree_at(MODULES[module]), defined_at(MODULES[module])
    of_package = ours()
    known = of_package - IN_TABLE
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            is_own = node.attr in own and is_self(node.value)
            if not is_own and node.attr not in known:
                yield node.lineno, node.attr
    for node in texts(tree):
        for name in _PRIVATE.findall(node.value):
            exact = is_private(node.value)
            if name in IN_TABLE or (exact and name not in of_package):
                yield node.lineno, name


def may_use(module):
    return any(module == owner or module.startswith(f"{owner}.") for owner in OWNERS)


@pytest.mark.parametrize("module", [m for m in MODULES if not may_use(m)])
def test_no_private_name_of_others_is_used_outside_its_module(module):
    """As attribute or as text: what a new version takes away is lost in one place."""
    allowed = IN_PLAIN_SIGHT.get(module, set()) | OF_OTHERS.get(module, set())
    used = [(line, name) for line, name in foreign_names(module) if name not in allowed]
    assert used == []


@pytest.mark.parametrize("module", [*IN_PLAIN_SIGHT, *OF_OTHERS])
def test_an_exception_is_still_needed(module):
    """A module that no longer uses such a name must give its exception up."""
    allowed = {**IN_PLAIN_SIGHT, **OF_OTHERS}[module]
    assert {name for _, name in foreign_names(module)} == allowed


MISUSES = [
    "def f(loop): return loop._ready",
    "def f(loop): return getattr(loop, '_ready', ())",
    "def f(loop): return vars(loop)['_ready']",
    "class A:\n def f(self): return self._ready",
    "class A:\n def f(self, loop):\n  self._ready = loop._ready",
    "import asyncio\nx = asyncio._set_running_loop",
    "import asyncio\nx = getattr(asyncio, '_set_running_loop')",
    "import sys\nx = sys._getframe(1)",
    "x = attrgetter('_selector.select')",
]


@pytest.mark.parametrize("text", MISUSES)
def test_a_use_of_a_private_name_is_found(text, monkeypatch, tmp_path):
    """In each of the ways in which one could be used."""
    path = tmp_path / "misuse.py"
    path.write_text(text)
    monkeypatch.setitem(MODULES, "misuse", path)
    assert len(list(foreign_names("misuse"))) == 1


# ------------------------------------------------------------------ the rows


def resolve(dotted):
    """Import what a dotted name says."""
    if dotted == "None":
        return type(None)
    module, rest = dotted, []
    while module:
        try:
            found = importlib.import_module(module)
        except ImportError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)
        else:
            return functools.reduce(getattr, rest, found)
    return getattr(builtins, dotted)


def comes_with_this_python(row):
    return sys.version_info >= row.since


def kinds(row):
    return tuple(resolve(kind) for kind in row.kind.split(" | "))


@contextlib.asynccontextmanager
async def specimens():
    """Give one of each kind of thing that the table has names of."""
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=here)
    task = loop.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    gathering = asyncio.gather(loop.create_future())
    with contextlib.ExitStack() as stack:
        for end in (task.cancel, gathering.cancel, writer.close, there.close):
            stack.callback(end)
        pool = stack.enter_context(ThreadPoolExecutor(1))
        pool.submit(int).result()
        yield {
            "asyncio.BaseEventLoop": loop,
            "asyncio.SelectorEventLoop": loop,
            "asyncio.ProactorEventLoop": loop,
            "asyncio.Handle": loop.call_soon(int),
            "asyncio.Task": task,
            "asyncio.tasks._GatheringFuture": gathering,
            "asyncio.Condition": asyncio.Condition(),
            "asyncio.Queue": asyncio.Queue(),
            "asyncio.Semaphore": asyncio.Semaphore(2),
            "asyncio.selector_events._SelectorSocketTransport": writer.transport,
            "concurrent.futures.ThreadPoolExecutor": pool,
            "concurrent.futures.ProcessPoolExecutor": ProcessPoolExecutor(1),
        }
    await asyncio.wait([task])


async def with_specimen(row, look):
    async with specimens() as each:
        look(each.get(row.owner) or resolve(row.owner))


def run(make, coroutine):
    loop = make()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


SYSTEM = "windows" if sys.platform == "win32" else "unix"
MADE = {
    "proactor": getattr(asyncio, "ProactorEventLoop", None),
    "selector": asyncio.SelectorEventLoop,
}


@pytest.mark.parametrize("row", TABLE, ids=repr)
def test_each_private_name_is_there(row):
    """On this Python, and of the kind that it is used as."""
    if row.system not in {None, SYSTEM}:
        pytest.skip(f"only {row.system} has {row}")
    if not comes_with_this_python(row):
        pytest.skip(f"{row} came with {row.since}")

    def look(thing):
        thing = resolve(row.owner) if row.kind.endswith("FunctionType") else thing
        assert row.is_on(thing), f"lost: {row.without}"
        assert isinstance(row.of(thing), kinds(row))

    make = MADE["proactor" if row is names.PROACTOR else "selector"]
    run(make, with_specimen(row, look))


TO_COME = [row for row in TABLE if not comes_with_this_python(row)]


@pytest.mark.parametrize("row", TO_COME, ids=repr)
def test_a_private_name_that_came_later_is_not_there_yet(row):
    """Else the row would say too little of where it holds."""
    with pytest.raises(AttributeError):
        run(asyncio.SelectorEventLoop, with_specimen(row, row.of))


LOOPS = [row for row in TABLE if row.owner.endswith("EventLoop")]


@pytest.mark.parametrize("row", [row for row in TABLE if row not in LOOPS], ids=repr)
def test_each_private_name_but_the_loops_is_there_under_uvloop(row):
    """Tasks, futures and executors are asyncio's there, too."""
    uvloop = pytest.importorskip("uvloop")
    if row.owner in {"asyncio.Handle", names.TRANSPORT_LOOP.owner}:
        pytest.skip(f"uvloop has its own in C, in the place of {row.owner}")
    if not comes_with_this_python(row):
        pytest.skip(f"{row} came with {row.since}")

    def look(thing):
        assert isinstance(row.of(thing), kinds(row))

    run(uvloop.new_event_loop, with_specimen(row, look))


@pytest.mark.parametrize("row", LOOPS, ids=repr)
def test_uvloops_loop_has_none_of_them(row):
    """It is C. Had it one, more could be told of it than we do."""
    loop = pytest.importorskip("uvloop").new_event_loop()
    try:
        assert not row.is_on(loop)
        assert row.get(loop) is None
        assert names.first_missing(loop, [row]) == row.name
    finally:
        loop.close()


def test_each_row_says_what_it_is_for_and_what_is_lost():
    """Once for each attribute, in a few words."""
    assert len({(row.owner, row.name) for row in TABLE}) == len(TABLE)
    assert all(len(row.use) > 9 and len(row.without) > 9 for row in TABLE)
