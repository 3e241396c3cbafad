"""``asyncbench_baseline``: places accepted as of today, and how the file is kept."""

from __future__ import annotations

import pytest

FILE = "base.txt"
ERROR = "--asyncbench-blocking=error"
UPDATE = "--asyncbench-update-baseline"
USE = f"--asyncbench-baseline={FILE}"
FIRST = "# asyncbench baseline, version 1\n"
NO_STALLS = "--asyncbench-threshold=30s"
"""What a busy machine does to a step is no part of most questions here."""


@pytest.fixture
def anew(pytester, play_once, _played):
    """Run a test file now: the baseline may be another than in a run before."""

    def anew(source, *args, **how):
        (pytester.path / "reports.jsonl").unlink(missing_ok=True)
        remembered = {**_played}
        _played.clear()
        try:
            return play_once(source, NO_STALLS, *args, **how)
        finally:
            _played.clear()
            _played.update(remembered)

    return anew


@pytest.fixture(params=[False, True], ids=["plain", "workers"])
def both(anew, request):
    """The same, once plain and once with workers."""

    def both(*args, **how):
        return anew(*args, workers=request.param, **how)

    return both


SUITE = """
import time
import pytest

class Cart:
    def total(self):
        time.sleep(0.001)

async def test_buys():
    Cart().total()

@pytest.mark.parametrize("number", [1, 2])
async def test_waits(number):
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_marked():
    Cart().total()

async def test_innocent():
    pass
"""
CART_SLEEPS = "test_it.Cart.total > time.sleep"
TEST_SLEEPS = "test_it.test_waits > time.sleep"


@pytest.fixture
def base(pytester):
    """The file, with what is asked of it most."""
    path = pytester.path / FILE

    class Base:
        def __init__(self):
            self.path = path

        def write(self, *lines):
            path.write_text(FIRST + "".join(f"{line}\n" for line in lines))

        @property
        def entries(self):
            lines = path.read_text().splitlines()
            return [line for line in lines if not line.startswith("#")]

    return Base()


def test_an_update_writes_what_blocks_and_fails_nothing(both, base):
    """Also where blocking is off, and where a marker asks for none."""
    for args in ((), (ERROR,)):
        base.path.unlink(missing_ok=True)
        run = both(SUITE, USE, UPDATE, *args)
        assert (run.status, set(run.outcomes.values())) == (0, {"passed"})
        assert base.entries == sorted([CART_SLEEPS, TEST_SLEEPS])
        assert f"baseline {FILE}: 2 added, 0 removed, 0 kept" in run.summary
        assert f"  + {CART_SLEEPS}" in run.summary
    assert str(base.path.parent) not in base.path.read_text()


def test_afterwards_only_new_places_fail(both, base):
    """A second call of a function is new; a marked test is held to the same."""
    base.write(CART_SLEEPS, TEST_SLEEPS)
    before = base.path.read_bytes()
    run = both(SUITE, USE, ERROR)
    assert (run.status, set(run.outcomes.values())) == (0, {"passed"})
    told = "the baseline accepted 2 places, 4 times, for "
    assert any(line.startswith(told) for line in run.summary)
    more = SUITE.replace("    pass", "    time.sleep(0.001)")
    run = both(more, USE, ERROR)
    failed = [name for name, how in run.outcomes.items() if how == "failed"]
    assert failed == ["test_innocent"]
    assert run["test_buys"].record["blocking"][0]["baseline"] == CART_SLEEPS
    assert base.path.read_bytes() == before


def test_an_update_keeps_reasons_and_comments(both, base):
    """And takes out what is gone, since this run is a full one."""
    base.write(
        "# the old till", f"{CART_SLEEPS}  # until #12", "shop.gone > time.sleep  # x"
    )
    run = both(SUITE, USE, UPDATE)
    assert base.entries == [f"{CART_SLEEPS}  # until #12", TEST_SLEEPS]
    assert "# the old till" in base.path.read_text().splitlines()
    assert f"baseline {FILE}: 1 added, 1 removed, 1 kept" in run.summary
    assert "  - shop.gone > time.sleep" in run.summary


