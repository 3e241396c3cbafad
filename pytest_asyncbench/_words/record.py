"""The record of a test: what its reports carry, of JSON's own types."""

from __future__ import annotations

__all__ = ["NOT_WATCHED", "PROPERTY"]

PROPERTY = "asyncbench"
"""The name of the user property of a report that carries the record."""


NOT_WATCHED = "not watched: "
"""How a problem begins that is a rule's which names what can't be wrapped."""
