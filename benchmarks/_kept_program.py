"""What the calls of ``_kept_calls.py`` name: data, and what takes more than a line.

A test of each of them imports all of this, and calls one.
"""

# ruff: noqa: F401 - a case is an expression among these names

from __future__ import annotations

import array
import bz2
import collections
import copy
import csv
import difflib
import functools
import gc
import gzip
import hashlib
import heapq
import itertools
import json
import lzma
import marshal
import math
import os
import pickle
import queue
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from typing import Any

from _company import beside

try:
    import numpy
except ImportError:
    MATRIX = None
else:
    MATRIX = numpy.random.default_rng(1).random((1_500, 1_500))

getattr(sys, "set_int_max_str_digits", int)(0)
DATA = [{"a": i, "b": "x" * 20} for i in range(400_000)]
TEXT = json.dumps(DATA)
MORE = [*DATA, *map(dict, DATA)]
PICKLED, MARSHALLED = pickle.dumps(MORE), marshal.dumps(MORE)
SHORT_TEXT = json.dumps(DATA[:80_000])
CHARS = random.Random(1).randbytes(4_000_000).hex()
BYTES = CHARS.encode()
LARGE = BYTES * 8
SHUFFLED = array.array("I", random.Random(1).randbytes(8_000_000)).tolist()
HELD_LOCK = threading.Lock()
HELD_LOCK.acquire()


@functools.total_ordering
class Ordered:
    """An object that Python's own code compares."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ordered) and self.value == other.value

    def __lt__(self, other: Ordered) -> bool:
        return self.value < other.value

    __hash__ = None  # type: ignore[assignment]


def loop(count: int) -> None:
    """Do nothing, in Python, for a while."""
    for _ in range(count):
        pass


def mixed(data: bytes) -> None:
    """Compute in C and in Python by turns."""
    for _ in range(3):
        zlib.compress(data[:1_000_000])
        loop(300_000)


def in_threads(count: int, function: Callable[..., None], *args: object) -> None:
    """Do it in so many threads at once."""
    with futures.ThreadPoolExecutor(count) as pool:
        for each in [pool.submit(function, *args) for _ in range(count)]:
            each.result()


def in_processes(function: Callable[..., object], *args: object) -> None:
    """Do it in another process, of which nothing large comes back."""
    with futures.ProcessPoolExecutor(1) as pool:
        pool.submit(_quietly, function, *args).result()


def in_interpreters(function: Callable[..., object], *args: object) -> None:
    """Do it in a subinterpreter, which has an interpreter lock of its own."""
    pool_of: Any = futures.InterpreterPoolExecutor  # type: ignore[attr-defined]
    with pool_of(1) as pool:
        pool.submit(function, *args).result()


def _quietly(function: Callable[..., object], *args: object) -> None:
    function(*args)


def count_in_sqlite(count: int) -> object:
    """Have a database in memory count, in one slow query."""
    import sqlite3

    query = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?)"
    with sqlite3.connect(":memory:") as database:
        return database.execute(f"{query} SELECT count(*) FROM n", [count]).fetchone()


def take(waiting: queue.Queue[object], timeout: float) -> None:
    """Wait for what never comes."""
    with suppress(queue.Empty):
        waiting.get(timeout=timeout)


def receive(timeout: float) -> None:
    """Wait for a peer that keeps silent."""
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(timeout)
        with suppress(TimeoutError):
            one.recv(1)


def write(data: bytes, times: int) -> None:
    """Write a file, and have it reach the disk."""
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def grow_until_collected() -> None:
    """Make objects, so many that the garbage collector looks through all."""
    held: list[object] = []
    met: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        met.append(info["generation"])

    gc.callbacks.append(note)
    # 3.14 looks through some of them at a time.
    while 2 not in met and len(held) < 100:
        held.append([[] for _ in range(10_000)])
    gc.callbacks.remove(note)


def stop_for(seconds: float) -> None:
    """Have the whole process stopped for a while, by another one."""
    code = (
        "import os, signal, sys, time; at = int(sys.argv[1]); "
        "os.kill(at, signal.SIGSTOP); time.sleep(float(sys.argv[2])); "
        "os.kill(at, signal.SIGCONT)"
    )
    subprocess.run([sys.executable, "-c", code, str(os.getpid()), str(seconds)])


def beside_busy(count: int, function: Callable[..., object], *args: object) -> None:
    """Do it while so many other processes want a processor, too."""
    with beside(count):
        function(*args)
