"""Predicates on executors that are shut down: whether one is at work still."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pool

from pytest_asyncbench._interception.predicates.arguments import argument
from pytest_asyncbench._interception.predicates.registry import predicate
from pytest_asyncbench._interception.signatures import Args, Kwargs
from pytest_asyncbench._loops import names
from pytest_asyncbench._python import current_frames, has_gil

__all__: list[str] = []

# Held here, so that nobody's patch comes in between.
_WORKER_CODE = names.WORKER.of(pool).__code__


@predicate
def executor_at_rest(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether no thread of the executor has a job, or `wait` is false."""
    # ``with ThreadPoolExecutor()`` around awaited jobs is good code, and its end
    # finds workers that are idle, or still on their way back from such a job.
    if not argument(args, kwargs, 1, "wait", True):
        return True
    executor: ThreadPoolExecutor = args[0]
    workers = [each for each in names.THREADS.of(executor) if each.is_alive()]
    at_end = names.WORK_QUEUE.of(executor).empty() or names.SHUTDOWN.of(executor)
    return not workers or (at_end and not any(map(_has_a_job, workers)))


def _has_a_job(worker: threading.Thread) -> bool:
    # The executor's own count of idle threads is too high up to Python 3.11, and the
    # thread is not yet counted when whoever awaited the job goes on. The worker's
    # main loop knows which job it has, and the job's future whether it is done.
    frame = current_frames().get(worker.ident or 0)
    while frame is not None and frame.f_code is not _WORKER_CODE:
        frame = frame.f_back
    if frame is None or not has_gil():  # then what it does cannot be read
        return False
    job = frame.f_locals.get("work_item")
    return job is not None and not job.future.done()


@predicate
def executor_without_processes(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the executor has started no process, or `wait` is false."""
    # The thread that manages the processes is started along with the first of them.
    if not argument(args, kwargs, 1, "wait", True):
        return True
    return names.MANAGER_THREAD.of(args[0]) is None
