"""Whether a loop that another thread keeps waiting is told of, and no other.

``python benchmarks/kept.py [rounds] [words]``: each case is a call that a pool's thread
makes while a timer of the loop's ticks, in a test of its own process of pytest. Words
choose cases by their names. It prints counts, and what went wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

KEEPING = {
    "json.loads": "json.loads(TEXT)",
    "json.dumps": "json.dumps(DATA)",
    "pickle.loads": "pickle.loads(PICKLED)",
    "pickle.dumps": "pickle.dumps(DATA)",
    "marshal.dumps": "marshal.dumps(DATA)",
    "marshal.loads": "marshal.loads(MARSHALLED)",
    "re.match": 're.match("(a+)+b", "a" * 25)',
    "re.findall": 're.findall("[a-f]+[0-9]", CHARS)',
    "re.sub": 're.sub("[a-f]", "-", CHARS)',
    "sorted": "sorted(SHUFFLED)",
    "list.sort": "SHUFFLED.copy().sort()",
    "pow": "pow(3, 2_500_000)",
    "str of int": "str(3**90_000)",
    "int of str": 'int("7" * 130_000)',
    "math.factorial": "math.factorial(80_000)",
    "sum": "sum(range(20_000_000))",
    "max": "max(range(20_000_000))",
    "list": "list(range(12_000_000))",
    "set": "set(range(6_000_000))",
    "dict": "dict.fromkeys(range(6_000_000))",
    "tuple": "tuple(range(12_000_000))",
    "bytes.count": "BYTES.count(b'ab')",
    "str.replace": 'CHARS.replace("a", "bb").replace("b", "aa").replace("a", "c")',
    "str.split": 'CHARS.split("a")',
    "str.translate": "(CHARS * 8).translate({97: 98})",
    "collections.Counter": "collections.Counter(CHARS * 4)",
    "collections.deque": "collections.deque(range(15_000_000))",
    "itertools": "collections.deque(itertools.permutations(range(10)), maxlen=0)",
}
INNOCENT = {
    "zlib.compress": "zlib.compress(BYTES)",
    "bz2.compress": "bz2.compress(BYTES[:2_000_000])",
    "lzma.compress": "lzma.compress(BYTES[:2_000_000])",
    "hashlib.sha256": "hashlib.sha256(BYTES * 8).digest()",
    "hashlib.sha512": "hashlib.sha512(BYTES * 8).digest()",
    "hashlib.pbkdf2": 'hashlib.pbkdf2_hmac("sha256", b"a", b"b", 400_000)',
    "hashlib.scrypt": 'hashlib.scrypt(b"a", salt=b"b", n=16384, r=8, p=2)',
    "time.sleep": "time.sleep(0.3)",
    "pure Python": "[i * i for i in range(3_000_000)] and None",
    "generator": "sum(i * i for i in range(3_000_000))",
    "json.dumps, indent": "None if sys.version_info >= (3, 14) else loop(10**6)",
    "many short calls": "[json.loads('[1]') for _ in range(150_000)]",
    "subprocess": 'subprocess.run([sys.executable, "-c", "sum(range(10**7))"])',
    "read": "[open(__file__).read() for _ in range(5_000)]",
    "many objects": "[[] for _ in range(10**6)]",
    "event": "threading.Event().wait(0.3)",
}

_SUITE = """
import asyncio, bz2, collections, gc, hashlib, itertools, json, lzma, marshal, math
import pickle, random, re, subprocess, sys, threading, time, zlib
import pytest

getattr(sys, "set_int_max_str_digits", int)(0)
NAMED = {named!r}
DATA = [{{"a": i, "b": "x" * 20}} for i in range(400_000)]
TEXT, PICKLED, MARSHALLED = json.dumps(DATA), pickle.dumps(DATA), marshal.dumps(DATA)
CHARS = random.Random(1).randbytes(4_000_000).hex()
BYTES = CHARS.encode()
SHUFFLED = random.Random(1).sample(range(2_000_000), 2_000_000)
HELD = []

def loop(count):
    for _ in range(count):
        pass

async def tick():
    while True:
        await asyncio.sleep(0.01)

def work():
    HELD.append({call})

@pytest.mark.asyncio
async def test_it():
    await asyncio.to_thread(int)
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    await asyncio.to_thread(work)
    ticking.cancel()
"""


def _found(call: str) -> list[dict[str, object]]:
    """Run a case; give what blocked the loop in it."""
    with tempfile.TemporaryDirectory() as folder:
        test, report = Path(folder, "test_it.py"), Path(folder, "report.json")
        test.write_text(_SUITE.format(call=call, named=call))
        command = [sys.executable, "-m", "pytest", "-q", str(test)]
        command += ["--asyncbench-blocking=report", f"--asyncbench-report={report}"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            sys.exit(ended.stdout)
        (told,) = json.loads(report.read_text())["tests"]
        found: list[dict[str, object]] = told["record"]["blocking"]
        return [each for each in found if each["kind"] == "kept"]


def main() -> None:
    """Run the cases that were asked for and print the counts."""
    words = sys.argv[1:]
    rounds = int(words.pop(0)) if words and words[0].isdigit() else 1
    counts: Counter[str] = Counter()
    for name, call in [*KEEPING.items(), *INNOCENT.items()]:
        if words and not any(word in name for word in words):
            continue
        for _ in range(rounds):
            kept = _found(call)
            keeps = name in KEEPING
            counts["keeping" if keeps else "innocent"] += 1
            if not keeps:
                counts["false alarms"] += bool(kept)
            else:
                counts["noticed"] += bool(kept)
                in_work = any(each["function"] == "work" for each in kept)
                counts["named in the thread"] += in_work
                counts["by the job alone"] += bool(kept) and not in_work
            if bool(kept) != keeps:
                print(f"{name}: {[each['call'] for each in kept]}", flush=True)
    for what, count in counts.items():
        print(f"{count:6} {what}")


if __name__ == "__main__":
    main()
