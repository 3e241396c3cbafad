"""The picture of who was in flight when, in characters."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._words.decided import TaskTrace
from pytest_asyncbench._words.units import seconds

__all__ = ["timeline"]

_BAR = 40
_MOST = 20


def timeline(tasks: Sequence[TaskTrace], most: int = _MOST) -> list[str]:
    """Draw when each task was in flight, and what it did with that time."""
    spans = [
        (task, task.started, task.finished)
        for task in tasks
        if task.started is not None and task.finished is not None
    ]
    if not spans:
        return []
    origin = min(started for _, started, _ in spans)
    end = max(finished for _, _, finished in spans)
    width = max(len(task.name) for task, _, _ in spans[:most])
    lines = [
        f"{task.name:<{width}} "
        f"|{_bar(started - origin, finished - origin, end - origin)}| {_shares(task)}"
        for task, started, finished in spans[:most]
    ]
    if len(spans) > most:
        lines.append(f"… and {len(spans) - most} more")
    return lines


def _bar(began: float, ended: float, whole: float) -> str:
    scale = _BAR / whole if whole else 0.0
    left = min(_BAR - 1, round(began * scale))
    length = max(1, min(_BAR - left, round((ended - began) * scale)))
    return f"{' ' * left}{'━' * length}".ljust(_BAR)


def _shares(task: TaskTrace) -> str:
    parts = (
        ("running", task.running),
        ("waiting", task.waiting),
        ("queued", task.queued),
    )
    return ", ".join(
        f"{name} {seconds(value)}" for name, value in parts if value >= 5e-5
    )
