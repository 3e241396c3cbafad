"""How to stand inside a running test. Knows how pytest-asyncio and unittest run one.

To be inside, the test's coroutine function is replaced before anybody makes a plain
function of it. pytest-asyncio swaps ``item.obj`` while the test runs, and for
Hypothesis the function inside of it; unittest looks the method up on its instance.
"""

from __future__ import annotations

import functools
import inspect
import sys
import unittest
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Sequence,
)
from contextlib import ExitStack
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, TypeVar, cast

import pytest
from _pytest.fixtures import FixtureDef, _teardown_yield_fixture, call_fixture_func
from _pytest.main import wrap_session
from _pytest.python import pytest_pyfunc_call
from _pytest.tmpdir import tmppath_result_key
from _pytest.unittest import TestCaseFunction

from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "CALLERS",
    "INTERRUPTS",
    "NO_FAILURE",
    "SKIPS",
    "LoopOwner",
    "async_function",
    "drop_output",
    "drop_own_failure",
    "drop_records",
    "enter",
    "function_alone",
    "give_failure",
    "in_place_of_a_run",
    "is_async",
    "is_of_trio",
    "is_set_up",
    "items_at_once",
    "loop_made",
    "loop_of",
    "loop_owner",
    "native_value",
    "own_failure",
    "runs_examples",
    "set_up_again",
    "suit_hypothesis",
    "tear_down_alone",
    "written_settings",
]

SKIPS = (pytest.skip.Exception, unittest.SkipTest)
"""How a test says that it does not apply here."""

NO_FAILURE = (*SKIPS, pytest.xfail.Exception)
"""How a test ends by a decision of its own."""

INTERRUPTS = (KeyboardInterrupt, pytest.exit.Exception)
"""How somebody ends the whole run, in the middle of a test."""

CALLERS = frozenset(
    {
        pytest_pyfunc_call.__code__,
        getattr(unittest.TestCase, "_callTestMethod", unittest.TestCase.run).__code__,
        call_fixture_func.__code__,
        _teardown_yield_fixture.__code__,
        FixtureDef.finish.__code__,
    }
)
"""The code of pytest's and unittest's that calls what a test or a fixture is."""

_SCOPES: dict[str, type[pytest.Collector]] = {
    "class": pytest.Class,
    "module": pytest.Module,
    "package": pytest.Package,
    "session": pytest.Session,
}


class LoopOwner(NamedTuple):
    """Whom a loop belongs to: tests of the same owner run in the same loop."""

    node: pytest.Item | pytest.Collector
    factory: int | None
    """Which of a user's factories makes it, by identity, as pytest goes by; each makes
    one for the node."""


T = TypeVar("T")
AsyncFunction = Callable[..., Awaitable[None]]
"""A test, whose result nobody looks at."""


def is_async(item: pytest.Item) -> bool:
    """Tell whether a test is a coroutine function that somebody runs in a loop."""
    return async_function(item) is not None


def async_function(item: pytest.Item) -> AsyncFunction | None:
    """Give an async test's function, None for another test."""
    if not isinstance(item, pytest.Function):
        return None
    function = getattr(*_place(item), None)
    return function if _is_coroutine_function(function) else None


def is_of_trio(item: pytest.Item) -> bool:
    """Tell whether trio runs an async test, by anyio's plugin or by pytest-trio."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    backend = params.get("anyio_backend")
    name = backend[0] if isinstance(backend, tuple) else backend
    return name == "trio" or item.get_closest_marker("trio") is not None


def items_at_once(item: pytest.Item) -> Sequence[pytest.Item]:
    """Give the tests that run at the same time as this one, itself included.

    pytest-asyncio-concurrent sets all tests of a group up, and then runs them in one
    loop.
    """
    members: Sequence[pytest.Item] = getattr(
        getattr(item, "group", None), "children", (item,)
    )
    return members if item in members else (item,)


def enter(
    item: pytest.Item,
    function: AsyncFunction,
    wrap: Callable[[AsyncFunction], AsyncFunction],
) -> Undo:
    """Replace an async test's function by `wrap` of it; return the way back."""
    owner, name = _holder(item)
    setattr(owner, name, wrap(function))
    if isinstance(item, TestCaseFunction):
        return lambda: delattr(owner, name)
    return lambda: setattr(owner, name, function)


def loop_made(
    fixturedef: pytest.FixtureDef[T], request: pytest.FixtureRequest, result: Any
) -> asyncio.AbstractEventLoop | None:
    """Give the loop that a fixture has just made for a test to run in, if it is one.

    Not the loop of a wider fixture: other tests may run in that, in another time.
    """
    scope = getattr(request._pyfuncitem, "_loop_scope", "function")
    if fixturedef.argname == f"_{scope}_scoped_runner":
        # There is none under --setup-plan.
        return result.get_loop() if hasattr(result, "get_loop") else None
    return None


