"""Stacks as values: what stood on a thread in a step, and what it was calling."""

from __future__ import annotations

import asyncio
import dis
import functools
import gc
import socket
import sys
import time
import types
import zlib

import pytest

from pytest_asyncbench._interception import engine
from pytest_asyncbench._loops.tasks import describe_callback
from pytest_asyncbench._python import gil
from pytest_asyncbench._python import stack as stack_module
from pytest_asyncbench._python.callees import callee
from pytest_asyncbench._python.positions import line_of_operator
from pytest_asyncbench._python.stack import Position, capture, is_debugged, to_stack
from pytest_asyncbench._watching.watch import Watch

WITH_POSITIONS = sys.version_info >= (3, 11)


def step(function):
    """Stand in for what runs a step of a loop."""
    return function()


WITHIN = frozenset({step.__code__})


def look():
    return capture(sys._getframe(1), WITHIN)


def test_a_stack_reaches_from_the_frame_to_the_step():
    """Innermost first; the frame that runs the step is not part of it."""

    def inner():
        return look()

    def outer():
        return inner()

    stack = to_stack(step(outer))
    assert [frame.function.rpartition(".")[2] for frame in stack] == ["inner", "outer"]
    assert {frame.file for frame in stack} == {__file__}
    assert {frame.module for frame in stack} == {__name__}


def test_a_stack_may_be_empty():
    """That of a callback in C is."""
    assert to_stack((None, ())) == ()


def first_name():
    return look()


second_name = third_name = first_name


def test_a_function_of_several_names_has_the_one_that_was_written():
    """And is known by the others, as allowances need: `re.match` on 3.15 is such."""

    def asks():
        return second_name()

    named = to_stack(step(asks))[0]
    assert named.function == "second_name"
    expected = ("second_name", "first_name", "third_name")
    assert named.names == tuple(f"{__name__}.{name}" for name in expected)


def test_where_no_name_of_it_is_written_it_has_its_own():
    """A call through a variable of another name."""

    def asks(function):
        return function()

    called = functools.partial(asks, third_name)
    assert to_stack(step(called))[0].function == "first_name"


LOOKS = "import looks_up; looks_up.seen.append(looks_up.look()); x = 1"
ASKS = {
    "a lazy name": ("lazy import loaded", "loaded.x", True),
    "a lazy name out of it": ("lazy from loaded import x", "x", True),
    "a lazy submodule": ("lazy from package import inner", "inner.x", True),
    "a lazy name of another's": ("lazy import loaded", "asked.loaded", True),
    "a statement": ("", "import loaded", False),
    "a statement with a list": ("", "from package import inner", False),
    "a function": ("", "__import__('loaded')", False),
}


@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports came with 3.15")
@pytest.mark.parametrize(("head", "use", "lazily"), ASKS.values(), ids=ASKS)
def test_the_first_use_of_a_lazy_name_stands_on_the_stack(
    tmp_path, monkeypatch, head, use, lazily
):
    """Between the line that used it, and what imports; it is C, and has no frame."""
    (tmp_path / "package").mkdir()
    for name in ("loaded", "package/inner"):
        (tmp_path / f"{name}.py").write_text(LOOKS)
    (tmp_path / "package" / "__init__.py").touch()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    looks_up, asked = types.ModuleType("looks_up"), types.ModuleType("asked")
    looks_up.seen = []
    looks_up.look = lambda: capture(sys._getframe(1), WITHIN)
    monkeypatch.setitem(sys.modules, "looks_up", looks_up)
    try:
        exec(f"{head}\ndef go():\n    {use}", vars(asked))
        asked.asked = asked
        step(asked.go)
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
    functions = [frame.function for frame in to_stack(looks_up.seen[0])]
    caller = functions.index("go")
    assert ("lazy import" in functions) is lazily
    assert (functions[caller - 1] == "lazy import") is lazily
    assert functions[0] == "<module>"


@pytest.mark.parametrize(
    ("name", "debugs"),
    [
        *(("pdb", True), ("bdb", True), ("pydevd", True)),
        *(("_pydevd_bundle.x", True), ("debugpy.public_api", True)),
        *(("coverage.control", False), ("pdbs", False), ("shop.pdb", False)),
    ],
)
def test_a_debugger_is_known_by_its_modules(name, debugs):
    """Whatever it calls meanwhile; coverage is no debugger."""
    module = types.ModuleType(name)
    exec("def stand(call): return call()", vars(module))
    assert is_debugged(step(lambda: module.stand(look))) is debugs


