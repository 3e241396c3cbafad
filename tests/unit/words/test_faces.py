"""A room's face: a file is loaded with the first of its names."""

from __future__ import annotations

import importlib
import sys

import pytest

from pytest_asyncbench._words.faces import face


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room of two files, one of which can't be loaded."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "east.py").write_text("Picture = 'a picture'")
    (folder / "west.py").write_text("raise RuntimeError('closed')")
    monkeypatch.syspath_prepend(tmp_path)
    room = importlib.import_module("gallery")
    room.__getattr__ = face("gallery", {"east": "Picture", "west": "Statue Vase"})
    yield room
    for name in ("gallery", "gallery.east", "gallery.west"):
        sys.modules.pop(name, None)


def test_a_name_loads_its_file_and_no_other(room):
    """And stands in the room from then on."""
    assert "gallery.east" not in sys.modules
    assert room.Picture == "a picture"
    assert vars(room)["Picture"] == "a picture"
    assert "gallery.west" not in sys.modules


def test_a_name_that_is_not_there_is_told_as_python_tells_it(room):
    """With the room's own name."""
    with pytest.raises(AttributeError, match="'gallery' has no attribute 'Door'"):
        _ = room.Door


def test_a_file_that_fails_is_told_with_its_own_error(room):
    """Not as a name that is missing."""
    with pytest.raises(RuntimeError, match="closed"):
        _ = room.Vase