def test_a_full_run_tells_what_is_gone(both, base):
    """And changes nothing of the file."""
    base.write(CART_SLEEPS, TEST_SLEEPS, "shop.gone > time.sleep  # x")
    run = both(SUITE, USE, ERROR)
    assert run.status == 0
    at = run.summary.index("  shop.gone > time.sleep")
    assert run.summary[at - 1].startswith("the baseline has an entry of which nothing")
    assert len(base.entries) == 3


GONE = "shop.gone > time.sleep"

FAILS = "\n\ndef test_fails():\n    assert False\n\ndef test_later():\n    pass\n"
UNCOLLECTED = "\n\nif __name__ != '__main__':\n    raise ImportError('no')\n"
SKIPPED = "\n\npytest.skip('not here', allow_module_level=True)\n"


@pytest.mark.parametrize(
    ("args", "more", "conftest", "why"),
    [
        (["-k", "buys"], "", "", "tests were deselected"),
        (["-m", "no_blocking"], "", "", "tests were deselected"),
        (
            ["test_it.py"],
            "",
            "",
            "not all paths were run; a full run has the whole root folder, unless ",
        ),
        (["test_it.py::test_buys"], "", "", "not all paths were run"),
        (["--deselect=test_it.py::test_buys"], "", "", "tests were deselected"),
        (["--ignore=test_other.py"], "", "", "--ignore leaves tests out"),
        (["--lf"], "", "", "--lf chooses tests"),
        (["-x"], FAILS, "", ""),
        (["--maxfail=1"], FAILS, "", ""),
        (
            [],
            "",
            "def pytest_collection_modifyitems(items): del items[1:]",
            "tests were left out",
        ),
        (
            [],
            "",
            "def pytest_runtest_teardown(): raise KeyboardInterrupt",
            "the run was interrupted",
        ),
        (
            [],
            "",
            "def pytest_runtest_teardown(): pytest.exit('enough', returncode=0)",
            "the run was interrupted",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_partial_run_removes_nothing(anew, base, args, more, conftest, why):
    """However it is one; and tells of nothing that is gone."""
    base.write(GONE, "test_it.other > time.sleep  # why")
    if "--lf" in args:
        args = [*args, "-p", "cacheprovider"]
    # pytester hands an interrupt of a run in this process on.
    how = {"conftest": conftest, "subprocess": "KeyboardInterrupt" in conftest}
    run = anew(SUITE + more, USE, UPDATE, *args, **how)
    assert GONE in base.entries
    assert "test_it.other > time.sleep  # why" in base.entries
    assert any(
        line.startswith(f"  nothing was removed, since the run was partial: {why}")
        for line in run.summary
    ), run.summary
    base.write(GONE)
    run = anew(SUITE + more, USE, "--asyncbench", *args, **how)
    assert f"  {GONE}" not in run.summary


@pytest.mark.parametrize(
    "source", [UNCOLLECTED, "import pytest" + SKIPPED], ids=["fails", "is skipped"]
)
@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_a_module_that_is_not_collected_makes_a_run_partial(
    anew, base, pytester, source, workers
):
    """What blocks in it is not known."""
    base.write(GONE)
    pytester.makepyfile(test_other=source)
    anew(SUITE, USE, UPDATE, "--continue-on-collection-errors", workers=workers)
    assert GONE in base.entries
    assert CART_SLEEPS in base.entries


@pytest.mark.parametrize(
    ("args", "dist"),
    [(["-k", "buys"], "load"), (["-k", "buys"], "each"), (["-x"], "load")],
)
def test_workers_tell_that_their_part_was_partial(anew, base, args, dist):
    """The controller sees none of what they choose."""
    base.write(GONE)
    suite = SUITE + (FAILS if args == ["-x"] else "")
    anew(suite, USE, UPDATE, f"--dist={dist}", *args, workers=True)
    assert GONE in base.entries


def test_a_worker_that_died_makes_a_run_partial(anew, base):
    """Its test was not run to the end; what was found is added all the same."""
    base.write(GONE)
    dies = SUITE + "\n\ndef test_dies():\n    import os\n    os._exit(1)\n"
    run = anew(dies, USE, UPDATE, workers=True)
    assert GONE in base.entries
    assert set(base.entries) >= {CART_SLEEPS, TEST_SLEEPS}
    told = "  nothing was removed, since the run was partial: a worker died"
    assert told in run.summary


@pytest.mark.parametrize("dist", ["loadscope", "worksteal", "each"])
def test_under_workers_the_controller_writes(anew, base, dist):
    """Once and whole, however the tests are shared out."""
    base.write(GONE)
    run = anew(SUITE, USE, UPDATE, f"--dist={dist}", workers=True)
    assert run.status == 0
    assert base.entries == sorted([CART_SLEEPS, TEST_SLEEPS])
    assert f"baseline {FILE}: 2 added, 1 removed, 0 kept" in run.summary


def test_the_whole_suite_may_be_named(anew, base, pytester):
    """By its root, or by all folders that `testpaths` names."""
    for args, ini in (
        (["."], ""),
        ([str(pytester.path)], ""),
        (["test_it.py"], "testpaths = test_it.py"),
    ):
        base.write(GONE)
        anew(SUITE, USE, UPDATE, *args, ini=ini)
        assert GONE not in base.entries


def test_what_a_full_run_has_is_told_where_testpaths_says_it(anew, base, pytester):
    """And a run of one path of two is none."""
    base.write(GONE)
    ini = "testpaths = test_it.py test_other.py"
    pytester.path.joinpath("test_other.py").write_text("def test_other(): pass")
    run = anew(SUITE, USE, UPDATE, "test_it.py", ini=ini)
    assert GONE in base.entries
    assert (
        "  nothing was removed, since the run was partial: not all paths were run; a "
        "full run has all that testpaths names, as one without paths has"
    ) in run.summary


def test_entries_of_calls_that_nobody_looked_for_stay(anew, base):
    """A run with fewer rules knows less."""
    base.write("shop.f > time.sleep", "shop.f > requests.get")
    anew("async def test_it(): pass", USE, UPDATE, "--asyncbench-rules=network")
    assert "shop.f > time.sleep" in base.entries


def test_a_run_that_watches_nothing_tells_of_nothing_that_is_gone(anew, base):
    """A baseline alone asks for no watching."""
    base.write(GONE)
    run = anew(SUITE, USE)
    assert f"  {GONE}" not in run.summary
    assert not run["test_buys"].watched


STALLS = """
import time

def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

async def test_it():
    busy({seconds})
"""


@pytest.mark.parametrize(
    ("seconds", "stays"), [(0.7, True), (0.35, True), (0.001, False)]
)
def test_an_entry_of_a_stall_stays_while_its_steps_are_half_as_long(
    anew, base, seconds, stays
):
    """A stall of 0.5 s that takes 0.35 s today is there again tomorrow."""
    entry = "test_it.busy > test_it.busy [stall]  # flaky"
    base.write(entry)
    threshold = "--asyncbench-threshold=500ms"
    run = anew(STALLS.replace("{seconds}", f"{seconds}"), USE, UPDATE, threshold)
    assert run.status == 0
    assert base.entries == ([entry] if stays else [])


def test_a_stall_is_written_as_one(anew, base):
    """No rule names what was called, so it comes and goes with the machine."""
    threshold = "--asyncbench-threshold=100ms"
    anew(STALLS.replace("{seconds}", "0.7"), USE, UPDATE, threshold)
    assert base.entries
    assert all(entry.endswith(" [stall]") for entry in base.entries)


@pytest.mark.parametrize("args", [(), (UPDATE,)], ids=["read", "update"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FIRST + "<<<<<<< HEAD\na.f > g\n=======\n>>>>>>> b\n", "base.txt:2: a merge"),
        ("# asyncbench baseline, version 2\n", "is of version 2; known here is 1"),
        (FIRST + "what is this\n", "base.txt:2: 'what is this' is no entry"),
        ("", "base.txt: is no baseline"),
        (b"\xff\xfe\x00", "can't decode byte"),
    ],
    ids=["conflict", "version", "damaged", "empty", "bytes"],
)
def test_a_file_that_can_not_be_used_ends_the_run(anew, base, text, told, args):
    """Before the first test, and it is as it was."""
    raw = text if isinstance(text, bytes) else text.encode()
    base.path.write_bytes(raw)
    run = anew(SUITE, USE, ERROR, *args)
    assert run.status == 4
    assert run.outcomes == {}
    assert run.err.startswith(f"ERROR: asyncbench (command line): baseline: {FILE}: ")
    assert told in run.err
    assert base.path.read_bytes() == raw


def test_the_controller_refuses_it_before_there_are_workers(anew, base):
    """None of them reads the file."""
    base.path.write_text(FIRST + "=======\n")
    run = anew(SUITE, USE, ERROR, workers=True)
    assert (run.status, run.outcomes) == (4, {})
    assert "base.txt:2: a merge" in run.err


def test_a_path_that_can_not_be_used_ends_the_run(anew, pytester):
    """With the option, where it was written, and why."""
    (pytester.path / "folder").mkdir()
    guarded = pytester.path / "guarded"
    guarded.write_text(FIRST)
    guarded.chmod(0o444)
    for name, args, why in (
        ("none.txt", (), "there is no such file; --asyncbench-update-baseline makes"),
        ("no/base.txt", (UPDATE,), "there is no folder 'no'"),
        ("folder", (UPDATE,), "it is a folder"),
        ("folder", (), ""),
        ("guarded", (UPDATE,), "guarded is read-only"),
    ):
        run = anew(SUITE, f"--asyncbench-baseline={name}", *args)
        assert run.status == 4
        assert f"asyncbench (command line): baseline: {name}: {why}" in run.err
    assert guarded.read_text() == FIRST


def test_an_update_needs_a_file(anew):
    """And is for the command line alone: no run should write by habit."""
    run = anew(SUITE, UPDATE)
    assert run.status == 4
    assert "update_baseline: no file is given; say which with" in run.err
    run = anew(SUITE, ini="asyncbench_update_baseline = on")
    assert run.status == 4
    assert "unknown setting 'asyncbench_update_baseline'" in run.err


def test_the_file_of_the_ini_lies_beside_it(anew, base, pytester, monkeypatch):
    """Wherever the run begins; that of the command line lies where it begins."""
    ini = f"asyncbench_baseline = {FILE}\nasyncbench_blocking = error"
    base.write(CART_SLEEPS, TEST_SLEEPS)
    folder = pytester.path / "below"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert anew(SUITE, "..", ini=ini).status == 0
    run = anew(SUITE, "..", "--asyncbench-baseline=none", ini=ini)
    assert run.outcomes["test_buys"] == "failed"
    run = anew(SUITE, "..", USE, ini=ini)
    assert run.status == 4
    assert f"asyncbench (command line): baseline: {FILE}: there is no" in run.err


VANISHES = """
import pathlib, pytest
def pytest_sessionfinish():
    path = pathlib.Path("sub/base.txt")
    path.unlink(missing_ok=True)
    path.parent.rmdir()
"""
CONFLICTS = """
import pathlib
def pytest_runtest_teardown():
    pathlib.Path("sub/base.txt").write_text("<<<<<<< HEAD\\n")
"""


@pytest.mark.parametrize("conftest", [VANISHES, CONFLICTS], ids=["gone", "conflict"])
def test_what_fails_at_the_end_harms_no_result(anew, pytester, conftest):
    """It is told, and the run ends as it would have."""
    folder = pytester.path / "sub"
    folder.mkdir()
    (folder / FILE).write_text(FIRST)
    name = f"--asyncbench-baseline=sub/{FILE}"
    run = anew(SUITE, name, UPDATE, conftest=conftest)
    assert (run.status, set(run.outcomes.values())) == (0, {"passed"})
    assert any(
        line.startswith("the baseline was not written, and is as it was: ")
        for line in run.summary
    )
    assert not any("commit the baseline" in line for line in run.summary)
    if conftest is CONFLICTS:
        assert (folder / FILE).read_text() == "<<<<<<< HEAD\n"


def test_what_another_run_has_written_meanwhile_stays(anew, base):
    """It is neither found nor gone here."""
    base.write(GONE)
    conftest = f"""
import pathlib
def pytest_runtest_teardown(item):
    path = pathlib.Path("{FILE}")
    text = path.read_text()
    if "other" not in text:
        path.write_text(text + "shop.other > time.sleep  # theirs\\n")
"""
    anew(SUITE, USE, UPDATE, conftest=conftest)
    assert "shop.other > time.sleep  # theirs" in base.entries
    assert GONE not in base.entries


def test_an_update_that_collects_only_writes_nothing(anew, base):
    """No test was run."""
    base.write(GONE)
    anew(SUITE, USE, UPDATE, "--collect-only")
    anew("x = 1", USE, UPDATE)
    assert base.entries == [GONE]
    assert not base.path.with_name(f"{FILE}.lock").exists()