def test_outside_of_a_step_there_is_no_stack():
    """The thread is between two steps, or runs no loop."""
    assert capture(sys._getframe(), frozenset()) is None
    assert capture(None, WITHIN) is None


def test_a_very_deep_stack_is_cut():
    """The innermost frames are those that tell."""

    def deep(left):
        return deep(left - 1) if left else look()

    raw = step(lambda: deep(300))
    assert len(raw[1]) == 200


class Cart:
    @functools.lru_cache  # noqa: B019  # what a wrapped method is found through
    def wrapped(self):
        return look()

    def price(self):
        return look()

    @property
    def cost(self):
        return look()

    @staticmethod
    def none():
        return look()


@pytest.mark.parametrize("name", ["wrapped", "price", "cost", "none"])
def test_methods_are_named_with_their_class(name):
    """As people write them; on 3.10, whose code does not know its class, as well."""

    def function():
        method = getattr(Cart(), name)
        return method if name == "cost" else method()

    assert to_stack(step(function))[0].function == f"Cart.{name}"


@pytest.mark.skipif(not WITH_POSITIONS, reason="3.10 knows names without their class")
def test_names_are_qualified_within_their_module():
    """As people write them, without `<locals>`."""

    class Local:
        def price(self):
            return look()

    frame = to_stack(step(Local().price))[0]
    assert frame.function.endswith("Local.price")
    assert "<locals>" not in frame.function


# ------------------------------------------------------ the call in progress
#
# `look()` stands for the watchdog: it is called in the arguments, so the frame's
# current instruction is not the call that is asked about. Tracing C calls is.


def calls_during(function):
    """Give what each C call of a function was written as, seen from inside of it."""
    seen = []

    def on_call(frame, event, argument):
        if event == "c_call" and frame.f_code is function.__code__:
            raw = capture(frame, WITHIN)
            seen.append(to_stack(raw)[0].call)

    def profiled():
        sys.setprofile(on_call)
        try:
            function()
        finally:
            sys.setprofile(None)

    within = WITHIN | {profiled.__code__}
    assert within
    step(profiled)
    return seen


def test_a_call_into_c_is_named_by_what_it_is_not_how_it_was_written():
    """An alias does not hide it."""
    nap = time.sleep

    def function():
        nap(0)

    assert calls_during(function) == ["time.sleep"]


def test_a_method_in_c_is_named_by_its_objects_type():
    """Not by the variable that held it."""
    packer = zlib.compressobj()

    def function():
        packer.compress(b"")

    assert calls_during(function) == ["zlib.Compress.compress"]


def test_without_a_gil_a_method_in_c_is_named_as_it_was_written(monkeypatch):
    """To read the locals of a frame that another thread runs may crash there."""
    monkeypatch.setattr(gil, "_is_enabled", lambda: False)
    packer = zlib.compressobj()

    def function():
        packer.compress(b"")

    assert calls_during(function) == ["packer.compress"]


async def later():
    """Nothing."""


def test_to_call_a_coroutine_function_is_no_call_in_progress():
    """It runs nothing, so that whoever was seen there was at work before."""

    def function():
        frame = sys._getframe()
        if frame is None:
            later()
            asyncio.sleep(0)
            step(int)
        return frame

    code = function.__code__
    offsets = [
        at.offset
        for at in dis.get_instructions(code)
        if at.opname in {"CALL", "CALL_FUNCTION", "CALL_METHOD"}
    ]
    lines = range(code.co_firstlineno + 3, code.co_firstlineno + 6)
    called = [
        callee(function(), offset, line)
        for offset, line in zip(offsets[1:], lines, strict=True)
    ]
    assert called == ["", "", f"{__name__}.step"]


@pytest.mark.skipif(not WITH_POSITIONS, reason="3.10 knows the line only")
def test_two_calls_on_a_line_are_told_apart():
    """By the position in the line, which 3.10 does not know."""

    def function():
        time.sleep(0), zlib.crc32(b"")

    assert calls_during(function) == ["time.sleep", "zlib.crc32"]


def test_looking_at_a_call_does_not_ask_for_the_class_of_an_object():
    """Who stands in for another may have to find that first, by code of the user's."""
    asked = []

    class Lazy:
        """Stands in for nothing yet."""

        compress = zlib.crc32

        @property
        def __class__(self):
            asked.append("its class")
            return bytes

    lazy = Lazy()

    def function():
        lazy.compress(b"")

    assert calls_during(function)[0].endswith("Lazy.compress")
    assert not asked


