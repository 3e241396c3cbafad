"""The calls of ``kept.py``: those that keep the interpreter, and those that do not.

Each is an expression of Python's. It is evaluated in a pool's thread, among the names
of ``_kept_program.py``. A call of a library that is not installed is left out, aloud.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["INNOCENT", "KEEPING", "Innocent"]

KEEPING = {
    "json.loads": "json.loads(TEXT)",
    "json.dumps": "json.dumps(DATA)",
    "pickle.loads": "pickle.loads(PICKLED)",
    "pickle.dumps": "pickle.dumps(DATA)",
    "marshal.dumps": "marshal.dumps(DATA * 12)",
    "marshal.loads": "marshal.loads(MARSHALLED)",
    "re.match": 're.match("(a+)+b", "a" * 25)',
    "re.findall": 're.findall("[a-f]+[0-9]", CHARS)',
    "re.sub": 're.sub("[a-f]", "-", CHARS)',
    "sorted": "sorted(SHUFFLED)",
    "list.sort": "SHUFFLED.copy().sort()",
    "pow": "pow(3, 2_500_000)",
    "heapq.heapify": "heapq.heapify(SHUFFLED * 3)",
    "bytes.fromhex": "bytes.fromhex(CHARS * 24)",
    "math.factorial": "math.factorial(160_000)",
    "sum": "sum(range(20_000_000))",
    "max": "max(range(20_000_000))",
    "list": "list(range(12_000_000))",
    "set": "set(range(6_000_000))",
    "dict": "dict.fromkeys(range(6_000_000))",
    "tuple": "tuple(range(12_000_000))",
    "bytes.count": "(BYTES * 24).count(b'ab')",
    "str.replace": '(CHARS * 6).replace("a", "bb")',
    "str.split": '(CHARS * 8).split("a")',
    "str.translate": "(CHARS * 8).translate({97: 98})",
    "collections.Counter": "collections.Counter(CHARS * 4)",
    "collections.deque": "collections.deque(range(15_000_000))",
    "itertools": "collections.deque(itertools.permutations(range(11)), maxlen=0)",
}
"""One call in C that needs the interpreter to its end."""


class Innocent(NamedTuple):
    """A call that keeps nobody waiting, or no call but something else that does."""

    call: str
    needs: str = ""
    """The module without which it is left out."""
    since: tuple[int, int] = (3, 10)
    """The first Python that has it."""


_LETS_GO = {
    "zlib.compress": Innocent("zlib.compress(BYTES)"),
    "zlib.crc32": Innocent("[zlib.crc32(BYTES) for _ in range(100)]"),
    "gzip.compress": Innocent("gzip.compress(BYTES)"),
    "bz2.compress": Innocent("bz2.compress(BYTES[:2_000_000])"),
    "lzma.compress": Innocent("lzma.compress(BYTES[:2_000_000])"),
    "hashlib.sha256": Innocent("hashlib.sha256(LARGE).digest()"),
    "hashlib.sha512": Innocent("hashlib.sha512(LARGE).digest()"),
    "hashlib.blake2b": Innocent("hashlib.blake2b(LARGE).digest()"),
    "hashlib.sha3_256": Innocent("hashlib.sha3_256(LARGE).digest()"),
    "hashlib.pbkdf2": Innocent('hashlib.pbkdf2_hmac("sha256", b"a", b"b", 400_000)'),
    "hashlib.scrypt": Innocent(
        'hashlib.scrypt(b"a", salt=b"b", n=16384, r=8, p=2)', needs="_hashlib"
    ),
    "sqlite3": Innocent("count_in_sqlite(3_000_000)", needs="sqlite3"),
    "numpy, product": Innocent("MATRIX @ MATRIX", needs="numpy"),
    "numpy.sort": Innocent("numpy.sort(MATRIX, axis=None)", needs="numpy"),
    "numpy.linalg.svd": Innocent("numpy.linalg.svd(MATRIX[:500, :500])", needs="numpy"),
}
"""They compute, in C, and let go of the interpreter meanwhile.

Their data is there before: to multiply 8 MB by 8 keeps the interpreter for 50 ms."""

_WAITS = {
    "time.sleep": Innocent("time.sleep(0.3)"),
    "event": Innocent("threading.Event().wait(0.3)"),
    "queue": Innocent("take(queue.Queue(), 0.3)"),
    "lock": Innocent("HELD_LOCK.acquire(timeout=0.3)"),
    "socket": Innocent("receive(0.3)"),
    "select": Innocent("select.select([], [], [], 0.3)"),
    "subprocess": Innocent(
        'subprocess.run([sys.executable, "-c", "sum(range(10**7))"])'
    ),
    "read": Innocent("[open(__file__).read() for _ in range(5_000)]"),
    "write": Innocent("write(BYTES, 4)"),
}

_SHARES = {
    "pure Python": Innocent("[i * i for i in range(3_000_000)] and None"),
    "pure Python in four threads": Innocent("in_threads(4, loop, 1_500_000)"),
    "pure Python and zlib": Innocent("in_threads(2, mixed, BYTES)"),
    "generator": Innocent("sum(i * i for i in range(3_000_000))"),
    "json.loads, object_hook": Innocent(
        "json.loads(SHORT_TEXT, object_hook=lambda met: met)"
    ),
    "json.dumps, indent": Innocent(
        "None if sys.version_info >= (3, 14) else loop(10**6)"
    ),
    "re.sub, function": Innocent('re.sub("[a-f]", lambda met: "-", CHARS[:1_000_000])'),
    "copy.deepcopy": Innocent("copy.deepcopy(DATA[:60_000])"),
    "sorted, objects": Innocent("sorted(map(Ordered, SHUFFLED[:50_000])) and None"),
    "csv.DictReader": Innocent('list(csv.DictReader(["a,b"] + ["1,2"] * 300_000))'),
    "difflib": Innocent(
        "difflib.SequenceMatcher(a=CHARS[:4000], b=CHARS[4000:8000]).ratio()"
    ),
    "many short calls": Innocent("[json.loads('[1]') for _ in range(150_000)]"),
    "many objects": Innocent("[[] for _ in range(10**6)]"),
}
"""They give way each time that they are asked.

Of what is freed at the end there is little: 150,000 objects at once keep the
interpreter for 50 ms, and for twice that on a busy machine.
"""

_ELSEWHERE = {
    "process pool": Innocent("in_processes(pow, 3, 2_500_000)"),
    "subinterpreters": Innocent(
        "in_interpreters(sum, range(20_000_000))", since=(3, 14)
    ),
    "a collection": Innocent("grow_until_collected()"),
    "a stopped process": Innocent("stop_for(0.4)"),
    "busy processes beside": Innocent("beside_busy(6, loop, 2_000_000)"),
    "busy processes, zlib": Innocent("beside_busy(6, zlib.compress, BYTES)"),
}
"""Whatever keeps the loop waiting there, no call of a thread of its process does."""

INNOCENT = {**_LETS_GO, **_WAITS, **_SHARES, **_ELSEWHERE}
