"""The families that rules are switched on by, and which are on unasked."""

from __future__ import annotations

__all__ = ["DEFAULT_FAMILIES", "FAMILIES", "FAMILY_HELP"]

FAMILY_HELP: dict[str, str] = {
    "sleep": "Sleeping while the loop waits.",
    "network": "Blocking sockets, name lookups, TLS and its certificates.",
    "subprocess": "Starting processes and waiting for them.",
    "locks": "Waiting for another thread or process: locks, events, queues, futures.",
    "database": "Database drivers that have no asynchronous face.",
    "input": "Asking the person at the terminal.",
    "signals": "Waiting for a signal.",
    "files": "Opening, reading, listing and changing files.",
}

FAMILIES: tuple[str, ...] = tuple(FAMILY_HELP)

# A family is on where its calls wait for somebody else: a peer, a process, a
# thread, a person. Such a wait has no upper bound; that it took 2 ms in a test is
# luck, since the server was local, and the same line takes seconds in production.
# So it counts however quick it was.
#
# Files are off. Opening a small local file takes microseconds here and there, and
# nobody's latency hides behind it; asyncio itself has no file API, and healthy
# suites open files by the hundred. Reporting these would drown the one HTTP
# request that matters. A file that is slow is a stall, which is reported anyway.
# Certificates come from files, too, yet count: see the row.
DEFAULT_FAMILIES: frozenset[str] = frozenset(FAMILIES) - {"files"}
