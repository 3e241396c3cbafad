"""Source files, read between looks."""

from __future__ import annotations

import linecache
import os

import pytest

from pytest_asyncbench._python.sources import read_source

TEXT = "# -*- coding: latin-1 -*-\nname = 'Zo\xeb'\r\nlast = 1"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "module.py"
    file.write_bytes(TEXT.encode("latin-1"))
    yield str(file)
    linecache.cache.pop(str(file), None)


def test_linecache_knows_what_was_read_as_if_it_had_read_it(path):
    read_source(path, lambda: None)
    found = linecache.cache.pop(path)
    linecache.getlines(path)
    size, modified, lines, name = linecache.cache[path]
    assert found[:2] == (size, modified)
    assert [line.rstrip("\n") for line in found[2]] == [
        line.rstrip("\n") for line in lines
    ]
    assert found[3] == name


def test_somebody_may_look_around_each_call_of_the_system(path):
    """And is not asked to where nothing is read."""
    looks = []
    read_source(path, lambda: looks.append(path in linecache.cache))
    assert looks == [False] * 5
    read_source(path, lambda: looks.append(True))
    assert looks == [False] * 5


@pytest.mark.parametrize(
    "path", ["<string>", "", "nowhere.py", "with\0null", os.curdir]
)
def test_what_is_no_file_is_left_to_linecache(path):
    read_source(path, lambda: None)
    assert path not in linecache.cache


def test_a_file_in_no_known_encoding_is_left_to_linecache(tmp_path):
    path = tmp_path / "module.py"
    path.write_bytes(b"# coding: nonsense\n")
    read_source(str(path), lambda: None)
    assert str(path) not in linecache.cache
