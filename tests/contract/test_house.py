"""The house: floors, whose imports go down only, and the words that are public."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import pytest_asyncbench
from pytest_asyncbench._glue.options import OPTIONS
from pytest_asyncbench._policy.settings import DEFAULT, with_settings
from pytest_asyncbench._rules.table import RULES

PACKAGE = Path(pytest_asyncbench.__file__).parent
ROOT = PACKAGE.parent

WORDS, DECISIONS, ENGINES, OUTSIDE, GLUE = range(5)

# One row for each folder, from the ground up: a room knows only those above it in this
# table. Words know the standard library only; decisions and engines do not know each
# other. What works outside pytest joins them as the glue does, and knows no pytest.
FLOORS = {
    "_words": WORDS,
    "_rules": WORDS,
    "testing": WORDS,
    "_policy": DECISIONS,
    "_judging": DECISIONS,
    "_reports": DECISIONS,
    "_python": ENGINES,
    "_loops": ENGINES,
    "_interception": ENGINES,
    "_tracing": ENGINES,
    "virtual_time": ENGINES,
    "_running": ENGINES,
    "_watching": ENGINES,
    "_outside": OUTSIDE,
    "_glue": GLUE,
    "_as_written": WORDS,
    "plugin": GLUE,
    "__main__": OUTSIDE,
    "": GLUE,  # the public names, which come from every floor
}

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__")
    for path in PACKAGE.rglob("*.py")
)
MODULES = [module.rstrip(".") for module in MODULES]


def floor_of(module):
    return FLOORS[room_of(module)]


def room_of(module):
    return module.partition(".")[0]


def source_of(module):
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports_of(module):
    """Give the names of what a module imports, wherever in it, types included."""
    for node in ast.walk(ast.parse(source_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            if node.module == "pytest_asyncbench":
                for alias in node.names:
                    if alias.name in {path.stem for path in PACKAGE.iterdir()}:
                        yield f"pytest_asyncbench.{alias.name}"


def ours(name):
    return name.partition(".")[2] if name.startswith("pytest_asyncbench.") else None


def test_every_module_has_its_floor():
    """A new one must be given a place, and one that is gone must give it up."""
    assert {module.partition(".")[0] for module in MODULES} == set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    """And the two floors in the middle are introduced to each other by the glue."""
    here = floor_of(module)
    for name in map(ours, imports_of(module)):
        if name is not None:
            there = floor_of(name)
            assert there <= here, f"{module} imports {name} from above"
            assert {here, there} != {DECISIONS, ENGINES}, f"{module} knows {name}"


@pytest.mark.parametrize("module", MODULES)
def test_rooms_go_round_in_no_circle(module):
    """Each knows only rooms that were built before it."""
    order = [*FLOORS]
    for name in map(ours, imports_of(module)):
        if name is not None and module:
            assert order.index(room_of(name)) <= order.index(room_of(module)), name


def files_of(room):
    """Give each file of a room, with those of the same room that it imports."""
    files = {module for module in MODULES if room_of(module) == room}
    return {module: files & {*files_taken(module)} for module in files}


def files_taken(module):
    """Give the files that a module imports: of ``from room import file`` the file."""
    for node in ast.walk(ast.parse(source_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inside = ours(f"{node.module}.{alias.name}")
                yield inside if inside in MODULES else ours(node.module)


@pytest.mark.parametrize("room", [room for room in FLOORS if room])
def test_files_of_a_room_import_each_other_in_no_circle(room):
    """Types and late imports included: each can be read before those that use it."""
    try:
        graphlib.TopologicalSorter(files_of(room)).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"they go round: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("module", MODULES)
def test_a_room_beside_is_entered_by_its_face(module):
    """What it has inside can change without a look round the floor."""
    for name in map(ours, imports_of(module)):
        if name is not None and room_of(name) != room_of(module):
            beside = floor_of(name) == floor_of(module) in (DECISIONS, ENGINES)
            assert not beside or name == room_of(name), f"{module} goes into {name}"


@pytest.mark.parametrize("module", [m for m in MODULES if floor_of(m) != GLUE])
def test_only_the_glue_knows_pytest(module):
    """The floors below could serve another runner."""
    roots = {name.partition(".")[0] for name in imports_of(module)}
    assert not roots & {"pytest", "_pytest", "pluggy", "pytest_asyncio"}


@pytest.mark.parametrize("module", [m for m in MODULES if floor_of(m) == WORDS])
def test_words_know_the_standard_library_only(module):
    """Nothing of a third party's is needed to talk about a verdict."""
    roots = {name.partition(".")[0] for name in imports_of(module)}
    assert roots <= sys.stdlib_module_names | {"pytest_asyncbench"}


