"""The frames of all threads, looked at without harm."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack, contextmanager

import pytest
from by_hand import until

from pytest_asyncbench._python import frames as frames_module
from pytest_asyncbench._python.frames import current_frames

MANY = 50


@contextmanager
def waiting_threads():
    """Let many threads stand in calls that nobody has looked at yet."""
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="others don't collect within a C function"
)
def test_a_look_starts_no_garbage_collection():
    """It would run Python code with the list of threads locked, which hangs 3.11."""
    met = []

    def noted(phase, _):
        met.append((phase, sys._getframe(1).f_code))

    with waiting_threads(), ExitStack() as undo:
        undo.callback(gc.set_threshold, *gc.get_threshold())
        gc.collect()
        gc.callbacks.append(noted)
        undo.callback(gc.callbacks.remove, noted)
        gc.set_threshold(MANY // 2)  # one new object for each thread's frame
        current_frames()
    assert ("start", frames_module._of_all.__code__) not in met
    assert met, "it was due, so the next best instruction starts it"


def test_every_other_thread_is_there():
    """The calling one's own frame would make a cycle of the answer."""
    with waiting_threads() as threads:
        frames = current_frames()
    idents = {thread.ident for thread in threads}
    assert frames.keys() >= idents
    assert threading.get_ident() not in frames


def test_a_look_keeps_nothing():
    """What a function has in its variables goes as it returns."""

    class Kept:
        """Stands in a local variable."""

    def stand(gone, over):
        kept = Kept()
        gone.append(weakref.ref(kept))
        over.wait()

    def look():
        frames = current_frames()
        assert frames

    gone, over = [], threading.Event()
    thread = threading.Thread(target=stand, args=(gone, over))
    gc.disable()
    try:
        thread.start()
        until(lambda: gone)
        look()
        over.set()
        thread.join()
        assert gone[0]() is None
    finally:
        gc.enable()


def test_what_a_test_replaces_is_not_called(monkeypatch):
    """It counts its own calls, and may not go on to the real function."""
    for name in ("disable", "enable", "isenabled"):
        monkeypatch.setattr(gc, name, lambda: pytest.fail("called"))
    current_frames()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_stays_on_or_off_as_it_was(enabled):
    """Whoever has turned it off did so for a reason."""
    with ExitStack() as undo:
        undo.callback(gc.enable)
        if not enabled:
            gc.disable()
        current_frames()
        assert gc.isenabled() is enabled


REFUSING = """
import gc, sys
from pytest_asyncbench._python.frames import current_frames

def hook(event, _):
    if event == "sys._current_frames":
        raise PermissionError(event)

sys.addaudithook(hook)
try:
    current_frames()
except PermissionError:
    print(gc.isenabled())
"""


def test_a_refusal_leaves_the_collector_on():
    """An audit hook may forbid to look at other threads; a process has it for good."""
    command = [sys.executable, "-c", REFUSING]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"