def give_failure(
    fixturedef: pytest.FixtureDef[T],
    request: pytest.FixtureRequest,
    failure: BaseException,
) -> None:
    """Have pytest keep what a fixture's set-up ends with, as it keeps an Exception.

    It keeps no CancelledError, and then takes the fixture for one that was never set
    up: its finalizers stay, and the next test that wants it ends in an AssertionError.
    """
    parameter = getattr(request, "param", None)
    fixturedef.cached_result = (None, parameter, (failure, failure.__traceback__))


def loop_owner(item: pytest.Item) -> LoopOwner | None:
    """Tell whom an async test's loop belongs to, the test where it is alone.

    None for a test whose loop is not made by pytest-asyncio.
    """
    scope = getattr(item, "_loop_scope", None)
    if scope is None:
        return None
    if scope == "function":
        return LoopOwner(item, None)
    node = item.getparent(_SCOPES[scope]) or item.session
    params = getattr(getattr(item, "callspec", None), "params", {})
    factory = params.get("_asyncio_loop_factory")
    return LoopOwner(node, None if factory is None else id(factory))


def loop_of(item: pytest.Item) -> asyncio.AbstractEventLoop | None:
    """Give the loop that pytest-asyncio has for a test, which is set up."""
    scope = getattr(item, "_loop_scope", None)
    request = getattr(item, "_request", None)
    if scope is None or not request:
        return None
    loop: asyncio.AbstractEventLoop = request.getfixturevalue(
        f"_{scope}_scoped_runner"
    ).get_loop()
    return loop


def tear_down_alone(item: pytest.Item) -> None:
    """Tear down what was set up for a test alone, and nothing wider.

    Its ``tmp_path`` goes with it, whatever pytest is to keep: that of its last run is
    there, and a folder of each run before would be hundreds.
    """
    factory = getattr(item.config, "_tmp_path_factory", None)
    with ExitStack() as undo:
        if factory is not None:
            # pytest removes it then, since the test has not failed by now.
            undo.callback(replace(factory, "_retention_policy", "failed"))
        _tear_down_alone(item)


def _tear_down_alone(item: pytest.Item) -> None:
    parent = item.parent
    assert parent is not None
    # tmp_path takes the test's outcome away with it, and fails where there is none.
    item.stash.setdefault(tmppath_result_key, {})
    # What the parent needs, the next run of this test needs as well.
    item.session._setupstate.teardown_exact(parent)  # type: ignore[arg-type]


def is_set_up(item: pytest.Item) -> bool:
    """Tell whether a test is set up, and was not torn down since."""
    return item in item.session._setupstate.stack


def set_up_again(item: pytest.Item) -> None:
    """Set a test up once more, with fresh fixtures of its own, and a fresh instance."""
    assert isinstance(item, pytest.Function)
    item._initrequest()
    if item.cls is not None and not isinstance(item, TestCaseFunction):
        item._instance = item.parent.newinstance()  # type: ignore[union-attr]
        item.obj = getattr(item._instance, item.originalname)
    item.session._setupstate.setup(item)


def drop_output(item: pytest.Item) -> None:
    """Forget what was captured and logged so far in the phase that is in progress."""
    plugins = item.config.pluginmanager
    capturing = plugins.getplugin("capturemanager")
    if capturing is not None and capturing.is_globally_capturing():
        capturing.read_global_capture()
    logging = plugins.getplugin("logging-plugin")
    if logging is not None:
        logging.report_handler.reset()
    drop_records(item)


def drop_records(item: pytest.Item) -> None:
    """Have ``caplog`` know of nothing that was logged before now in this phase."""
    logging = item.config.pluginmanager.getplugin("logging-plugin")
    if logging is not None:
        # `reset` would give it another list than the one that `get_records` looks at.
        logging.caplog_handler.clear()


_MADE_FOR_PARAMETERS = "get_direct_param_fixture_func"

_OF_LOOPS = {
    "_asyncio_loop_factory",
    "_function_scoped_runner",
    "event_loop_policy",
    "request",
}


