"""Reads and writes of files that were opened elsewhere, and of what is let off."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._python import capture, to_stack
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

ALL = frozenset(FAMILIES)


@pytest.fixture
def keep():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def interception(keep):
    interception = Interception(RULES, SYSTEM_CLOCK)
    keep.callback(interception.install())
    yield interception
    assert interception.failures == []


@pytest.fixture
def told(interception, keep):
    """Give what is told of a function that is called on the thread of a loop."""

    def told(function, *args):
        heard = []

        def listener(rule, began, seconds, frame, place):
            heard.append((rule.target, frame.f_code.co_name))

        async def main():
            with ExitStack() as undo:
                undo.callback(interception.listen(listener, ALL))
                function(*args)

        asyncio.run(main())
        return heard

    return told


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_text("line\n" * 5)
    return path


def test_a_loop_over_the_lines_of_an_open_file_is_told_where_it_reads(told, path, keep):
    """The lines are read by a slot of the type; what it reads them from is a method."""
    file = keep.enter_context(path.open())

    def lines_of():
        return [line for line in file]  # noqa: C416  # the loop itself

    assert {target for target, _ in told(lines_of)} == {"io.FileIO.readinto"}


def test_who_writes_from_c_is_told_as_any(told, tmp_path, keep):
    """`print` has no frame, and asks the file for its method by name."""
    file = keep.enter_context((tmp_path / "new").open("w"))

    def shout():
        print("x", file=file)  # to a file

    assert {*told(shout)} == {("io.TextIOWrapper.write", "shout")}


def test_a_flush_is_told_once_and_not_what_it_hands_on(told, tmp_path, keep):
    """A text has a buffer, and that has a file."""
    file = keep.enter_context((tmp_path / "new").open("w"))
    file.write("x")
    assert [target for target, _ in told(lambda: file.flush())] == [
        "io.TextIOWrapper.flush"
    ]
    assert (tmp_path / "new").read_text() == "x"


def test_a_handler_of_logging_is_told_where_it_writes(told, tmp_path, keep):
    """Its file was open before the loop began; all else in logging is let off."""
    handler = logging.FileHandler(tmp_path / "log")
    keep.callback(handler.close)
    heard = told(handler.handle, logging.makeLogRecord({"msg": "hello"}))
    assert [target for target, _ in heard] == [
        "io.TextIOWrapper.write",
        "io.TextIOWrapper.flush",
    ]


def test_a_file_that_was_opened_on_the_loop_is_told_of_by_that_alone(told, path):
    """Who hears of its `open` knows of it."""
    assert [target for target, _ in told(path.read_text)] == ["pathlib.Path.open"]
    assert [target for target, _ in told(path.write_bytes, b"x")] == [
        "pathlib.Path.open"
    ]

    def by_hand():
        with open(path, "r+") as file:  # noqa: PTH123  # the row's own call
            file.write(file.readline())

    assert [target for target, _ in told(by_hand)] == ["builtins.open"]


def test_one_that_was_opened_for_an_earlier_listener_is_told_of(told, path, keep):
    """What one test opened may be read by the next."""
    opened = []
    told(lambda: opened.append(keep.enter_context(path.open())))
    assert [target for target, _ in told(lambda: opened[0].read())] == [
        "io.TextIOWrapper.read"
    ]


def test_a_pipe_is_waited_for_unless_it_does_not_block(told, keep):
    """What a child writes comes when it likes; `open` of a descriptor opens nothing."""
    reader, writer = os.pipe()
    os.write(writer, b"line\n")
    os.close(writer)
    file = keep.enter_context(os.fdopen(reader, "rb"))
    assert [target for target, _ in told(lambda: file.readline())] == [
        "io.BufferedReader.readline"
    ]
    reader, writer = os.pipe()
    os.close(writer)
    os.set_blocking(reader, False)
    file = keep.enter_context(os.fdopen(reader, "rb"))
    assert told(lambda: file.readline()) == []


def test_the_terminal_the_null_device_and_memory_are_never_told(told, keep):
    """Nor is pytest's capture, whatever stands for the standard streams."""
    null = Path(os.devnull).open("w")  # noqa: SIM115  # closed with the test
    keep.callback(null.close)

    def speak():
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, null):
            print("x", file=stream, flush=True)  # to a file
        sys.stdout.flush()
        sys.stdout.buffer.write(b"x")
        io.TextIOWrapper(io.BytesIO(b"x")).read()

    assert told(speak) == []


def test_a_stream_of_pytests_is_let_off_after_another_took_its_place(told, capsys):
    """A handler may have been given the capture of the whole run."""
    speak = logging.StreamHandler(sys.__stdout__)
    with capsys.disabled():
        stale = logging.StreamHandler(sys.stdout)
    record = logging.makeLogRecord({"msg": ""})
    assert told(speak.handle, record) == told(stale.handle, record) == []


def test_a_file_of_a_socket_is_told_as_the_socket(told, interception, keep):
    """Its row has the advice that fits; what the line called is its own method."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        keep.callback(each.close)
    theirs.sendall(b"line\n" * 2)
    file = keep.enter_context(ours.makefile("rb", 5))
    assert [target for target, _ in told(lambda: file.readline())] == [
        "socket.socket.recv_into"
    ]
    called = []

    def listener(rule, began, seconds, frame, place):
        raw = capture(frame, frozenset({main.__code__}))
        called.extend(each.qualified for each in to_stack((None, raw[1]))[:2])

    async def main():
        file.readline()

    keep.callback(interception.listen(listener, ALL))
    asyncio.run(main())
    assert called == ["socket.SocketIO.readinto", "io.BufferedReader.readline"]


def test_to_close_what_is_only_read_is_never_told(told, path):
    """A file is flushed as it is closed, and there is nothing to flush."""
    file = path.open()
    assert told(lambda: file.close()) == []


def test_a_closed_file_says_so_and_is_not_told(told, path):
    """Its error is the caller's, as it would be without us."""
    file = path.open()
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        told(lambda: file.read())


def test_what_others_read_meanwhile_is_not_told(told, path, keep):
    """Only a thread that runs a loop keeps one waiting."""
    file = keep.enter_context(path.open())

    def elsewhere():
        reader = threading.Thread(target=lambda: file.read())
        reader.start()
        while reader.is_alive():
            pass

    assert told(elsewhere) == []


def test_the_types_are_as_they_were_while_nobody_listens(told, interception, path):
    """They are everybody's, and each call of another thread would pay."""
    before = {**vars(io.TextIOWrapper)}
    seen = []
    told(lambda: seen.append(vars(io.TextIOWrapper)["read"]))
    assert seen[0] is not before["read"]
    assert seen[0].__qualname__ == "TextIOWrapper.read"
    assert dict(vars(io.TextIOWrapper)) == before
    undo = interception.listen(lambda *_: None, ALL - {"files"})
    assert dict(vars(io.TextIOWrapper)) == before
    undo()
