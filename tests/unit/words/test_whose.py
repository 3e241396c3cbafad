"""Whose a file is: what counts as installed, wherever a system puts packages."""

from __future__ import annotations

import os
import runpy
import site
import sys

import pytest
from by_hand import library, standard, user

from pytest_asyncbench._words import whose
from pytest_asyncbench._words.seen import Frame


def installed():
    """The folders of packages, asked for anew."""
    return runpy.run_path(whose.__file__)["INSTALLED"]


def test_packages_of_the_user_and_of_the_system_are_installed_ones(
    tmp_path, monkeypatch
):
    """Not only those of the folders that sysconfig tells."""
    debian = str(tmp_path / "usr" / "lib" / "python3" / "dist-packages")
    user = str(tmp_path / "home" / "lib" / "python3.12" / "site-packages")
    monkeypatch.setattr(site, "getsitepackages", lambda: [debian])
    monkeypatch.setattr(site, "getusersitepackages", lambda: user)
    assert {debian + os.sep, user + os.sep} <= set(installed())


def test_packages_of_an_environment_underneath_are_installed_ones(
    tmp_path, monkeypatch
):
    """`uv run --with` names that one's folder in the path, and a project lies there."""
    below = str(tmp_path / ".venv" / "lib" / "python3.12" / "site-packages")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path), below])
    added = {folder for folder in installed() if folder.startswith(str(tmp_path))}
    assert added == {below + os.sep}


def test_only_folders_of_that_name_hold_packages(tmp_path, monkeypatch):
    """On Windows the whole installation is told among them; a project may lie there."""
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(tmp_path)])
    assert not any(folder.startswith(str(tmp_path)) for folder in installed())


def test_a_python_that_cannot_tell_where_users_install_is_no_problem(monkeypatch):
    """There are those without such a folder, and old virtualenvs without the words."""
    whole = installed()
    monkeypatch.setattr(site, "getusersitepackages", lambda: None)
    assert set(installed()) <= set(whole)
    monkeypatch.delattr(site, "getsitepackages")
    monkeypatch.delattr(site, "getusersitepackages")
    assert set(installed()) <= set(whole)


OURS = Frame(file=whose.__file__, line=1, function="f", module="pytest_asyncbench")


@pytest.mark.parametrize(
    ("frame", "plumbing"),
    [
        (OURS, True),
        (standard("sleep", "asyncio.tasks"), True),
        (library("setup", "pytest_asyncio.plugin"), True),
        (standard("recv", "socket"), False),
        (library("get", "asyncio_helpers"), False),
        (user(), False),
    ],
    ids=lambda value: getattr(value, "module", None),
)
def test_plumbing_is_what_runs_a_tests_code(frame, plumbing):
    """Packages by their whole name, and the rest of the standard library not."""
    assert whose.is_plumbing(frame) is plumbing