def test_looking_at_a_call_leaves_what_locals_gave_as_it_was():
    """Unless it is a variable of the function's that is called, before 3.13."""

    def function(at):
        given = locals()
        before = {**given}
        name = callee(sys._getframe(), *at)
        zlib.crc32(b"")
        return name, given, before

    code = function.__code__
    line = code.co_firstlineno + 4
    (begin,) = (first for first, at in dis.findlinestarts(code) if at == line)
    offset = next(
        at.offset
        for at in dis.get_instructions(code)
        if at.offset >= begin and at.opname.startswith("CALL")
    )
    name, given, before = function((offset, line))
    assert name == "zlib.crc32"
    assert given == before


def test_looking_at_a_call_runs_no_code_of_the_users():
    """A property that blows up, or costs a second, is not touched."""
    touched = []

    class Trap:
        @property
        def method(self):
            touched.append(True)
            return time.sleep

    trap = Trap()

    def trapped():
        trap.method(0)

    calls = calls_during(trapped)
    assert calls[0].endswith("Trap.method")
    assert touched == [True], "the call itself, and nothing more"


def test_a_read_from_a_sockets_file_is_named_as_it_was_written():
    """Between the user's line and the socket stands a file, which is written in C."""
    near, far = socket.socketpair()
    seen = []

    def on_call(frame, event, argument):
        if event == "c_call" and frame.f_code.co_name == "readinto":
            seen.append(to_stack(capture(frame, WITHIN)))

    with near, far, near.makefile("rb") as file:
        far.send(b"hello\n")

        def profiled():
            sys.setprofile(on_call)
            try:
                file.readline()
            finally:
                sys.setprofile(None)

        step(profiled)
    _, written, place = seen[0]
    assert written.qualified == "io.BufferedReader.readline"
    assert place.line == profiled.__code__.co_firstlineno + 3


# ------------------------------------------------- lines, from points behind


def line_before(function, point, number=-1):
    """Give the operator's line, counted from `def`, before a point of a function."""
    code = function.__code__
    offsets = [
        at.offset for at in dis.get_instructions(code) if at.opname.startswith(point)
    ]
    line = line_of_operator(code, offsets[number])
    return line and line - code.co_firstlineno


def test_an_operator_is_found_from_the_call_after_it():
    """`x in big` hands nothing over itself; the next call does."""

    def function(big):
        found = 1 in big
        kept = found
        step(kept)

    assert line_before(function, "CALL") == 1


def test_an_operator_is_found_from_the_jump_at_the_end_of_its_loop():
    """Wherever in the loop's body it stands, and nothing before the loop counts."""

    def function(big):
        before = 1 in big
        for each in big:
            found = each in before
            kept = found
        for each in big:
            kept = each
        return kept

    jump = ("JUMP_BACKWARD", "JUMP_ABSOLUTE")
    assert line_before(function, jump, 0) == 3
    assert line_before(function, jump, 1) is None


def test_an_operator_is_found_from_the_await_after_it():
    """A coroutine runs no sooner than it is awaited."""

    async def function(big):
        found = 1 in big
        await function(found)

    assert line_before(function, "SEND" if WITH_POSITIONS else "YIELD_FROM") == 1


def test_no_operator_is_found_beyond_the_point_before():
    """There the thread would have been seen."""

    def function(big):
        found = 1 in big
        step(found)
        step(found)

    assert line_before(function, "CALL") is None


def stacks_at_calls(function):
    """Give the stack at the start of each function that one calls."""
    seen = []

    def on_call(frame, event, argument):
        if event == "call" and frame.f_back.f_code is function.__code__:
            seen.append(to_stack(capture(frame, WITHIN)))

    def profiled():
        sys.setprofile(on_call)
        try:
            function()
        finally:
            sys.setprofile(None)

    step(profiled)
    return seen


def test_a_function_that_has_only_begun_is_named_where_it_was_called():
    """Nothing of it has run: its `def` line is not to blame."""

    def begun():
        pass

    def function():
        first = 1
        begun(first) if not first else begun()

    ((innermost, *_),) = stacks_at_calls(function)
    assert innermost.function.endswith("function")
    assert innermost.line == function.__code__.co_firstlineno + 2
    assert innermost.call.endswith("begun")


def test_an_operator_before_a_function_that_has_only_begun_is_to_blame():
    """The call is not named, since it did not take the time."""

    def begun():
        pass

    def function():
        found = 1 in WITHIN
        begun()
        return found

    ((innermost, *_),) = stacks_at_calls(function)
    assert innermost.line == function.__code__.co_firstlineno + 1
    assert innermost.call is None


