"""The pages of docs/ make a site, and no link of any page leads nowhere.

``.ci/run`` builds the site, too, in an environment in which Sphinx is sure to be.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.glob("*.md")),
    *sorted(ROOT.glob("examples/**/README.md")),
    *sorted(ROOT.glob("benchmarks/**/README.md")),
]

_FENCES = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def load(path):
    """Give a script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


conf = load(DOCS / "conf.py")


def prose(path):
    """Give a page without its blocks of code."""
    return _FENCES.sub("", path.read_text(encoding="utf-8"))


def anchors(path):
    """Give the names of a page's headings, as GitHub and the site make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in _HEADING.findall(prose(path))
    }


def dead_links(page):
    """Give the links of a page that lead to no file and no heading."""
    for link in _LINK.findall(prose(page)):
        if ":" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_of_a_page_leads_somewhere(page):
    """To a file of the project, and where it names a heading, to that."""
    assert list(dead_links(page)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    """A file or a heading that is gone."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One two\n[](#one-two) [](#two) [](page.md#one-two) [](gone.md)\n"
    )
    assert list(dead_links(page)) == ["#two", "gone.md"]


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[an example](../examples/02_budget)", "an example (`examples/02_budget`)"),
        (
            "[benchmarks/](../benchmarks/README.md)",
            "benchmarks/ (`benchmarks/README.md`)",
        ),
        ("[examples](../examples/)", "`examples`"),
        ("[here](adopt.md)", "[here](adopt.md)"),
    ],
)
def test_what_the_site_has_not_is_named_by_its_path(link, shown):
    """The page's link is for those who read it in a checkout."""
    source = [link]
    conf._end_links_that_lead_out(None, "page", source)
    assert source == [shown]


def test_a_link_out_of_the_site_to_nothing_is_an_error():
    """By the page that has it."""
    with pytest.raises(FileNotFoundError, match=r"docs/page\.md links to gone, which"):
        conf._end_links_that_lead_out(None, "page", ["[it](../gone)"])


def build(docs, site):
    """Build the site as ``.ci/run`` does."""
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip('Sphinx is missing: pip install -e ".[docs]"')
    return subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", docs, site],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_site_is_built_without_a_warning(tmp_path):
    """Each page in a menu, each link right, and the search in it."""
    done = build(DOCS, tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert (tmp_path / "search.html").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# New\n", "document isn't included in any toctree"),
        ("---\norphan: true\n---\n# New\n[](adopt.md#gone)\n", "'gone'"),
    ],
)
def test_a_page_with_a_fault_fails_the_site(tmp_path, text, told):
    """One in no menu, or with a link to a heading that is not there."""
    docs = shutil.copytree(DOCS, tmp_path / "docs")
    (docs / "new.md").write_text(text)
    # What leads out of this copy is asked for at the checkout.
    conf = docs / "conf.py"
    conf.write_text(
        conf.read_text().replace("Path(__file__)", f"Path({str(DOCS)!r}, 'x')")
    )
    done = build(docs, tmp_path / "site")
    assert done.returncode == 1
    assert told in done.stderr