def function_alone(
    item: pytest.Item, ours: Collection[str]
) -> Callable[[], Coroutine[Any, Any, None]] | None:
    """Give a test as a coroutine function, if no fixture is made for it alone.

    None where it needs more: fixtures of its own, a class, a wider loop, another
    plugin's loop. Those of `ours` need not be made anew.
    """
    if not isinstance(item, pytest.Function) or item.cls is not None:
        return None
    function = async_function(item)
    if function is None or getattr(item, "_loop_scope", None) != "function":
        return None
    if _holder(item) != (item, "obj"):
        return None
    for name, made in item._fixtureinfo.name2fixturedefs.items():
        is_own = made[-1].scope == "function" and name not in (*_OF_LOOPS, *ours)
        if is_own and made[-1].func.__name__ != _MADE_FOR_PARAMETERS:
            return None
    given = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    return cast(
        "Callable[[], Coroutine[Any, Any, None]]", functools.partial(function, **given)
    )


_SETTINGS = "_hypothesis_internal_use_settings"


def runs_examples(item: pytest.Item) -> bool:
    """Tell whether Hypothesis calls the test, once for each of its examples."""
    function = item.obj if isinstance(item, pytest.Function) else None
    return getattr(function, "is_hypothesis_test", False) is True


def suit_hypothesis(item: pytest.Item, ours: Collection[str], *, virtual: bool) -> Undo:
    """Have Hypothesis run a test with our fixtures and time; return the way back.

    It refuses fixtures that are not made anew for each example. Ours need not be; where
    the test has others, it is left to refuse these. Its deadline for an example would
    read virtual time, which jumps, and so is none there.
    """
    if not isinstance(item, pytest.Function) or not runs_examples(item):
        return lambda: None
    hypothesis = sys.modules["hypothesis"]
    function = getattr(item.obj, "__func__", item.obj)
    known = getattr(function, _SETTINGS, None) or hypothesis.settings.default
    suited = hypothesis.settings(known, deadline=None) if virtual else known
    if _own_fixtures(item) & set(ours) == _own_fixtures(item):
        check = hypothesis.HealthCheck.function_scoped_fixture
        checks = {*known.suppress_health_check, check}
        suited = hypothesis.settings(suited, suppress_health_check=checks)
    return replace(function, _SETTINGS, suited)


def _own_fixtures(item: pytest.Function) -> set[str]:
    """Give the fixtures among a test's arguments that are made for it alone."""
    made = item._fixtureinfo.name2fixturedefs
    names = item._fixtureinfo.argnames
    return {n for n in names if n in made and made[n][-1].scope == "function"}


def own_failure(item: pytest.Item) -> BaseException | None:
    """Give the failure that unittest keeps to itself until the report is made."""
    kept = getattr(item, "_excinfo", None)
    return kept[0].value if kept else None


def drop_own_failure(item: pytest.Item) -> None:
    """Have unittest forget what it keeps, since the test ends with something else."""
    kept = getattr(item, "_excinfo", None)
    if kept:
        kept.clear()


def written_settings(config: pytest.Config) -> Iterator[str]:
    """Give the names of the settings in the ini file and of ``--override-ini``."""
    # pytest 9 deprecates the public name, and gives no other way to see the keys.
    written = getattr(config, "_inicfg", None)
    yield from config.inicfg if written is None else written
    # pytest 8 does not count these among them.
    for each in config.getoption("override_ini") or ():
        yield each.partition("=")[0]


def native_value(config: pytest.Config, name: str) -> object | None:
    """Give a setting as TOML has it, where it stands in a file of pytest 9's own kind.

    None elsewhere, and where it is not written: `Config.getini` knows those. It refuses
    a number for what may be a word as well.
    """
    known = getattr(config, "_inicfg", {}).get(name)
    is_native = getattr(known, "mode", "ini") == "toml"
    return getattr(known, "value", None) if is_native else None


def _holder(item: pytest.Item) -> tuple[Any, str]:
    if isinstance(item, TestCaseFunction):
        return item.instance, item.name
    return _place(item)


def _place(item: pytest.Item) -> tuple[Any, str]:
    """Tell where an item keeps its function; unittest has it on an instance, too."""
    return getattr(item, "_synchronization_target_attr", (item, "obj"))


_PYTESTS_OWN = frozenset({"pytestmark"})


def _is_coroutine_function(function: Any) -> TypeGuard[AsyncFunction]:
    # Three times for each test: `inspect` takes up to fourteen calls to say so of one.
    if isinstance(function, (FunctionType, MethodType)):
        code = getattr(function, "__code__", None)
        if getattr(code, "co_flags", 0) & inspect.CO_COROUTINE:
            return True
        # By its attributes another one may be marked as one, or be a partial method.
        if code is not None and _PYTESTS_OWN.issuperset(function.__dict__):
            return False
    return inspect.iscoroutinefunction(function)


def in_place_of_a_run(
    config: pytest.Config, show: Callable[[pytest.Config], None]
) -> int | pytest.ExitCode:
    """Call something where the tests would be run; return the exit status."""
    return wrap_session(config, lambda config, session: show(config))