def seen_at(function, opname):
    """Give the line, from `def`, of a function that stands at an instruction."""
    code = function.__code__
    offset = next(
        at.offset for at in dis.get_instructions(code) if at.opname.startswith(opname)
    )
    line = {start: line for start, _, line in code.co_lines()}
    here = max(start for start in line if start <= offset)
    raw = (code, line[here], {})
    frame = to_stack((Position(None, offset, None), (raw,)))[0]
    return frame.line - code.co_firstlineno


def test_what_lets_others_run_is_seen_in_the_middle_of_it():
    """A lock that a `with` waits for is where the thread stands, and not behind it."""

    def function(lock):
        total = 1 + len(lock)
        kept = -total
        with lock:
            return kept

    enters = ("BEFORE_WITH", "SETUP_WITH", "LOAD_SPECIAL")
    assert seen_at(function, enters) == 3


def test_at_a_jump_everything_is_behind():
    """No call is in progress there."""

    def function(big):
        for each in big:
            found = each in big
            kept = found
        return kept

    assert seen_at(function, ("JUMP_BACKWARD", "JUMP_ABSOLUTE")) == 2


def test_the_step_itself_is_shown_from_its_start():
    """It has no caller to be blamed."""

    def function():
        pass

    def on_call(frame, event, argument):
        if event == "call" and frame.f_code is function.__code__:
            seen.append(to_stack(capture(frame, WITHIN)))

    seen = []
    sys.setprofile(on_call)
    try:
        step(function)
    finally:
        sys.setprofile(None)
    ((innermost,),) = seen
    assert innermost.function.endswith("function")


# ---------------------------------------------------------------- callbacks


class Callback:
    def __call__(self):
        """Nothing."""


def test_a_step_is_named_by_its_task():
    """As somebody named it, or by its coroutine and the number that asyncio gave."""

    async def main():
        task = asyncio.current_task()
        unnamed = describe_callback(task.get_name)
        task.set_name("checkout")
        return unnamed, describe_callback(task.get_name)

    unnamed, named = asyncio.run(main())
    assert unnamed.startswith("main (Task-")
    assert named == "checkout"


@pytest.mark.parametrize("name", ["", " "])
def test_a_task_of_an_empty_name_is_named_by_its_coroutine(name):
    """A line that begins with its name would seem to be nobody's."""

    async def main():
        task = asyncio.current_task()
        task.set_name(name)
        return describe_callback(task.get_name)

    assert asyncio.run(main()) == "main"


def test_a_step_of_no_task_is_named_by_its_function():
    """Qualified, with its module, and never by an address."""
    assert describe_callback(step) == f"{__name__}.step"
    assert describe_callback(functools.partial(len, ())) == "builtins.len"
    assert describe_callback(Callback()) == f"{__name__}.Callback"


def made_by(function, module):
    """Give the function as if that module had it, by its own name."""
    namespace = {"__name__": module, "function": function}
    source = f"def {function.__name__}(): return function()"
    exec(source, namespace)
    return namespace[function.__name__]


@pytest.mark.parametrize(("name", "shown"), [("_tell", "users"), ("_other", "library")])
def test_what_a_wrapper_calls_for_itself_is_nobodys(name, shown):
    """The user's line is to be seen, and not the standard library further in."""

    def library():
        return look()

    library.__name__ = name
    wrapper = made_by(library, "pytest_asyncbench._interception.engine")

    def users():
        return wrapper()

    stack = to_stack(step(users))
    assert stack[0].function.rpartition(".")[2] == shown


def test_what_works_for_us_alone_is_there_under_its_name():
    """By a name that is gone nothing is told apart."""
    owners = engine, engine.Interception, Watch
    names = stack_module._OURS_ALONE
    assert all(any(hasattr(each, name) for each in owners) for name in names)


def test_who_takes_down_a_long_step_is_not_in_it():
    """The step is over by then, and nobody's line is to be seen."""

    def library():
        return look()

    library.__name__ = Watch._long_step.__name__
    assert to_stack(step(made_by(library, Watch.__module__))) == ()


def test_who_is_told_of_collections_stands_on_no_stack():
    """Nor what that calls: the line is looked for that the collection met."""

    def told(phase, info):
        seen.append(first_name_of(look()))

    def collects():
        gc.collect()

    seen = []
    gc.callbacks.append(told)
    try:
        step(collects)
    finally:
        gc.callbacks.remove(told)
    assert {name.rpartition(".")[2] for name in seen} == {"collects"}


def first_name_of(raw):
    return to_stack(raw)[0].function
