"""The calls of ``interpreter.py``: what is put into threads most often, and its like.

Each is made for a size that grows until the call takes long enough. What it needs is
imported in there, so that a library that is not installed costs its own rows alone.
"""

from __future__ import annotations

import functools
import io
import os
import random
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["CALLS", "Call"]

Make = Callable[[int], Callable[[], object]]


class Call(NamedTuple):
    """A call, and how to get it ready for a size."""

    name: str
    of: str
    """The distribution that it is of; the standard library has none."""
    make: Make


CALLS: dict[str, Call] = {}
"""By their names, in the order of the table."""


def call(name: str, of: str = "") -> Callable[[Make], Make]:
    """Put a call into the table."""

    def put(make: Make) -> Make:
        CALLS[name] = Call(name, of, make)
        return make

    return put


def rows(n: int) -> list[dict[str, Any]]:
    return [{"id": i, "name": f"name {i}", "price": i / 7} for i in range(n)]


def noise(n: int) -> bytes:
    """Bytes that can be packed a little."""
    return os.urandom(1000) * n


def text(n: int) -> str:
    return "".join(f"word{i % 977} and {i}, " for i in range(100 * n))


class Order:
    """Something of the user's, in Python."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __lt__(self, other: Order) -> bool:
        return self.number < other.number


# ----------------------------------------------------------------- Python itself


@call("a loop in Python")
def _(n: int) -> Callable[[], object]:
    return lambda: [i * i % 7 for _ in range(n) for i in range(100)]


@call("sorted(floats)")
def _(n: int) -> Callable[[], object]:
    import random

    given = [random.random() for _ in range(100 * n)]
    return lambda: sorted(given)


@call("sorted(floats, key=lambda …)")
def _(n: int) -> Callable[[], object]:
    # The keys are made by turns, and then nobody is let in until all is sorted. Where
    # that is quick for these, such a call shares.
    shuffled = random.Random(1)
    given = [shuffled.random() for _ in range(100 * n)]
    return lambda: sorted(given, key=lambda one: (one < 0.5, -one))


@call("sorted(objects with __lt__)")
def _(n: int) -> Callable[[], object]:
    given = [Order(i * 7919 % 10007) for i in range(10 * n)]
    return lambda: sorted(given)


@call("pow(a, b, m) of large numbers")
def _(n: int) -> Callable[[], object]:
    number = (1 << 3 * n) - 3
    return lambda: pow(3, number, number - 8)


@call("str.split, str.join")
def _(n: int) -> Callable[[], object]:
    given = text(n)
    return given.split


@call("copy.deepcopy(dicts)")
def _(n: int) -> Callable[[], object]:
    import copy

    given = rows(n)
    return lambda: copy.deepcopy(given)


@call("gc.collect()")
def _(n: int) -> Callable[[], object]:
    import gc

    given = [[i] for i in range(1000 * n)]
    return lambda: (gc.collect(), given)


# ------------------------------------------------------------ the standard library


@call("json.loads(str)")
def _(n: int) -> Callable[[], object]:
    import json

    given = json.dumps(rows(n))
    return lambda: json.loads(given)


@call("json.loads(str, object_hook=…)")
def _(n: int) -> Callable[[], object]:
    import json

    given = json.dumps(rows(n))
    return lambda: json.loads(given, object_hook=lambda one: one)


@call("json.dumps(dicts)")
def _(n: int) -> Callable[[], object]:
    import json

    given = rows(n)
    return lambda: json.dumps(given)


@call("json.dumps(dicts, indent=2)")
def _(n: int) -> Callable[[], object]:
    import json

    given = rows(n)
    return lambda: json.dumps(given, indent=2)


@call("json.dump(dicts, file)")
def _(n: int) -> Callable[[], object]:
    import json

    given = rows(n)
    return lambda: json.dump(given, io.StringIO())


@call("pickle.dumps(dicts)")
def _(n: int) -> Callable[[], object]:
    import pickle

    given = rows(n)
    return lambda: pickle.dumps(given)


@call("pickle.loads(dicts)")
def _(n: int) -> Callable[[], object]:
    import pickle

    given = pickle.dumps(rows(n))
    return lambda: pickle.loads(given)


@call("pickle.loads(objects)")
def _(n: int) -> Callable[[], object]:
    import pickle

    given = pickle.dumps([Order(i) for i in range(10 * n)])
    return lambda: pickle.loads(given)


@call("re.findall")
def _(n: int) -> Callable[[], object]:
    import re

    given, pattern = text(n), re.compile(r"\w+d(\d)\d+ and")
    return lambda: pattern.findall(given)


@call("re.sub(str)")
def _(n: int) -> Callable[[], object]:
    import re

    given, pattern = text(n), re.compile(r"\d+")
    return lambda: pattern.sub("#", given)


@call("re.sub(function)")
def _(n: int) -> Callable[[], object]:
    import re

    given, pattern = text(n), re.compile(r"\d+")
    return lambda: pattern.sub(lambda match: "#", given)


@call("csv.reader(StringIO)")
def _(n: int) -> Callable[[], object]:
    import csv

    given = "".join(f"{i},name {i},{i / 7}\n" for i in range(n))
    return lambda: list(csv.reader(io.StringIO(given)))


@call("csv.DictReader(StringIO)")
def _(n: int) -> Callable[[], object]:
    import csv

    given = "".join(f"{i},name {i},{i / 7}\n" for i in range(n))
    return lambda: list(csv.DictReader(io.StringIO(given), ["a", "b", "c"]))


@call("tomllib.loads")
def _(n: int) -> Callable[[], object]:
    import tomllib

    given = "".join(f"[t{i}]\nname = 'x{i}'\n" for i in range(n))
    return lambda: tomllib.loads(given)


@call("ast.parse")
def _(n: int) -> Callable[[], object]:
    import ast

    given = "value = f(a + 1)[2:3]\n" * n
    return lambda: ast.parse(given)


@call("xml.etree.ElementTree.fromstring")
def _(n: int) -> Callable[[], object]:
    from xml.etree import ElementTree

    given = "<a>" + '<b c="1">text</b>' * n + "</a>"
    return lambda: ElementTree.fromstring(given)


@call("xml.etree.ElementTree.tostring")
def _(n: int) -> Callable[[], object]:
    from xml.etree import ElementTree

    given = ElementTree.fromstring("<a>" + '<b c="1">text</b>' * n + "</a>")
    return lambda: ElementTree.tostring(given)


@call("html.parser.HTMLParser.feed")
def _(n: int) -> Callable[[], object]:
    from html.parser import HTMLParser

    given = "<p class='x'>text</p>" * n
    return lambda: HTMLParser().feed(given)


@call("email.message_from_bytes")
def _(n: int) -> Callable[[], object]:
    import email

    given = b"Subject: x\r\n\r\n" + b"a line of text\r\n" * n
    return lambda: email.message_from_bytes(given)


@call("difflib.SequenceMatcher.ratio")
def _(n: int) -> Callable[[], object]:
    import difflib

    one, other = text(n)[:n], text(n)[7 : n + 7]
    return lambda: difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


@call("base64.b64encode")
def _(n: int) -> Callable[[], object]:
    import base64

    given = noise(n)
    return lambda: base64.b64encode(given)


@call("bytes.decode(), not ASCII")
def _(n: int) -> Callable[[], object]:
    given = ("žluťoučký kůň " * 100 * n).encode()
    return given.decode


@call("zlib.compress")
def _(n: int) -> Callable[[], object]:
    import zlib

    given = noise(n)
    return lambda: zlib.compress(given)


@call("zlib.decompress")
def _(n: int) -> Callable[[], object]:
    import zlib

    given = zlib.compress(noise(n))
    return lambda: zlib.decompress(given)


@call("gzip.compress")
def _(n: int) -> Callable[[], object]:
    import gzip

    given = noise(n)
    return lambda: gzip.compress(given)


@call("bz2.compress")
def _(n: int) -> Callable[[], object]:
    import bz2

    given = noise(n)
    return lambda: bz2.compress(given)


@call("lzma.compress")
def _(n: int) -> Callable[[], object]:
    import lzma

    given = noise(n)
    return lambda: lzma.compress(given)


@call("zipfile.ZipFile.writestr, deflated")
def _(n: int) -> Callable[[], object]:
    import zipfile

    given = noise(n)

    def write() -> None:
        with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("name", given)

    return write


@call("hashlib.sha256(bytes)")
def _(n: int) -> Callable[[], object]:
    import hashlib

    given = noise(n)
    return lambda: hashlib.sha256(given)


@call("hashlib.pbkdf2_hmac")
def _(n: int) -> Callable[[], object]:
    import hashlib

    return lambda: hashlib.pbkdf2_hmac("sha256", b"a", b"b", 100 * n)


@call("hashlib.scrypt")
def _(n: int) -> Callable[[], object]:
    import hashlib

    return lambda: hashlib.scrypt(b"a", salt=b"b", n=1024, r=8, p=n // 100 + 1)


@call("sqlite3: one slow query")
def _(n: int) -> Callable[[], object]:
    import sqlite3

    base = sqlite3.connect(":memory:", check_same_thread=False)
    numbers = "with r(i) as (select 1 union all select i + 1 from r where i < ?)"
    asked = f"{numbers} select sum(i) from r"
    return lambda: base.execute(asked, (100 * n,)).fetchone()


@call("sqlite3: fetchall() of many rows")
def _(n: int) -> Callable[[], object]:
    import sqlite3

    base = sqlite3.connect(":memory:", check_same_thread=False)
    numbers = "with r(i) as (select 1 union all select i + 1 from r where i < ?)"
    asked = f"{numbers} select i, i, i, i from r"
    return lambda: base.execute(asked, (10 * n,)).fetchall()


@call("time.sleep")
def _(n: int) -> Callable[[], object]:
    import time

    return lambda: time.sleep(n / 10_000)


# ------------------------------------------------------------- formats, in C or Rust


@call("orjson.loads", "orjson")
def _(n: int) -> Callable[[], object]:
    import orjson

    given = orjson.dumps(rows(n))
    return lambda: orjson.loads(given)


@call("orjson.dumps", "orjson")
def _(n: int) -> Callable[[], object]:
    import orjson

    given = rows(n)
    return lambda: orjson.dumps(given)


@call("ujson.loads", "ujson")
def _(n: int) -> Callable[[], object]:
    import ujson

    given = ujson.dumps(rows(n))
    return lambda: ujson.loads(given)


@call("simplejson.dumps", "simplejson")
def _(n: int) -> Callable[[], object]:
    import simplejson

    given = rows(n)
    return lambda: simplejson.dumps(given)


@call("msgpack.packb", "msgpack")
def _(n: int) -> Callable[[], object]:
    import msgpack

    given = rows(n)
    return lambda: msgpack.packb(given)


@call("msgpack.unpackb", "msgpack")
def _(n: int) -> Callable[[], object]:
    import msgpack

    given = msgpack.packb(rows(n))
    return lambda: msgpack.unpackb(given)


@call("msgspec.json.decode", "msgspec")
def _(n: int) -> Callable[[], object]:
    import msgspec

    given = msgspec.json.encode(rows(n))
    return lambda: msgspec.json.decode(given)


@call("cbor2.loads", "cbor2")
def _(n: int) -> Callable[[], object]:
    import cbor2

    given = cbor2.dumps(rows(n))
    return lambda: cbor2.loads(given)


@call("cbor2.dumps", "cbor2")
def _(n: int) -> Callable[[], object]:
    import cbor2

    given = rows(n)
    return lambda: cbor2.dumps(given)


@call("yaml.load, CSafeLoader", "PyYAML")
def _(n: int) -> Callable[[], object]:
    import yaml

    given = "- {a: 1, b: text}\n" * n
    return lambda: yaml.load(given, yaml.CSafeLoader)


@call("yaml.safe_load", "PyYAML")
def _(n: int) -> Callable[[], object]:
    import yaml

    given = "- {a: 1, b: text}\n" * n
    return lambda: yaml.safe_load(given)


@functools.cache
def model() -> Any:
    import pydantic

    return pydantic.TypeAdapter(
        list[pydantic.create_model("Row", id=int, name=str, price=float)]
    )


@call("pydantic: validate_json", "pydantic")
def _(n: int) -> Callable[[], object]:
    import json

    given, adapter = json.dumps(rows(n)), model()
    return lambda: adapter.validate_json(given)


@call("pydantic: validate_python", "pydantic")
def _(n: int) -> Callable[[], object]:
    given, adapter = rows(n), model()
    return lambda: adapter.validate_python(given)


@call("pydantic: dump_json", "pydantic")
def _(n: int) -> Callable[[], object]:
    adapter = model()
    given = adapter.validate_python(rows(n))
    return lambda: adapter.dump_json(given)


@call("jsonschema.validate", "jsonschema")
def _(n: int) -> Callable[[], object]:
    import jsonschema

    shape = {"type": "array", "items": {"required": ["id", "name"]}}
    given = rows(n)
    return lambda: jsonschema.validate(given, shape)


@call("lxml.etree.fromstring", "lxml")
def _(n: int) -> Callable[[], object]:
    from lxml import etree

    given = "<a>" + '<b c="1">text</b>' * n + "</a>"
    return lambda: etree.fromstring(given, etree.XMLParser(huge_tree=True))


@call("lxml.etree.parse(path)", "lxml")
def _(n: int) -> Callable[[], object]:
    import tempfile

    from lxml import etree

    file = tempfile.NamedTemporaryFile(suffix=".xml")  # noqa: SIM115 - kept for the call
    file.write(b"<a>" + b'<b c="1">text</b>' * n + b"</a>")
    file.flush()
    return lambda: etree.parse(file.name, etree.XMLParser(huge_tree=True))


@call("lxml: xpath", "lxml")
def _(n: int) -> Callable[[], object]:
    from lxml import etree

    tree = etree.fromstring("<a>" + '<b c="1">text</b>' * n + "</a>")
    return lambda: tree.xpath("count(//b[@c='1' and contains(., 'x')])")


@call("lxml.etree.tostring", "lxml")
def _(n: int) -> Callable[[], object]:
    from lxml import etree

    tree = etree.fromstring("<a>" + '<b c="1">text</b>' * n + "</a>")
    return lambda: etree.tostring(tree)


@call("bs4.BeautifulSoup(html, 'lxml')", "beautifulsoup4")
def _(n: int) -> Callable[[], object]:
    import bs4

    given = "<p class='x'>text</p>" * n
    return lambda: bs4.BeautifulSoup(given, "lxml")


@call("jinja2: render", "jinja2")
def _(n: int) -> Callable[[], object]:
    import jinja2

    page = jinja2.Template("{% for row in rows %}<p>{{ row.name|e }}</p>{% endfor %}")
    given = rows(n)
    return lambda: page.render(rows=given)


@call("markdown.markdown", "Markdown")
def _(n: int) -> Callable[[], object]:
    import markdown

    given = "# head\n\nsome *text* here\n\n" * n
    return lambda: markdown.markdown(given)


@call("openpyxl: save", "openpyxl")
def _(n: int) -> Callable[[], object]:
    import openpyxl

    book = openpyxl.Workbook()
    for i in range(n):
        book.active.append([i, f"name {i}"])
    return lambda: book.save(io.BytesIO())


@call("regex.sub(str)", "regex")
def _(n: int) -> Callable[[], object]:
    import regex

    # It looks for each match without the interpreter. Where there are very many, it
    # shares.
    given, pattern = text(n), regex.compile(r"\b(\w+)7 and \d+77777\b")
    return lambda: pattern.sub("#", given)


@call("rapidfuzz.process.extract", "rapidfuzz")
def _(n: int) -> Callable[[], object]:
    from rapidfuzz import process

    given = [f"name {i} of {i * 7}" for i in range(n)]
    return lambda: process.extract("name 77 of 5", given)


# ------------------------------------------------------------------- packing, secrets


@call("zstandard: compress", "zstandard")
def _(n: int) -> Callable[[], object]:
    import zstandard

    given = noise(n)
    return lambda: zstandard.compress(given, 9)


@call("brotli.compress", "brotli")
def _(n: int) -> Callable[[], object]:
    import brotli

    given = noise(n)
    return lambda: brotli.compress(given, quality=5)


@call("lz4.frame.compress", "lz4")
def _(n: int) -> Callable[[], object]:
    import lz4.frame

    given = noise(n)
    return lambda: lz4.frame.compress(given, compression_level=9)


@call("xxhash.xxh64(bytes)", "xxhash")
def _(n: int) -> Callable[[], object]:
    import xxhash

    given = noise(n)
    return lambda: xxhash.xxh64(given)


@call("bcrypt.hashpw", "bcrypt")
def _(n: int) -> Callable[[], object]:
    import bcrypt

    salt = bcrypt.gensalt(min(14, 4 + (n // 200).bit_length()))
    return lambda: bcrypt.hashpw(b"secret", salt)


@call("argon2.PasswordHasher.hash", "argon2-cffi")
def _(n: int) -> Callable[[], object]:
    import argon2

    hasher = argon2.PasswordHasher(time_cost=n // 200 + 1, parallelism=1)
    return lambda: hasher.hash("secret")


@call("cryptography: AESGCM.encrypt", "cryptography")
def _(n: int) -> Callable[[], object]:
    from cryptography.hazmat.primitives.ciphers import aead

    cipher, given = aead.AESGCM(bytes(32)), noise(n)
    return lambda: cipher.encrypt(bytes(12), given, None)


@call("cryptography: Fernet.encrypt", "cryptography")
def _(n: int) -> Callable[[], object]:
    from cryptography import fernet

    cipher, given = fernet.Fernet(fernet.Fernet.generate_key()), noise(n)
    return lambda: cipher.encrypt(given)


@call("cryptography: RSA signatures", "cryptography")
def _(n: int) -> Callable[[], object]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 4096)
    how = padding.PKCS1v15(), hashes.SHA256()
    return lambda: [key.sign(b"text", *how) for _ in range(n // 100 + 1)]


@call("cryptography: PBKDF2HMAC.derive", "cryptography")
def _(n: int) -> Callable[[], object]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return lambda: PBKDF2HMAC(hashes.SHA256(), 32, b"salt", 100 * n).derive(b"a")


# ------------------------------------------------------------ pictures, figures, tables


@call("PIL: decode a JPEG", "pillow")
def _(n: int) -> Callable[[], object]:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((1000, n), 50).convert("RGB").save(file, "JPEG")
    return lambda: Image.open(io.BytesIO(file.getvalue())).load()


@call("PIL: save a PNG", "pillow")
def _(n: int) -> Callable[[], object]:
    from PIL import Image

    given = Image.effect_noise((1000, n), 50)
    return lambda: given.save(io.BytesIO(), "PNG")


@call("PIL: resize", "pillow")
def _(n: int) -> Callable[[], object]:
    from PIL import Image

    given = Image.new("RGB", (1000, n))
    return lambda: given.resize((2000, n), Image.Resampling.LANCZOS)


@call("PIL: filter(GaussianBlur)", "pillow")
def _(n: int) -> Callable[[], object]:
    from PIL import Image, ImageFilter

    given = Image.new("RGB", (1000, n))
    return lambda: given.filter(ImageFilter.GaussianBlur(5))


@call("numpy: a @ b", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = np.ones((n // 2 + 1, 1000))
    return lambda: given @ given.T


@call("numpy.sort", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = np.random.default_rng(1).random(1000 * n)
    return lambda: np.sort(given)


@call("numpy: a * b + c, large", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = np.ones(1000 * n)
    return lambda: given * given + given


@call("numpy.array(list)", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = [float(i) for i in range(100 * n)]
    return lambda: np.array(given)


@call("numpy: tolist", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = np.ones(100 * n)
    return given.tolist


@call("numpy.linalg.svd", "numpy")
def _(n: int) -> Callable[[], object]:
    import numpy as np

    given = np.random.default_rng(1).random((n // 4 + 2, 200))
    return lambda: np.linalg.svd(given, full_matrices=False)


@call("scipy.linalg.svd", "scipy")
def _(n: int) -> Callable[[], object]:
    import numpy as np
    import scipy.linalg

    given = np.random.default_rng(1).random((n // 4 + 2, 200))
    return lambda: scipy.linalg.svd(given, full_matrices=False)


@call("scipy.fft.fft", "scipy")
def _(n: int) -> Callable[[], object]:
    import numpy as np
    import scipy.fft

    given = np.ones(1000 * n)
    return lambda: scipy.fft.fft(given)


@call("scipy.signal.convolve2d", "scipy")
def _(n: int) -> Callable[[], object]:
    import numpy as np
    import scipy.signal

    one, other = np.ones((n, 100)), np.ones((20, 20))
    return lambda: scipy.signal.convolve2d(one, other)


@functools.cache
def table(n: int) -> Any:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    many = 100 * n
    return pd.DataFrame(
        {"key": rng.integers(0, 1000, many), "value": rng.random(many)}
    ).assign(name=lambda frame: frame["key"].map("name {}".format))


@call("pandas.read_csv(BytesIO)", "pandas")
def _(n: int) -> Callable[[], object]:
    import pandas as pd

    given = table(n).to_csv(index=False).encode()
    return lambda: pd.read_csv(io.BytesIO(given))


@call("pandas: to_csv", "pandas")
def _(n: int) -> Callable[[], object]:
    given = table(n)
    return lambda: given.to_csv(index=False)


@call("pandas: groupby(…).sum", "pandas")
def _(n: int) -> Callable[[], object]:
    given = table(n)
    return lambda: given.groupby("name")["value"].sum()


@call("pandas: merge", "pandas")
def _(n: int) -> Callable[[], object]:
    given, other = table(n), table(10).drop_duplicates("key")
    return lambda: given.merge(other, on="key")


@call("pandas: apply(function)", "pandas")
def _(n: int) -> Callable[[], object]:
    given = table(n)["value"]
    return lambda: given.apply(lambda value: value * 2)


@call("pandas: sort_values", "pandas")
def _(n: int) -> Callable[[], object]:
    given = table(n)
    return lambda: given.sort_values("value")


@call("polars: group_by(…).agg", "polars")
def _(n: int) -> Callable[[], object]:
    import polars as pl

    given = pl.DataFrame({"key": [i % 1000 for i in range(100 * n)]})
    return lambda: given.group_by("key").agg(pl.len())


@call("pyarrow.csv.read_csv(BytesIO)", "pyarrow")
def _(n: int) -> Callable[[], object]:
    import pyarrow.csv

    given = b"a,b,c\n" + b"".join(b"%d,x%d,1.5\n" % (i, i) for i in range(10 * n))
    return lambda: pyarrow.csv.read_csv(io.BytesIO(given))


@call("pyarrow: to_pylist", "pyarrow")
def _(n: int) -> Callable[[], object]:
    import pyarrow as pa

    given = pa.array(range(10 * n))
    return given.to_pylist


@call("duckdb: one slow query", "duckdb")
def _(n: int) -> Callable[[], object]:
    import duckdb

    base = duckdb.connect()
    asked = f"select sum(hash(i)) from range({1000 * n}) r(i)"
    return lambda: base.execute(asked).fetchall()


@call("shapely.from_wkb(array)", "shapely")
def _(n: int) -> Callable[[], object]:
    import shapely

    given = [shapely.Point(1, 2).buffer(1).wkb] * n
    return lambda: shapely.from_wkb(given)


@call("shapely.buffer(array)", "shapely")
def _(n: int) -> Callable[[], object]:
    import shapely

    given = [shapely.Point(i, 2) for i in range(n)]
    return lambda: shapely.buffer(given, 2.0)
