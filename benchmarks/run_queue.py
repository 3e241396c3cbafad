"""Whether a sleep is told from a wait for a processor: by the system, and by us.

Run it as ``python benchmarks/run_queue.py [--seconds N] [--beside K]``. Threads sleep
for 0.2 s, beside processes that work and rest by turns, so that threads are moved from
processor to processor. It is counted how often the account of the run queue grew by
20 ms more than there was time for beside the sleep: as the system tells it, and as the
plugin's clock does, which is told of a sleep as the loop's poll would tell it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from _table import print_table

from pytest_asyncbench._words.clock import SystemClock, current_thread_ids

SLEEP = 0.2
MORE = 0.02
THREADS = 16
BY_TURNS = """
import random, time
while True:
    until = time.process_time() + 0.05 * random.random()
    while time.process_time() < until:
        pass
    time.sleep(0.02 * random.random())
"""


def queued(native: int) -> float:
    """Give for how long a thread has stood in the run queue, by the system."""
    account = Path(f"/proc/self/task/{native}/schedstat").read_text()
    return int(account.split()[1]) / 1e9


def sleep_on(
    clock: SystemClock, ended: float, counts: Counter[str], counting: threading.Lock
) -> None:
    """Sleep again and again, and count what the accounts tell of it."""
    ids = current_thread_ids()
    let_go = clock.hold(ids[1])
    while (began := time.perf_counter()) < ended:
        system, ours = queued(ids[1]), clock.processor(*ids).starved or 0.0
        sleeps = time.perf_counter()
        time.sleep(SLEEP)
        clock.slept(ids[1], SLEEP, sleeps + SLEEP)
        system = queued(ids[1]) - system
        ours = (clock.processor(*ids).starved or 0.0) - ours
        most = time.perf_counter() - began - SLEEP + MORE
        with counting:
            counts.update(sleeps=1, system=system > most, ours=ours > most)
    let_go()


def main() -> None:
    """Print how many sleeps were told as waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--beside", type=int, default=6)
    asked = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("only Linux tells the account")
    counts: Counter[str] = Counter()
    with ExitStack() as company:
        for _ in range(asked.beside):
            busy = subprocess.Popen([sys.executable, "-S", "-c", BY_TURNS])
            company.callback(busy.wait)
            company.callback(busy.kill)
        ended, counting = time.perf_counter() + asked.seconds, threading.Lock()
        of_all = (SystemClock(), ended, counts, counting)
        threads = [
            threading.Thread(target=sleep_on, args=of_all) for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    row = ("told as time in the queue", str(counts["system"]), str(counts["ours"]))
    title = f"Linux {os.uname().release} · {counts['sleeps']} sleeps of {SLEEP} s"
    print_table(title, (f"beside {asked.beside}", "system", "ours"), [row])


if __name__ == "__main__":
    main()
