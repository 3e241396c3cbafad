"""Each row's target is what a stall in that call is told by, and allowed by.

A known call carries its target. A stall in the same call, where its family is off, has
only what the interpreter tells: a frame, or the words of the line. Both must agree on
every Python, or an allowance that names the row's call holds for one of the two.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import linecache
import os
import queue
import select
import socket
import sqlite3
import ssl
import sys
import threading
from contextlib import ExitStack
from types import FunctionType

import pytest

from pytest_asyncbench._python.callees import callee
from pytest_asyncbench._python.stack import to_frame
from pytest_asyncbench._rules.table import RULES

STANDARD = [
    rule.target
    for rule in RULES
    if rule.target.partition(".")[0] in sys.stdlib_module_names
]


def an_entry():
    with os.scandir(sys.prefix) as entries:
        return next(entries)


MADE = {
    "io.BufferedRandom": lambda: io.BufferedRandom(io.BytesIO()),
    "io.BufferedReader": lambda: io.BufferedReader(io.BytesIO()),
    "io.BufferedWriter": lambda: io.BufferedWriter(io.BytesIO()),
    "io.FileIO": lambda: io.FileIO(os.devnull),
    "io.TextIOWrapper": lambda: io.TextIOWrapper(io.BytesIO()),
    "os.DirEntry": an_entry,
    "queue.SimpleQueue": queue.SimpleQueue,
    "select.epoll": getattr(select, "epoll", None),
    "select.poll": getattr(select, "poll", None),
    "socket.socket": socket.socket,
    "sqlite3.Connection": lambda: sqlite3.connect(":memory:"),
    "sqlite3.Cursor": lambda: sqlite3.connect(":memory:").cursor(),
    "ssl.SSLContext": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    "threading.Lock": lambda: threading.Lock(),
    "threading.RLock": lambda: threading.RLock(),
}
"""Who has methods in C."""


def module_of(target):
    parts = target.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        return module, parts[length:]
    pytest.skip(f"{target} is not in this Python")


@pytest.fixture
def made():
    """Make what has methods in C; it is closed in the end."""
    with ExitStack() as closed:

        def made(owner):
            thing = MADE[owner]()
            holder = getattr(thing, "connection", thing)
            closed.callback(getattr(holder, "close", int))
            return thing

        yield made


def told(source, tmp_path, **scope):
    """Give the name of what the last line was calling, as the line was about to."""
    file = tmp_path / "written.py"
    file.write_text(source)
    linecache.checkcache(str(file))
    code, found = compile(source, str(file), "exec"), []

    def see(frame, event, _):
        if event == "c_call" and frame.f_code.co_filename == str(file):
            found.append(callee(frame, frame.f_lasti, frame.f_lineno))

    # So many arguments are refused before anything is done.
    scope = {"__name__": "written", "TOO_MANY": (None,) * 20, **scope}
    before = sys.getprofile()
    sys.setprofile(see)
    try:
        exec(code, scope)
    except TypeError:
        pass
    finally:
        sys.setprofile(before)
    return found[-1]


@pytest.mark.parametrize("target", STANDARD)
def test_a_stall_in_a_rows_call_is_known_by_its_target(target, made, tmp_path):
    """Whether it is written in Python or in C, and however it was imported."""
    module, (*path, name) = module_of(target)
    owner = target.rpartition(".")[0]
    try:
        found = functools.reduce(getattr, path, module)
        holder = made(owner) if owner in MADE else found
        value = getattr(holder, name)
    except (AttributeError, TypeError):
        pytest.skip(f"{target} is not on this platform")
    if isinstance(value, type):
        value, target = inspect.getattr_static(value, "__init__"), f"{target}.__init__"
    function = inspect.unwrap(getattr(value, "__func__", value))
    if isinstance(function, FunctionType):
        code = function.__code__
        frame = to_frame((code, code.co_firstlineno, function.__globals__))
        assert target in frame.names
    elif owner in MADE:
        assert told(f"it.{name}(*TOO_MANY)", tmp_path, it=holder) == target
    else:
        dotted = f"import {owner}\n{target}(*TOO_MANY)"
        taken = f"from {owner} import {name}\n{name}(*TOO_MANY)"
        assert {told(dotted, tmp_path), told(taken, tmp_path)} == {target}
