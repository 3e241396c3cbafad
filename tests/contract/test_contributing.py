"""CONTRIBUTING.md names what is there: files, commands, and what stands in the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_asyncbench"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

_FENCES = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_PATH = re.compile(r"(?<![\w./-])(?:[\w.-]+/)*(?:[\w-]+\.(?:py|md|json)|[\w-]+/)(?!\w)")
_INLINE = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(r"(?:\w+\.)*(\w+)(?:\(\))?")

PATHS = sorted({found[0] for found in _PATH.finditer(TEXT)} - {".venv/"})
COMMANDS = [
    line
    for language, block in _FENCES.findall(TEXT)
    if language == "console"
    for line in block.splitlines()
]
NAMES = sorted(
    {
        name[1]
        for code in _INLINE.findall(_FENCES.sub("", TEXT))
        if (name := _NAME.fullmatch(code))
    }
)


def is_there(path: str) -> bool:
    return any(folder.joinpath(path).exists() for folder in (ROOT, PACKAGE))


@pytest.mark.parametrize("path", PATHS)
def test_each_path_exists(path):
    """From the root, or, as the page says, in the package."""
    assert is_there(path)


def test_each_room_is_named():
    """Who looks for one finds it, in the picture of the house and anywhere else."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if room not in TEXT] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_can_be_called(line):
    """Its program comes with an extra, its files exist, and they know its options."""
    for command in line.split(" && "):
        words = [word.strip('"') for word in command.split() if "=" not in word]
        program, *arguments = words
        assert program in ("python3", "python3.14", "bash") or installed(program)
        for extra in re.findall(r"\.\[(\w+)\]", command):
            assert re.search(rf"^{extra} = \[", PROJECT, re.MULTILINE)
        files = [word for word in arguments if "/" in word and word[:5] != ".venv"]
        assert [file for file in files if not is_there(file)] == []
        if "-m" in arguments:
            module = arguments[arguments.index("-m") + 1]
            assert importlib.util.find_spec(module)
        elif files and files[0].endswith(".py"):
            source = (ROOT / files[0]).read_text(encoding="utf-8")
            options = [word for word in arguments if word.startswith("--")]
            assert [option for option in options if f'"{option}"' not in source] == []


def installed(program: str) -> bool:
    """Tell whether the project's extras bring it into the environment."""
    folder, _, name = program.rpartition("/")
    asked_for = re.search(rf'"{name}[\[>"]', PROJECT)
    return folder.startswith(".venv") and (name == "python" or bool(asked_for))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_stands_in_the_code(name):
    """A function, field or setting that the page leads to is called that."""
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("test_option_*.py")]
    assert any(
        name in source.name
        or re.search(rf"\b{name}\b", source.read_text(encoding="utf-8"))
        for source in sources
    )
