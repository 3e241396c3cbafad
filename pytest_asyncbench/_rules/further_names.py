"""By which names the standard library offers a row's function, beside the row's own.

A report has the row's name, and an allowance holds for any of them: `io.open` is
`builtins.open`, and a `multiprocessing.Process` joins as a `BaseProcess` does.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FURTHER_NAMES"]

FURTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "builtins.open": ("io.open",),
    "pathlib.Path.open": ("pathlib.PosixPath.open", "pathlib.WindowsPath.open"),
    "threading.Semaphore.acquire": ("threading.BoundedSemaphore.acquire",),
    "threading.Thread.join": ("threading.Timer.join",),
    "queue.Queue.get": ("queue.LifoQueue.get", "queue.PriorityQueue.get"),
    "queue.Queue.put": ("queue.LifoQueue.put", "queue.PriorityQueue.put"),
    "queue.Queue.join": ("queue.LifoQueue.join", "queue.PriorityQueue.join"),
    "concurrent.futures.ThreadPoolExecutor.shutdown": (
        "concurrent.futures.InterpreterPoolExecutor.shutdown",
    ),
    "multiprocessing.process.BaseProcess.join": ("multiprocessing.Process.join",),
    "multiprocessing.queues.Queue.get": ("multiprocessing.queues.JoinableQueue.get",),
}
