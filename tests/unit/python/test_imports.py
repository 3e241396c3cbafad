"""A module that is awaited is told of when it is loaded, and is as it would be else."""

from __future__ import annotations

import copy
import importlib.util
import pkgutil
import sys
import threading

import pytest

from pytest_asyncbench._python import when_imported

NAMES = ("orchard", "orchard.apples", "orchard.pears")


@pytest.fixture
def orchard(tmp_path, monkeypatch):
    """A package with a module that can be loaded, and one that can't."""
    folder = tmp_path / "orchard"
    folder.mkdir()
    (folder / "__init__.py").write_text("ripe = True")
    (folder / "apples.py").write_text("import orchard.pears\nred = True")
    (folder / "pears.py").write_text(
        "if not hasattr(__import__('sys'), 'pears'): 1 / 0"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = [*sys.meta_path]
    yield folder
    assert sys.meta_path == path
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def told(orchard):
    """What was told of, while somebody waits for all of it."""
    told = []

    def then(name):
        told.append((name, [*vars(sys.modules[name])][-1]))

    undo = when_imported(NAMES, then)
    yield told
    undo()
    undo()


def test_it_is_told_when_all_of_it_has_run(told):
    """Once; what comes later is another's."""
    importlib.import_module("orchard")
    assert told == [("orchard", "ripe")]
    importlib.reload(sys.modules["orchard"])
    assert len(told) == 1


def test_its_loader_is_the_one_that_it_would_have_had(told):
    """By which its source is found, and what lies beside it."""
    made = importlib.import_module("orchard")
    assert made.__loader__ is made.__spec__.loader
    assert type(made.__loader__).__module__.startswith("_frozen_importlib")


def test_who_only_looks_for_it_is_given_all_that_its_loader_can(told, orchard):
    """Nothing is loaded by that, and it is told when it is."""
    loader = importlib.util.find_spec("orchard").loader
    assert loader.get_filename("orchard") == str(orchard / "__init__.py")
    assert loader.get_source("orchard") == "ripe = True"
    assert loader.is_package("orchard")
    assert not hasattr(loader, "bear_fruit")
    assert told == []
    importlib.import_module("orchard")
    assert told == [("orchard", "ripe")]


def test_a_file_beside_it_is_found_before_it_is_loaded(told):
    """Its data is asked of the loader by which it then is."""
    assert pkgutil.get_data("orchard", "__init__.py") == b"ripe = True"
    assert told == [("orchard", "ripe")]


def test_what_was_found_can_be_copied(told):
    """With a loader that stands for the same one."""
    copied = copy.copy(importlib.util.find_spec("orchard").loader)
    assert copied.get_source("orchard") == "ripe = True"


def test_one_that_fails_is_told_of_when_it_succeeds(told, monkeypatch):
    """Its error is its own."""
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("orchard.pears")
    assert [name for name, _ in told] == ["orchard"]
    monkeypatch.setattr(sys, "pears", True, raising=False)
    importlib.import_module("orchard.apples")
    assert [name for name, _ in told] == ["orchard", "orchard.pears", "orchard.apples"]


def test_one_that_is_not_there_is_not_there(told, orchard):
    """With the error that Python has for that."""
    (orchard / "apples.py").unlink()
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        importlib.import_module("orchard.apples")


def test_another_thread_tells_as_well(told):
    """In that thread, before its import comes back."""
    seen = []

    def run():
        importlib.import_module("orchard")
        seen.extend(told)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [name for name, _ in seen] == ["orchard"]


def test_nothing_is_told_after_the_undo(orchard):
    """And none of it is left behind."""
    told = []
    when_imported(NAMES, told.append)()
    importlib.import_module("orchard")
    assert told == []
