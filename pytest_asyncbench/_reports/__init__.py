"""Verdict to text: every line that a person reads of it."""
