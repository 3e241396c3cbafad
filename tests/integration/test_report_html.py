"""The page in a browser: what is drawn, filtered and chosen by key.

One page with a script of this test's behind its own, which does what a person would and
writes down what came of it; Chromium gives the page back as it is then.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape

import pytest
from run_by_hand import NASTY, told_of

from pytest_asyncbench._reports.html import html_report

TESTS = 1_000
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STEPS = """
const said = {};
const key = (box, name) =>
  box.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
const titles = () => [...document.querySelectorAll(".row b")].map((b) => b.textContent);
const detail = () => document.querySelector("#detail h2").textContent;
said.rows = document.querySelectorAll(".row").length;
document.getElementById("tab-tests").click();
said.tests = document.getElementById("list").firstChild.offsetHeight / ROW;
said.drawn = document.querySelectorAll(".row").length;
key(document.getElementById("list"), "End");
said.last = detail();
key(document.getElementById("list"), "ArrowUp");
said.chosen = document.querySelectorAll('.row[aria-selected="true"]').length;
const filter = document.getElementById("filter");
filter.value = "alert";
filter.dispatchEvent(new Event("input"));
key(filter, "Enter");
said.found = titles();
said.title = detail();
said.scripts = document.scripts.length;
const canvas = document.querySelector("canvas");
const words = () => document.querySelector(".timeline .said").textContent;
for (const way of ["Down", "Down", "Down", "Right", "Right"]) {
  key(canvas, "Arrow" + way);
}
said.span = words();
key(canvas, "w");
said.waker = words();
key(canvas, "ArrowDown");
key(canvas, "Home");
key(canvas, "w");
said.woken = words();
const panes = document.querySelector(".panes");
const told = () => document.querySelector(".courses .said").textContent;
const picked = (kind) => [...document.querySelectorAll(".pane")].map(
  (pane) => pane.querySelector("." + kind)?.textContent ?? null);
const texts = (all) =>
  [...document.querySelectorAll(all)].map((one) => one.textContent);
said.panes = texts(".pane h4");
said.lanes = texts(".pane .lane");
said.kept = document.querySelectorAll(".wait.kept").length;
said.again = document.querySelector(".told code").textContent;
said.facts = texts("dl.facts > div").filter((one) => /^(Canc|Did)/.test(one));
said.left = [...document.querySelectorAll("#detail h3")].at(-1)
  .nextSibling.textContent;
key(panes, "h");
said.held = told();
said.both = [picked("chosen"), picked("twin")];
key(panes, "ArrowLeft");
said.crossed = told();
key(panes, "End");
said.last_step = told();
key(panes, "ArrowUp");
said.up = told();
const alone = { ...report.tests[0], timeline: null };
alone.schedules = { runs: 1, found_at: 1, replay: "v1" };
alone.courses = { ...alone.courses, passing: null };
document.getElementById("detail").replaceChildren(...testDetail(alone, report, open));
said.alone = [told(), document.querySelectorAll(".pane").length];
filter.value = "nothing is called so";
filter.dispatchEvent(new Event("input"));
said.none = document.getElementById("none").hidden;
const quiet = { ...report.tests[0], timeline: null, schedules: null, courses: null };
quiet.blocking = quiet.path = quiet.whatIf = quiet.leaks = [];
said.quiet = testDetail(quiet, report, open).at(-1).textContent;
shown = "places";
said.off = nothing();
const result = document.createElement("pre");
result.id = "said";
result.textContent = JSON.stringify(said);
document.body.append(result);
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Give what came of the steps above."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium here: what the page does in a browser is not tested")
    folder = tmp_path_factory.mktemp("page")
    names = [f"test_it.py::test_{number}" for number in range(TESTS)]
    page = folder / "page.html"
    whole = html_report(told_of(*names, NASTY))
    text = whole.replace("</body>", f"<script>{STEPS}</script></body>")
    page.write_text(text, "utf-8")
    asked = [*QUIET, f"--user-data-dir={folder}/me", "--dump-dom", page.as_uri()]
    try:
        ran = subprocess.run(
            [browser, *asked],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=200,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("chromium does not answer here")
    if ran.returncode or "</html>" not in ran.stdout:
        pytest.skip(f"chromium does not run here: {ran.stderr[-300:]}")
    told = re.search(r'<pre id="said">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert told, ran.stderr
    return json.loads(unescape(told[1]))


def test_what_is_drawn_is_what_is_looked_at(said):
    """Of thousands of tests a few dozen rows are there."""
    assert said["tests"] == TESTS + 1
    assert 0 < said["drawn"] < 100


def test_the_lists_are_used_by_key(said):
    """Down to the last one; and one row is chosen at a time."""
    assert said["last"].startswith("test_")
    assert said["chosen"] == 1


def test_the_filter_finds_by_name_and_names_are_text(said):
    """A name that looks like markup is shown as it is written, and runs nothing."""
    assert said["found"][0] == said["title"] == NASTY.partition("::")[2]
    assert said["scripts"] == 3
    assert said["none"] is False


def test_the_timeline_is_used_by_key_and_told_in_words(said):
    """From span to span, and from one that was woken to who woke it."""
    assert said["span"].startswith("holds <b> blocked the loop for 100 µs, from 700 µs")
    assert "time.sleep, a.py:5 in f" in said["span"]
    assert said["waker"] == said["span"]  # a timer ended that wait, and no task
    assert said["woken"].startswith("holds <b> ran for 100 µs")


def test_the_passing_and_the_failing_run_stand_side_by_side(said):
    """With the same tasks, whose names are text, and a bar where one was held."""
    assert said["panes"] == ["Passes in asyncio's own order", "Fails under schedule 7"]
    assert said["lanes"] == ["step", "test", "pays <b>", "pays too"] * 2
    assert said["kept"] == 1
    assert said["again"] == "pytest --asyncbench-schedule=v1:0:1.1@1:f"


def test_what_runs_left_and_where_they_were_cancelled_is_told(said):
    """How often, and where; their names are text."""
    assert said["facts"] == ["Cancelled at7 awaits of 1,200", "Did not hold1 time"]
    assert said["left"] == (
        "3 of 1,000pays <b>shop/lock.py:4 in pay1 of 1,0002 descriptors"
    )


def test_two_runs_are_used_by_key_and_told_in_words(said):
    """From step to step, to what was held, and to the same wake-up in the other run."""
    assert said["held"].startswith(
        "pays <b> began at shop/account.py:18 in pay and was over: step 3 of 4. "
        "It was held: it could have gone on after step 1, and 1 step of others came"
    )
    assert said["held"].endswith("Where it passes, that is step 2.")
    assert said["both"] == [[None, "18 → over"], ["18 → over", None]]
    assert said["crossed"].endswith(
        "It went on at once. The failing run holds it. Where it fails, that is step 3."
    )
    assert (
        "a line that is not known and was over: step 4 of 4, at 1.500 s"
        in (said["last_step"])
    )
    assert said["up"].startswith("pays too began at")


def test_a_run_by_a_given_schedule_stands_alone(said):
    """And the page says why."""
    text, panes = said["alone"]
    assert text.startswith("It was run by a given schedule alone")
    assert panes == 1


def test_the_page_does_not_say_that_nothing_blocked_where_nobody_looked(said):
    """Nor that nothing was promised of a test of which there is no more to tell."""
    assert said["off"].startswith("What blocks was not looked for")
    assert said["quiet"] == "There is no more to tell of it."
