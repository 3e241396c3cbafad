"""The predicates that a rule's `harmless` can name.

Each tells from a call's arguments, before it is made, that it cannot wait. What is
asked of an object must not change it, nor wait itself. None of them knows the rule
that asks, nor who calls. The first sentence of each one's docstring says for a person
when a call is harmless; docs/known-calls.md lists them.
"""

from __future__ import annotations

# These put their predicates into the registry.
from pytest_asyncbench._interception.predicates import (  # noqa: F401
    arguments,
    executors,
    processes,
    sockets,
    threads,
)
from pytest_asyncbench._interception.predicates.registry import PREDICATES

__all__ = ["PREDICATES"]
