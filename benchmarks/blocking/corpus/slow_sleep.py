"""`time.sleep` under every name, and from everywhere that a step can reach."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: E501, FURB171, SIM105

from __future__ import annotations

import asyncio
import collections
import contextlib
import contextvars
import copy
import dataclasses
import enum
import functools
import gc
import json
import logging
import operator
import signal
import sys
import threading
import time
import time as clock
import weakref
from time import sleep
from time import sleep as doze

import pytest

eager = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are 3.12's")
contexts = pytest.mark.skipif(sys.version_info < (3, 11), reason="context= is 3.11's")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")

TABLE = {"sleep": time.sleep}
NAPS = [time.sleep]
short_nap = functools.partial(time.sleep, 0.1)


def nap_by_default(seconds, sleeper=time.sleep):
    sleeper(seconds)  # <- test_default_argument blocks: time.sleep


class Backoff:
    """Holds the function as a class attribute."""

    pause = time.sleep


# ---------------------------------------------------------------- by name


async def test_plain():
    time.sleep(0.1)  # <- blocks: time.sleep


async def test_module_alias():
    clock.sleep(0.1)  # <- blocks: time.sleep


async def test_bound_at_import():
    sleep(0.1)  # <- blocks: time.sleep


async def test_renamed_at_import():
    doze(0.1)  # <- blocks: time.sleep


async def test_local_alias():
    pause = time.sleep
    pause(0.1)  # <- blocks: time.sleep


async def test_partial():
    short_nap()  # <- blocks: time.sleep


async def test_default_argument():
    nap_by_default(0.1)


async def test_in_a_table():
    TABLE["sleep"](0.1)  # <- blocks: time.sleep


async def test_in_a_list():
    NAPS[0](0.1)  # <- blocks: time.sleep


async def test_class_attribute():
    Backoff().pause(0.1)  # <- blocks: time.sleep


async def test_getattr():
    getattr(time, "sle" + "ep")(0.1)  # <- blocks: time.sleep


async def test_lambda():
    wait = lambda: time.sleep(0.1)  # noqa: E731  # <- blocks: time.sleep
    wait()


async def test_map():
    list(map(time.sleep, [0.1]))  # <- blocks: time.sleep


async def test_methodcaller():
    operator.methodcaller("sleep", 0.1)(time)  # <- blocks: time.sleep


async def test_arguments_over_lines():
    time.sleep(  # <- blocks: time.sleep
        0.1,
    )


async def test_twice_on_one_line():
    time.sleep(0.05), time.sleep(0.05)  # <- blocks: time.sleep


async def test_comprehension():
    [time.sleep(0.03) for _ in range(3)]  # <- blocks: time.sleep


async def test_closure():
    def outer(nap):
        def inner():
            nap(0.1)  # <- blocks: time.sleep

        return inner

    outer(time.sleep)()


async def test_decorated():
    def noisy(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)  # <- blocks: time.sleep

        return wrapper

    noisy(time.sleep)(0.1)


async def test_lru_cache():
    @functools.lru_cache
    def slow(key):
        time.sleep(0.1)  # <- blocks: time.sleep

    slow(1)


# ------------------------------------------------------------ by protocol


async def test_property():
    class Page:
        @property
        def body(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    Page().body  # noqa: B018


async def test_cached_property():
    class Page:
        @functools.cached_property
        def body(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    Page().body  # noqa: B018


async def test_descriptor():
    class Field:
        def __get__(self, instance, owner):
            time.sleep(0.1)  # <- blocks: time.sleep

    class Model:
        name = Field()

    Model().name  # noqa: B018


async def test_getattr_hook():
    class Proxy:
        def __getattr__(self, name):
            time.sleep(0.1)  # <- blocks: time.sleep

    Proxy().anything  # noqa: B018


async def test_eq():
    class Slow:
        def __eq__(self, other):
            time.sleep(0.1)  # <- blocks: time.sleep
            return True

        __hash__ = None

    assert Slow() in [1]


async def test_hash():
    class Slow:
        def __hash__(self):
            time.sleep(0.1)  # <- blocks: time.sleep
            return 1

    {}.get(Slow())


async def test_repr():
    class Slow:
        def __repr__(self):
            time.sleep(0.1)  # <- blocks: time.sleep
            return "slow"

    f"{Slow()!r}"


async def test_iterator():
    class Pages:
        def __iter__(self):
            return self

        def __next__(self):
            time.sleep(0.1)  # <- blocks: time.sleep
            raise StopIteration

    list(Pages())


async def test_generator():
    def pages():
        time.sleep(0.1)  # <- blocks: time.sleep
        yield 1

    sum(pages())


async def test_context_manager():
    @contextlib.contextmanager
    def opened():
        time.sleep(0.1)  # <- blocks: time.sleep
        yield

    with opened():
        pass


async def test_init():
    class Client:
        def __init__(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    Client()


async def test_post_init():
    @dataclasses.dataclass
    class Settings:
        name: str = ""

        def __post_init__(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    Settings()


async def test_metaclass():
    class Meta(type):
        def __new__(cls, name, bases, namespace):
            time.sleep(0.1)  # <- blocks: time.sleep
            return super().__new__(cls, name, bases, namespace)

    class Made(metaclass=Meta):
        pass


async def test_enum_missing():
    class Colour(enum.Enum):
        RED = 1

        @classmethod
        def _missing_(cls, value):
            time.sleep(0.1)  # <- blocks: time.sleep
            return cls.RED

    Colour(2)


async def test_default_factory():
    def made():
        time.sleep(0.1)  # <- blocks: time.sleep

    collections.defaultdict(made)["key"]


async def test_deepcopy_hook():
    class Node:
        def __deepcopy__(self, memo):
            time.sleep(0.1)  # <- blocks: time.sleep
            return self

    copy.deepcopy([Node()])


async def test_sort_key():
    def key(item):
        time.sleep(0.05)  # <- blocks: time.sleep
        return item

    sorted([2, 1], key=key)


async def test_json_default():
    def default(value):
        time.sleep(0.1)  # <- blocks: time.sleep
        return

    json.dumps(object(), default=default)


async def test_log_handler():
    class Remote(logging.Handler):
        def emit(self, record):
            time.sleep(0.1)  # <- blocks: time.sleep

    logger = logging.getLogger("remote")
    logger.addHandler(Remote())
    logger.warning("sent far away")


async def test_print_to_slow_stream():
    class Stream:
        def write(self, text):
            time.sleep(0.1)  # <- blocks: time.sleep

    print("x", end="", file=Stream())


# ---------------------------------------------------------------- by async


async def test_async_generator():
    async def pages():
        time.sleep(0.1)  # <- blocks: time.sleep
        yield 1

    async for _ in pages():
        pass


async def test_async_generator_cleanup():
    async def pages():
        try:
            yield 1
        finally:
            time.sleep(0.1)  # <- blocks: time.sleep

    async with contextlib.aclosing(pages()) as all_pages:
        async for _ in all_pages:
            break


async def test_async_generator_left_behind():
    async def pages():
        try:
            yield 1
        finally:
            time.sleep(0.1)  # <- blocks: time.sleep

    async for _ in pages():
        break
    await asyncio.sleep(0.2)


async def test_anext():
    class Pages:
        def __aiter__(self):
            return self

        async def __anext__(self):
            time.sleep(0.1)  # <- blocks: time.sleep
            raise StopAsyncIteration

    async for _ in Pages():
        pass


async def test_aenter():
    class Client:
        async def __aenter__(self):
            time.sleep(0.1)  # <- blocks: time.sleep

        async def __aexit__(self, *error):
            pass

    async with Client():
        pass


async def test_aexit():
    class Client:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *error):
            time.sleep(0.1)  # <- blocks: time.sleep

    async with Client():
        pass


async def test_await_hook():
    class Later:
        def __await__(self):
            yield
            time.sleep(0.1)  # <- blocks: time.sleep

    await Later()


async def test_async_exit_stack():
    async with contextlib.AsyncExitStack() as stack:  # <- blocks: time.sleep|contextlib.*
        stack.callback(short_nap)


async def test_in_a_task():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.create_task(work())


async def test_task_nobody_awaits():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert task


async def test_task_cancelled_at_the_end():
    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            time.sleep(0.1)  # <- blocks: time.sleep

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert task


async def test_gather():
    async def work():
        await asyncio.sleep(0)
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.gather(work(), asyncio.sleep(0))


async def test_shield_and_timeout():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(work()), 0.01)


@eager
async def test_eager_task():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(work())


@contexts
async def test_task_with_empty_context():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.create_task(work(), context=contextvars.Context())


# ------------------------------------------------------------ by callback


async def test_call_soon():
    def callback():
        time.sleep(0.1)  # <- blocks: time.sleep

    asyncio.get_running_loop().call_soon(callback)
    await asyncio.sleep(0.01)


async def test_call_soon_of_the_function_itself():
    asyncio.get_running_loop().call_soon(time.sleep, 0.1)  # <- blocks nowhere: time.sleep
    await asyncio.sleep(0.01)


async def test_call_later_of_a_partial():
    asyncio.get_running_loop().call_later(0.001, short_nap)  # <- blocks nowhere: time.sleep
    await asyncio.sleep(0.02)


async def test_call_at():
    def callback():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    loop.call_at(loop.time(), callback)
    await asyncio.sleep(0.02)


async def test_call_soon_in_empty_context():
    def callback():
        time.sleep(0.1)  # <- blocks: time.sleep

    asyncio.get_running_loop().call_soon(callback, context=contextvars.Context())
    await asyncio.sleep(0.01)


async def test_call_soon_threadsafe():
    def callback():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    threading.Thread(target=loop.call_soon_threadsafe, args=(callback,)).start()
    await asyncio.sleep(0.05)


async def test_run_coroutine_threadsafe():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    threading.Thread(
        target=lambda: asyncio.run_coroutine_threadsafe(work(), loop)
    ).start()
    await asyncio.sleep(0.05)


async def test_future_done_callback():
    def callback(future):
        time.sleep(0.1)  # <- blocks: time.sleep

    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(callback)
    future.set_result(None)
    await future
    await asyncio.sleep(0)


async def test_task_done_callback():
    def callback(task):
        time.sleep(0.1)  # <- blocks: time.sleep

    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(callback)
    await task
    await asyncio.sleep(0)


async def test_done_callback_from_a_thread():
    def callback(future):
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, int)
    job.add_done_callback(callback)
    await job
    await asyncio.sleep(0)


async def test_exception_handler():
    def handler(loop, context):
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handler)
    loop.call_soon(int, "no number")
    await asyncio.sleep(0.01)


async def test_weakref_callback():
    gc.freeze()  # so that to collect takes no time of its own
    class Thing:
        pass

    def gone(reference):
        time.sleep(0.1)  # <- blocks: time.sleep

    thing = Thing()
    reference = weakref.ref(thing, gone)
    del thing
    gc.collect()
    assert reference() is None


async def test_del():
    class Connection:
        def __del__(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    connection = Connection()
    del connection


async def test_del_in_a_cycle():
    gc.freeze()  # so that to collect takes no time of its own
    class Connection:
        def __init__(self):
            self.me = self

        def __del__(self):
            time.sleep(0.1)  # <- blocks: time.sleep

    Connection()
    gc.collect()


async def test_finalize():
    class Thing:
        pass

    def clean():
        time.sleep(0.1)  # <- blocks: time.sleep

    thing = Thing()
    weakref.finalize(thing, clean)
    del thing


async def test_signal_handler():
    def handler(number, frame):
        time.sleep(0.1)  # <- blocks: time.sleep

    before = signal.signal(signal.SIGINT, handler)
    try:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)


@posix
async def test_loop_signal_handler():
    def handler():
        time.sleep(0.1)  # <- blocks: time.sleep

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)
    await asyncio.sleep(0.05)
    loop.remove_signal_handler(signal.SIGUSR1)


# ----------------------------------------------------- nothing swallows it


async def test_in_try():
    try:
        time.sleep(0.1)  # <- blocks: time.sleep
    except Exception:  # noqa: BLE001, S110, RUF100
        pass


async def test_suppressed():
    with contextlib.suppress(BaseException):
        time.sleep(0.1)  # <- blocks: time.sleep


async def test_gather_that_returns_exceptions():
    async def work():
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.gather(work(), return_exceptions=True)


async def test_in_finally():
    try:
        await asyncio.sleep(0)
    finally:
        time.sleep(0.1)  # <- blocks: time.sleep


async def test_on_cancellation():
    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            time.sleep(0.1)  # <- blocks: time.sleep
            raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# ---------------------------------------------------------- several at once


async def test_three_culprits_in_three_steps():
    time.sleep(0.1)  # <- blocks: time.sleep
    await asyncio.sleep(0)
    sleep(0.1)  # <- blocks: time.sleep
    await asyncio.sleep(0)
    doze(0.1)  # <- blocks: time.sleep


async def test_three_culprits_in_one_step():
    time.sleep(0.04)  # <- blocks: time.sleep
    sleep(0.04)  # <- blocks: time.sleep
    doze(0.04)  # <- blocks: time.sleep


async def test_culprits_in_two_tasks():
    async def one():
        time.sleep(0.1)  # <- blocks: time.sleep

    async def other():
        time.sleep(0.1)  # <- blocks: time.sleep

    await asyncio.gather(one(), other())


async def test_sleep_and_sum():
    time.sleep(0.1)  # <- blocks: time.sleep
    await asyncio.sleep(0)
    sum(range(5_000_000))  # <- blocks: builtins.sum
