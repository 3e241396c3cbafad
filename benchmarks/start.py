"""What the plugin costs a run that asks for nothing: its processor time, all in all.

Run it as ``python benchmarks/start.py [rounds]``. Each figure is that of a pytest of
its own, which runs one empty test; runs with the plugin and with ``-p no:asyncbench``
take turns. The first round is not counted: it writes the bytecode files.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from _table import WITHOUT, print_table, processor_time, rounds_from

CASES = {
    "as installed": (),
    "alone": ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:xdist"),
}
"""Beside the plugins that need asyncio themselves, and without them."""


def row(name: str, folder: Path, options: tuple[str, ...], rounds: int) -> list[str]:
    """Measure one case; the difference is taken within a round."""
    pairs = [
        (
            processor_time(folder, *options),
            processor_time(folder, *WITHOUT, *options),
        )
        for _ in range(rounds + 1)
    ][1:]
    ours, bare = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    more = statistics.median(a - b for a, b in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    return [
        name,
        f"{bare * 1e3:.1f} ms",
        f"{ours * 1e3:.1f} ms",
        f"{ratio:.3f}",
        f"{more * 1e3:+.1f} ms",
    ]


if __name__ == "__main__":
    rounds = rounds_from(sys.argv[1:], 15)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing(): pass\n")
        print_table(
            "a run of one empty test, processor time",
            ["", "without", "with", "ratio", "difference"],
            [row(name, folder, options, rounds) for name, options in CASES.items()],
        )
