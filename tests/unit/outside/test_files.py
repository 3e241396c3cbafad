"""Files of a run's own: written whole or not at all, one run after the other."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_asyncbench._outside import files
from pytest_asyncbench._outside.files import (
    change_file,
    insist_on_one_use,
    insist_on_writing,
)
from pytest_asyncbench._words.errors import PolicyError


def test_a_file_is_made_and_changed(tmp_path):
    """The change is told what is there, and nothing else is left beside."""
    path = tmp_path / "it.txt"
    told = []

    def change(text):
        told.append(text)
        return f"{text or ''}line\n"

    change_file(path, change)
    change_file(path, change)
    assert told == [None, "line\n"]
    assert path.read_text() == "line\nline\n"
    assert [each.name for each in tmp_path.iterdir()] == ["it.txt"]


def test_what_is_the_same_is_not_written(tmp_path):
    """So that nobody's build begins anew for it."""
    path = tmp_path / "it.txt"
    path.write_text("same\n")
    os.utime(path, (1, 1))
    change_file(path, lambda text: text)
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_change_that_fails_leaves_all_as_it_was(tmp_path, error):
    """The file, and what would lock it."""
    path = tmp_path / "it.txt"
    path.write_text("old\n")

    def change(text):
        raise error("no")

    with pytest.raises(error):
        change_file(path, change)
    assert path.read_text() == "old\n"
    assert [each.name for each in tmp_path.iterdir()] == ["it.txt"]


def test_ends_of_lines_links_and_permissions_stay(tmp_path):
    """What a checkout has made of the file is none of our affair."""
    path, link = tmp_path / "it.txt", tmp_path / "link.txt"
    path.write_bytes(b"one\r\n")
    path.chmod(0o640)
    mode = stat.S_IMODE(path.stat().st_mode)
    link.symlink_to(path)
    change_file(link, lambda text: "one\ntwo\n")
    assert path.read_bytes() == b"one\r\ntwo\r\n"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == mode


ADDING = """
import sys
from pathlib import Path
from pytest_asyncbench._outside.files import change_file
_, path, name = sys.argv
for number in range(20):
    line = f"{name}{number}\\n"
    change_file(Path(path), lambda text: (text or "") + line)
"""


def test_two_runs_at_once_lose_nothing(tmp_path):
    """Who comes second waits, and adds to what the first has written."""
    path = tmp_path / "it.txt"
    command = [sys.executable, "-c", ADDING, str(path)]
    runs = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [run.wait() for run in runs] == [0, 0]
    lines = path.read_text().split()
    assert sorted(lines) == sorted(f"{n}{i}" for n in "ab" for i in range(20))


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path, monkeypatch):
    """After all the waits, in which it has not changed."""
    waits = []
    monkeypatch.setattr(files.time, "sleep", waits.append)
    path = tmp_path / "it.txt"
    (tmp_path / "it.txt.lock").write_text("half of it")
    change_file(path, lambda text: "whole\n")
    assert path.read_text() == "whole\n"
    assert 5 <= sum(waits) <= 60
    assert [each.name for each in tmp_path.iterdir()] == ["it.txt"]


def test_a_lock_that_changes_hands_is_waited_for(tmp_path, monkeypatch):
    """Many runs that write in turn are not killed runs."""
    path, lock = tmp_path / "it.txt", tmp_path / "it.txt.lock"
    lock.write_text("")
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        os.utime(lock, (1, len(waits) // 50))
        if len(waits) == 500:
            lock.unlink()

    monkeypatch.setattr(files.time, "sleep", sleep)
    change_file(path, lambda text: "whole\n")
    assert len(waits) == 500


def test_what_can_not_be_written_is_told_before(tmp_path):
    """A folder, none where there should be one, a file instead, what is read-only."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    guarded = tmp_path / "guarded"
    guarded.write_text("")
    guarded.chmod(0o444)
    for name, told in {
        "folder": "it is a folder",
        "none/it": f"there is no folder 'none' in {str(tmp_path)!r}",
        "folder/two/three/it": f"'two/three' in {str(tmp_path / 'folder')!r}",
        "file/it": "there is no folder 'file'",
        "guarded": "guarded is read-only",
    }.items():
        with pytest.raises(OSError, match=re.escape(told)):
            insist_on_writing(tmp_path / name)
    insist_on_writing(tmp_path / "new")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "file",
        "folder",
        "guarded",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_no_file_to_write(tmp_path):
    """It would be waited for without end; and a device be replaced by a file."""
    os.mkfifo(tmp_path / "pipe")
    for path in tmp_path / "pipe", Path(os.devnull):
        with pytest.raises(OSError, match="it is a pipe or a device, and no file"):
            insist_on_writing(path)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_file_has_one_use(tmp_path):
    """By whichever name it is called; and the same report twice is one report."""
    here, link = tmp_path / "it.json", tmp_path / "link.json"
    other = tmp_path / "folder" / ".." / "it.json"
    insist_on_one_use([("report", here), ("report", other), ("history", link)])
    with pytest.raises(PolicyError, match=r"it\.json: can.t be both baseline and"):
        insist_on_one_use([("baseline", here), ("report", other)])
    link.symlink_to(here)
    with pytest.raises(PolicyError, match=r"link\.json: can't be both report and hist"):
        insist_on_one_use([("report", here), ("history", link)])
