"""Each block of code in the README and in docs/ runs as it is printed.

A block that is a fragment has its surroundings here, and what comes of its tests. One
that is new has none, and fails. So does a command or setting that pytest does not take.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from pytest_asyncbench._glue.options import OPTIONS

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(python|ini|toml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
OUTPUT = re.compile(
    r"(?:(?!```).)*?<!-- output -->\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE
)
"""What a block prints: below it, with no other block in between."""
CONSOLE = re.compile(r"^```(?:console|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^ *(?:\$|- run:|-) (python -m pytest_asyncbench|pytest) (.*)$")
"""At a prompt, or in a job of CI."""
COMMANDS = sorted(
    {
        (found[1], re.sub(r"\$\{\{.*?\}\}", "1", found[2]))
        for page in PAGES
        for block in CONSOLE.findall(page.read_text(encoding="utf-8"))
        for line in block.splitlines()
        if (found := COMMAND.match(line))
    }
)
SETTING = re.compile(r"--asyncbench[a-z-]*|\basyncbench_[a-z_]+")


@dataclass(frozen=True)
class Printed:
    """A block, and where it stands."""

    page: str
    kind: str
    code: str
    output: str = ""
    """What it is said to print."""

    @property
    def opening(self) -> str:
        """The line that nobody else begins with."""
        lines = [line for line in self.code.splitlines() if line.strip()]
        plain = ("import ", "from ", "[", "asyncbench_blocking")
        return next((n for n in lines if not n.startswith(plain)), lines[0])


@dataclass(frozen=True)
class Around:
    """What a block needs to run, and what is to come of it."""

    before: str = ""
    after: str = ""
    ini: str = ""
    name: str = "test_it"
    files: dict[str, str] = field(default_factory=dict)
    is_conftest: bool = False
    outcomes: dict[str, int] = field(default_factory=lambda: {"passed": 1})
    told: str = ""
    """What the run says of it."""


def blocks() -> Iterator[Printed]:
    """Give every block of code of every page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            shown = OUTPUT.match(text, block.end())
            yield Printed(page.name, *block.groups(), shown[1] if shown else "")


IMPORTS = "import asyncio\nfrom datetime import datetime\nimport pytest\n"

# Virtual, so that three calls of nearly a second need none, and end in their order.
A_SITE = f"""{IMPORTS}
pytestmark = pytest.mark.virtual_time

class Client:
    async def get(self, path):
        await asyncio.sleep(1)

@pytest.fixture
def client():
    return Client()

async def user(number):
    await asyncio.sleep(0.9)

async def orders(number):
    await asyncio.sleep(1)

async def ads(number):
    await asyncio.sleep(0.8)
"""

RETRIES = f"""{IMPORTS}
async def fetch():
    raise OSError

async def retry(work, attempts):
    for attempt in range(attempts):
        try:
            await work()
        except OSError:
            await asyncio.sleep(2**attempt)
"""

LEGACY = {"legacy/__init__.py": "", "legacy/db.py": "def query(): pass\n"}
CALLS_LEGACY = """
import pytest
import legacy.db

async def test_legacy():
    legacy.db.query()
"""
TAKES = "class Queue:\n    def take(self, timeout): pass\n"

PAYMENTS = """import asyncio
import pytest

class Account:
    balance = 0
    async def pay(self, amount):
        for _ in range(amount // 5 - 1):
            await asyncio.sleep(0)
        balance = self.balance
        await asyncio.sleep(0)
        self.balance = balance + amount

@pytest.fixture
def account():
    return Account()

"""

TUTORIAL = "import asyncio\nimport time\n\nimport pytest\n\n\n"
CALL = f"""{TUTORIAL}async def call(number):
    await asyncio.sleep(1)  # a request, a query, a message
    return number


"""
PARSE = f"""{TUTORIAL}def parse(answer):
    time.sleep(0.15)  # asks somebody, and waits
    return answer


async def call(number):
    await asyncio.sleep(1)  # a request, a query, a message
    return parse(number)


"""

