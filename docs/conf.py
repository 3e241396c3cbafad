"""How Sphinx makes the site of the pages beside this file.

``python -m sphinx -W --keep-going docs build/site`` builds it. What is wrong with a
page, such as a link to no heading, or a page that is in no menu, is an error then.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

project = "pytest-asyncbench"
copyright = "the pytest-asyncbench developers"  # noqa: A001 - Sphinx's name for it
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 4  # as GitHub makes them, so that a link is right in both places

_ROOT = Path(__file__).parents[1]
_OUTWARDS = re.compile(r"\[([^\]]*)\]\(\.\./([^)#\s]+)[^)]*\)")


def setup(app: Any) -> None:
    """Register what is done to the pages; called by Sphinx."""
    app.connect("source-read", _end_links_that_lead_out)


def _end_links_that_lead_out(_: Any, name: str, source: list[str]) -> None:
    """Make paths of the links to examples and benchmarks, which the site has not.

    In a checkout they lead somewhere, and have to.
    """

    def path(link: re.Match[str]) -> str:
        text, target = link.groups()
        if not (_ROOT / target).exists():
            raise FileNotFoundError(f"docs/{name}.md links to {target}, which is gone")
        target = target.rstrip("/")
        return f"`{target}`" if text.strip("`/") == target else f"{text} (`{target}`)"

    source[0] = _OUTWARDS.sub(path, source[0])
