"""Work that keeps the loop's thread busy, in C with and without the GIL, and in Python."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: E501

from __future__ import annotations

import ast
import asyncio
import base64
import bz2
import copy
import ctypes
import decimal
import difflib
import gc
import hashlib
import itertools
import json
import lzma
import math
import pickle
import re
import sys
import zlib
from xml.etree import ElementTree as ET

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


# ------------------------------------------------------------------ ctypes


@posix
async def test_ctypes_that_releases_the_gil():
    lib = ctypes.CDLL(None)
    lib.usleep(100_000)  # <- blocks: *usleep


@posix
async def test_ctypes_that_holds_the_gil():
    lib = ctypes.PyDLL(None)
    lib.usleep(100_000)  # <- blocks: *usleep


@posix
async def test_ctypes_function_held_by_name():
    usleep = ctypes.PyDLL(None).usleep
    usleep(100_000)  # <- blocks: *usleep


@posix
async def test_driver_in_c_waiting_on_a_socket(slow_peer):
    import socket

    with socket.create_connection(slow_peer) as connection:
        connection.sendall(b"query\n")
        ctypes.CDLL(None).recv(connection.fileno(), ctypes.create_string_buffer(9), 9, 0)  # <- blocks: *recv


@posix
async def test_driver_in_c_polling():
    ctypes.CDLL(None).poll(None, 0, 100)  # <- blocks: *poll


# ----------------------------------------------------- C code with the GIL


@pytest.fixture
def evil(sized_before):
    """Give a text that a regular expression needs 100 ms to refuse."""
    pattern = re.compile(r"(a+)+b")
    return sized_before(pattern.match, 14, grow=lambda n: n + 1, make=lambda n: "a" * n)


async def test_regex(evil):
    re.match(r"(a+)+b", evil)  # <- blocks: re.match


async def test_compiled_regex(evil):
    pattern = re.compile(r"(a+)+b")
    pattern.match(evil)  # <- blocks: re.Pattern.match


async def test_regex_substitution(evil):
    re.sub(r"(a+)+b", "", evil[1:])  # <- blocks: re.sub


async def test_json_dumps(sized):
    data = await sized(json.dumps, make=lambda n: [{"id": i} for i in range(n)])
    json.dumps(data)  # <- blocks: json.dumps


async def test_json_loads(sized):
    text = await sized(json.loads, make=lambda n: json.dumps([{"id": i} for i in range(n)]))
    json.loads(text)  # <- blocks: json.loads


async def test_pickle_dumps(sized):
    data = await sized(pickle.dumps, make=lambda n: [{"id": i} for i in range(n)])
    pickle.dumps(data)  # <- blocks: pickle.dumps


async def test_pickle_loads(sized):
    data = await sized(pickle.loads, make=lambda n: pickle.dumps([{"i": i} for i in range(n)]))
    pickle.loads(data)  # <- blocks: pickle.loads


async def test_int_power(sized):
    size = await sized(lambda n: 3**n)
    3**size  # <- blocks: *


async def test_pow(sized):
    size = await sized(lambda n: pow(3, n))
    pow(3, size)  # <- blocks: builtins.pow


async def test_sorted(sized):
    data = await sized(sorted, make=lambda n: [i * 7919 % 104729 for i in range(n)])
    sorted(data)  # <- blocks: builtins.sorted


async def test_list_sort(sized):
    data = await sized(sorted, make=lambda n: [i * 7919 % 104729 for i in range(n)])
    data.sort()  # <- blocks: builtins.list.sort


async def test_sum(sized):
    size = await sized(lambda n: sum(range(n)))
    sum(range(size))  # <- blocks: builtins.sum


async def test_max(sized):
    data = await sized(max, make=lambda n: list(range(n)))
    max(data)  # <- blocks: builtins.max


async def test_membership(sized):
    data = await sized(lambda items: -1 in items, make=lambda n: list(range(n)))
    assert -1 not in data  # <- blocks: *


ALIVE: list[object] = []
"""Keeps what takes long to throw away."""


async def test_membership_before_a_call(sized):
    data = await sized(lambda items: -1 in items, make=lambda n: list(range(n)))
    ALIVE.append(data)
    found = -1 in data  # <- blocks: *
    length = len(data)
    assert not found, length


async def test_membership_before_an_await(sized):
    data = await sized(lambda items: -1 in items, make=lambda n: list(range(n)))
    ALIVE.append(data)
    found = -1 in data  # <- blocks: *
    await asyncio.sleep(0)
    assert not found


async def test_membership_in_a_loop(sized):
    data = await sized(lambda items: -1 in items, make=lambda n: list(range(n)))
    ALIVE.append(data)
    for _ in range(2):
        found = -1 in data  # <- blocks: *
        kept = found
        again = kept
    assert not again


async def test_gc_collect(sized):
    keep = []

    def collect(n):
        keep.extend([[] for _ in range(n)])
        gc.collect()

    gc.disable()
    await sized(collect, 50_000)
    gc.enable()
    gc.collect()  # <- blocks: gc.collect


async def test_factorial(sized):
    size = await sized(math.factorial, 100)
    math.factorial(size)  # <- blocks: math.factorial


async def test_decimal(sized):
    two = decimal.Decimal(2)
    context = await sized(two.sqrt, make=lambda n: decimal.Context(prec=n))
    two.sqrt(context)  # <- blocks: decimal.Decimal.sqrt


async def test_str_replace(sized):
    text = await sized(lambda s: s.replace("ab", "b"), make=lambda n: "ab" * n)
    text.replace("ab", "b")  # <- blocks: builtins.str.replace


async def test_split(sized):
    text = await sized(str.split, make=lambda n: "word " * n)
    text.split()  # <- blocks: builtins.str.split


async def test_int_of_text(sized):
    sys.set_int_max_str_digits(0)
    text = await sized(lambda t: int(t, 7), make=lambda n: "6" * n)
    int(text, 7)  # <- blocks: builtins.int


async def test_base64(sized):
    data = await sized(base64.b64encode, make=bytes)
    base64.b64encode(data)  # <- blocks: base64.b64encode


async def test_xml(sized):
    text = await sized(ET.fromstring, make=lambda n: f"<a>{'<b/>' * n}</a>")
    ET.fromstring(text)  # <- blocks: xml.etree.ElementTree.XML|xml.etree.ElementTree.fromstring


async def test_compile(sized):
    source = await sized(ast.parse, 50, make=lambda n: "x = [1, 2]\n" * n)
    compile(source, "made", "exec")  # <- blocks: builtins.compile


async def test_set_of_many(sized):
    data = await sized(set, make=lambda n: list(range(n)))
    set(data)  # <- blocks: builtins.set


async def test_counting(sized):
    size = await sized(lambda n: list(itertools.permutations(range(n))), 6, grow=lambda n: n + 1)
    list(itertools.permutations(range(size)))  # <- blocks: builtins.list


# -------------------------------------------------- C code without the GIL


async def test_zlib(sized):
    data = await sized(zlib.compress, make=bytes)
    zlib.compress(data)  # <- blocks: zlib.compress


async def test_bz2(sized):
    data = await sized(bz2.compress, make=bytes)
    bz2.compress(data)  # <- blocks: bz2.compress


async def test_lzma(sized):
    data = await sized(lzma.compress, make=bytes)
    lzma.compress(data)  # <- blocks: lzma.compress


async def test_hash_of_much(sized):
    data = await sized(hashlib.sha256, make=bytes)
    hashlib.sha256(data)  # <- blocks: hashlib.sha256


async def test_hash_update(sized):
    data = await sized(hashlib.sha256, make=bytes)
    digest = hashlib.sha256()
    digest.update(data)  # <- blocks: *update


async def test_password_hash(sized):
    rounds = await sized(lambda n: hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", n))
    hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", rounds)  # <- blocks: hashlib.pbkdf2_hmac


async def test_scrypt(sized):
    def stretch(n):
        return hashlib.scrypt(b"secret", salt=b"salt", n=1024, r=8, p=n, maxmem=2**28)

    size = await sized(stretch, 2)
    hashlib.scrypt(b"secret", salt=b"salt", n=1024, r=8, p=size, maxmem=2**28)  # <- blocks: hashlib.scrypt


# ------------------------------------------------------------ plain Python


async def test_loop_on_one_line(sized):
    def work(n):
        for _ in range(n): pass  # noqa: E701  # <- blocks: *work

    size = await sized(work)
    work(size)


async def test_loop_over_lines(sized):
    def work(n):
        total = 0
        for i in range(n):  # <- blocks one of: *work
            total += i  # <- blocks one of: *work
            total ^= 1  # <- blocks one of: *work

    size = await sized(work)
    work(size)


async def test_while_loop(sized):
    def spin(n):
        while n:  # <- blocks one of: *spin
            n -= 1  # <- blocks one of: *spin

    size = await sized(spin)
    spin(size)


async def test_recursion(sized):
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)  # <- blocks: *fib

    size = await sized(fib, 15, grow=lambda n: n + 1)
    fib(size)


async def test_comprehension(sized):
    size = await sized(lambda n: [i * i for i in range(n)])
    [i * i for i in range(size)]  # <- blocks: *


async def test_generator_expression(sized):
    size = await sized(lambda n: sum(i * i for i in range(n)))
    sum(i * i for i in range(size))  # <- blocks: *


async def test_deepcopy(sized):
    data = await sized(copy.deepcopy, make=lambda n: [[i] for i in range(n)])
    copy.deepcopy(data)  # <- blocks: copy.deepcopy


async def test_difflib(sized):
    # By default what is popular in a long text is left out, and what then takes time
    # is to find that, when the matcher is made.
    def matcher_of(n):
        return difflib.SequenceMatcher(None, "ab" * n, "ba" * n, autojunk=False)

    size = await sized(lambda n: matcher_of(n).ratio(), 10)
    matcher = await asyncio.to_thread(matcher_of, size)
    matcher.ratio()  # <- blocks: difflib.SequenceMatcher.ratio


async def test_many_short_calls_in_one_step(sized):
    def work(n):
        for i in range(n):  # <- blocks one of: *work|builtins.abs
            abs(i)  # <- blocks one of: *work|builtins.abs

    size = await sized(work)
    work(size)


async def test_exec(sized):
    code = "for i in range({}): pass"
    text = await sized(lambda text: exec(text, {}), make=code.format)
    exec(text, {})  # <- blocks: *