def test_promises_are_known_without_what_is_seen_decided_or_recorded():
    """A run that asks for nothing loads settings, and must load no more than that."""
    known = {name for name in map(ours, imports_of("_words.promised")) if name}
    assert not known & {"_words.seen", "_words.decided", "_words.record"}


def test_only_the_host_knows_pytest_asyncio():
    """How a test is run changes between versions, in one place."""
    knows = {
        m for m in MODULES if any("pytest_asyncio" in name for name in imports_of(m))
    }
    assert knows <= {"_glue.host"}


def held_by(module):
    """Give what a module holds from its import on of what a rule may replace."""
    for node in ast.parse(source_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (
                ast.unparse(value)
                for value in ast.walk(node.value)
                if isinstance(value, ast.Attribute)
            )


@pytest.mark.parametrize("module", MODULES)
def test_what_a_rule_replaces_is_held_in_one_module(module):
    """Which is loaded before the rules are installed; most others may come after."""
    targets = {rule.target for rule in RULES}
    # The other one sees through whatever stands there.
    assert not targets & {*held_by(module)} or module in {
        "_words.held",
        "virtual_time._threads",
    }


@pytest.mark.parametrize("module", MODULES)
def test_every_module_opens_with_a_sentence(module):
    """It says what the module is for."""
    text = ast.get_docstring(ast.parse(source_of(module).read_text(encoding="utf-8")))
    assert text
    assert re.match(r"\S.*[.:→]", " ".join(text.split()))


@pytest.mark.parametrize("module", MODULES)
def test_public_names_exist(module):
    """What `__all__` promises can be imported, is written once and in order."""
    loaded = importlib.import_module(f"pytest_asyncbench.{module}".rstrip("."))
    names = list(getattr(loaded, "__all__", ()))
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(loaded, name)] == []


@pytest.mark.parametrize("module", MODULES)
def test_what_is_taken_from_a_module_is_public_there(module):
    """What others may use is in `__all__`; all else can change without a look round."""
    for node in ast.walk(ast.parse(source_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and ours(node.module) in MODULES:
            public = getattr(importlib.import_module(node.module), "__all__", ())
            taken = {alias.name for alias in node.names}
            assert taken <= {*public, *map(submodule, MODULES)}, f"of {node.module}"


def imports_for_checkers(room):
    """Give what stands under `TYPE_CHECKING` in a room's face: names by their file."""
    given = {}
    for node in ast.walk(ast.parse(source_of(room).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith(
            f"pytest_asyncbench.{room}."
        ):
            names = {alias.name for alias in node.names}
            given[node.module.rpartition(".")[2]] = names
    return given


def faces():
    """Give the files and names of each room whose face loads them when asked."""
    for room in FLOORS:
        source = source_of(room) if room else None
        if source is None or "face(" not in source.read_text(encoding="utf-8"):
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "face":
                yield room, ast.literal_eval(node.args[1])


@pytest.mark.parametrize(("room", "files"), [*faces()], ids=lambda it: str(it)[:9])
def test_a_face_gives_what_checkers_see(room, files):
    """From the same file, whose own name is none of these."""
    given = {file: {*names.split()} for file, names in files.items()}
    assert given == imports_for_checkers(room)
    assert not {name for names in given.values() for name in names} & {*given}


def submodule(module):
    return module.rpartition(".")[2]


@pytest.mark.parametrize("name", pytest_asyncbench.__all__)
def test_public_names_are_documented(name):
    """Each has a sentence, and so has each of its public methods."""
    public = getattr(pytest_asyncbench, name)
    assert inspect.getdoc(public)
    for attribute, member in vars(public).items():
        if callable(member) and not attribute.startswith("_"):
            assert inspect.getdoc(member), f"{name}.{attribute}"


def test_options_have_one_row_each():
    """Those of the design, in its order, each with a sentence and a default."""
    names = [option.name for option in OPTIONS]
    assert names[:7] == [
        "blocking",
        "threshold",
        "rules",
        "scope",
        "allow",
        "budget",
        "starvation",
    ]
    assert all(option.help and option.value and option.default for option in OPTIONS)


@pytest.mark.parametrize(
    "name", ["blocking", "threshold", "starvation", "once", "real_limit"]
)
def test_the_default_that_is_shown_is_the_one_that_holds(name):
    """Written for people in one place, and for the code in another."""
    (shown,) = [option.default for option in OPTIONS if option.name == name]
    assert getattr(with_settings(DEFAULT, {name: shown}, "ini"), name) == getattr(
        DEFAULT, name
    )


def test_the_python_versions_are_those_that_are_promised():
    """`requires-python` and the classifiers agree, and this one is supported."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    classified = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    lowest = re.search(r'requires-python = ">=(3\.\d+)"', text)[1]
    assert lowest == min(classified, key=lambda v: int(v.split(".")[1]))
    assert sys.version_info >= tuple(map(int, lowest.split(".")))