AROUND: dict[str, Around] = {
    "async def call(number):": Around(),
    '@pytest.mark.budget("2.5s")': Around(
        before=CALL, name="test_calls", outcomes={"failed": 1}
    ),
    '@pytest.mark.budget("2.5s", speedup=3)': Around(before=CALL),
    "def parse(answer):": Around(
        before=TUTORIAL, name="test_calls", outcomes={"failed": 1}
    ),
    "@pytest.mark.no_blocking": Around(
        before=PARSE, name="test_calls", outcomes={"failed": 1}
    ),
    "async def test_run(concurrently):": Around(before=CALL),
    "@pytest.mark.virtual_time": Around(before=CALL),
    '@pytest.mark.budget("10s")': Around(before=A_SITE, outcomes={"passed": 2}),
    "async def ask(seconds):": Around(name="test_page", outcomes={"failed": 1}),
    '@pytest.mark.allow_blocking("the till is old", calls=["time.sleep"])': Around(
        outcomes={"passed": 2}, told="allowed 1 time: the till is old"
    ),
    "def discount(price):  # deep inside a library": Around(
        outcomes={"failed": 1}, told="promised at least 3"
    ),
    '@pytest.mark.budget(1.5, speedup=3)  # seconds, "250ms", "2min" or a timedelta': (
        Around(before=A_SITE, outcomes={"passed": 5})
    ),
    "asyncbench_budget = 5s": Around(
        files={
            "shop/__init__.py": "",
            "shop/licence.py": "def read():\n    return open(__file__).read()\n",
        },
        before="""
import shop.licence

async def test_start():
    assert shop.licence.read()
""",
    ),
    "asyncbench_baseline = asyncbench-baseline.txt": Around(
        files={
            "asyncbench-baseline.txt": "# asyncbench baseline, version 1\n"
            "test_it.test_old > time.sleep  # as of today\n"
        },
        before="import time\n\nasync def test_old():\n    time.sleep(0.001)\n",
        told="the baseline accepted 1 place, 1 time, for ",
    ),
    "asyncbench_history = .asyncbench.db": Around(
        before="async def test_page(): pass\n",
        told="history .asyncbench.db: 1 test added",
    ),
    '@pytest.mark.virtual_time(start="2026-01-01T00:00:00Z")': Around(before=RETRIES),
    "asyncbench_calls = database: legacy.db.query  # legacy.aio.query(...)": Around(
        ini="asyncbench_blocking = error",
        files=LEGACY,
        before=CALLS_LEGACY,
        outcomes={"failed": 1},
        told="use: legacy.aio.query(...)",
    ),
    "def pytest_asyncbench_rules(config):": Around(
        ini="asyncbench_blocking = error",
        is_conftest=True,
        files={**LEGACY, "legacy/queue.py": TAKES},
        before="""
import legacy.db, legacy.queue

async def test_query():
    legacy.db.query()

async def test_take():
    legacy.queue.Queue().take(timeout=1)

async def test_take_at_once():
    legacy.queue.Queue().take(timeout=0)
""",
        # Each of the two pages has a row of its own.
        outcomes={"failed": 1, "passed": 2},
        told="use: ",
    ),
    "@pytest.mark.cancellations": Around(
        before=PAYMENTS.replace("async def pay", "async def withdraw"),
    ),
    "@pytest.mark.schedules(200)": Around(
        before=PAYMENTS,
        outcomes={"failed": 1},
        told="fails under schedule ",
    ),
    '@pytest.mark.virtual_time(start="2026-01-01T00:00:00Z", tz="Europe/Paris")': (
        Around(before=IMPORTS)
    ),
    "async def main():": Around(
        after="""
def test_ran():
    assert [one.call for one in seen] == ["time.sleep"]
    assert "time.sleep" in open("blocking.md").read()
"""
    ),
    'clock = VirtualClock("2026-01-01T00:00:00Z")': Around(
        after="\ndef test_ran():\n    assert clock.elapsed == 3600\n"
    ),
}


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module by which the examples' output is compared, too."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    return pytest.importorskip("checking")


def alike(checking: ModuleType, text: str) -> str:
    """Take out what differs from run to run.

    The length of a bar is one such thing, and into how many a wait of the critical path
    falls: steps between two of them may be too short to be told.
    """
    text = re.sub(r"\|[━ ]+\|", "|<bar>|", checking.normalised(text))
    return re.sub(
        r"(<time> of <time>: .*), \d+ times$", r"\1", text, flags=re.MULTILINE
    )


@pytest.mark.parametrize("block", [*blocks()], ids=lambda block: block.opening[:40])
def test_a_block_runs_as_it_is_printed(
    pytester: pytest.Pytester, checking: ModuleType, block: Printed
) -> None:
    """With the surroundings that it has here, which none must lack."""
    around = AROUND.get(block.opening)
    assert around is not None, (
        f"the block of {block.page} that has {block.opening!r} needs a row in AROUND"
    )
    ini = around.ini
    if block.kind == "ini":
        ini = block.code.removeprefix("[pytest]\n") + ini
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        f"pythonpath = .\n{ini}"
    )
    for name, text in around.files.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    code = block.code if block.kind == "python" else ""
    if around.is_conftest:
        pytester.makeconftest(code)
        code = ""
    pytester.makepyfile(**{around.name: around.before + code + around.after})
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rP")
    run.assert_outcomes(**around.outcomes)
    assert around.told in run.stdout.str()
    assert alike(checking, block.output) in alike(checking, run.stdout.str())
    assert "that nothing used" not in run.stdout.str()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_output_stands_below_a_block(page: Path) -> None:
    """Else nobody would hold it against anything."""
    shown = page.read_text(encoding="utf-8").count("<!-- output -->")
    compared = [block for block in blocks() if block.page == page.name and block.output]
    assert len(compared) == shown


@pytest.mark.parametrize(("program", "arguments"), COMMANDS)
def test_a_command_runs_as_it_is_printed(
    pytester: pytest.Pytester, program: str, arguments: str
) -> None:
    """On a suite that passes, which it does not fail, or on its parts."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        "import asyncio, pytest\n"
        "def test_sync(): asyncio.run(asyncio.sleep(0))\n"
        "@pytest.mark.asyncio\nasync def test_async(): pass\n"
    )
    words = shlex.split(arguments)
    if program == "pytest":
        if "--asyncbench-history-mode=read" in words:  # what an earlier run has kept
            earlier = [word for word in words if not word.endswith("=read")]
            pytester.runpytest_inprocess("-p", "no:cacheprovider", *earlier)
        run = pytester.runpytest_inprocess("-p", "no:cacheprovider", *words)
        assert run.ret == pytest.ExitCode.OK
        return
    words = [word.replace("*", "1") for word in words]
    read = [word for word in words if re.fullmatch(r"[\w-]+\.json", word)]
    assert read, "it reads what a run has written"
    for name in read:
        pytester.runpytest_inprocess(f"--asyncbench-report={name}")
    combined = pytester.run(sys.executable, "-m", "pytest_asyncbench", *words)
    assert combined.ret == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_setting_that_a_page_names_is_there(page: Path) -> None:
    """In the table that ini file and command line are read by."""
    there = {"--asyncbench", *(name for o in OPTIONS for name in (o.flag, o.ini))}
    named = set(SETTING.findall(page.read_text(encoding="utf-8")))
    assert named - there == set()
