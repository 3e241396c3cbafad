"""Who is let off: globs of callers, of tools at work, and of what is done once.

Each glob stands with its reason, and is matched with the qualified names
(``module.function``) of a stack's frames. Which calls block is the table's to say.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "DEBUGGERS",
    "DETECTORS",
    "NEVER_FROM",
    "ONCE",
    "OWN_THREADS",
    "STARTS",
    "TOOLS",
    "never_from",
]

_LOGGING = "logging.*"
_OF_OPEN_FILES = "io."

# Callers that are never reported, whatever they call, when they are near.
#
# Not here, since they make no call that has a row: codecs, `locale`, and `warnings`
# other than through linecache. Nor what somebody asked for by name, `tempfile` and
# `importlib.resources`: that is the caller's own file.
NEVER_FROM: Mapping[str, str] = {
    _LOGGING: "a log record is written where it is made",
    "linecache.*": "reads source lines for a traceback",
    "tokenize.*": "reads source lines for a traceback",
    "traceback.*": "formats a traceback",
    "inspect.*": "looks for source code",
    "pkgutil.*": "looks for modules, as an import does",
    "importlib.metadata.*": "looks for what is installed, as an import does",
    "mimetypes.*": "reads the system's table once",
    "gettext.*": "reads a catalogue once, and looks for it at each message",
    "zoneinfo.*": "a time zone is read once",
    "_pytest.*": "pytest's own work",
    "pluggy.*": "pytest's own work",
    "pytest_asyncio.*": "pytest's own work",
}


def never_from(target: str) -> Mapping[str, str]:
    """Give who is let off, whatever it calls, of the callers of this row.

    Whoever asks for `files` asks for those that a handler of the project's writes to,
    too: each record waits for that.
    """
    if not target.startswith(_OF_OPEN_FILES):
        return NEVER_FROM
    return {glob: why for glob, why in NEVER_FROM.items() if glob != _LOGGING}


# What a process does once, wherever in the step it stands. Whoever happens to be the
# first pays for it, here and in production. The setting `once` says whether it counts.
ONCE: Mapping[str, str] = {
    "importlib._bootstrap*": "a module is imported once",
    "_frozen_importlib*": "a module is imported once",
    "zipimport.*": "a module is imported once",
    "importlib.metadata*": "what is installed is looked up once",
    "pkg_resources.*": "what is installed is looked up once",
    "re._compile": "a pattern is compiled once",
    "zoneinfo.*": "a time zone is read once",
    "mimetypes.init": "the table of types is read once",
    "encodings.search_function": "a codec is looked up once",
}

# Whoever starts a thread waits until that runs. Where it takes long, the new thread is
# starved, and the account of the one that waits does not have it.
STARTS: Mapping[str, str] = {
    "threading.*start": "waits only until the new thread runs",
}

# Threads of a library's that it joins from C, as its last object goes: at a line that
# has nothing to do with it, and where the caller has no frame.
OWN_THREADS: Mapping[str, str] = {
    "grpc._cython.*": "grpc.aio ends its own poller",
}

# Debuggers: those of IDEs are pydevd, and most others are built on bdb.
DEBUGGERS: Mapping[str, str] = {
    "bdb.*": "a debugger waits for its user",
    "pdb.*": "a debugger waits for its user",
    "debugpy.*": "a debugger waits for its user",
    "pydevd*": "a debugger waits for its user",
    "_pydevd*": "a debugger waits for its user",
}

# Packages that wrap calls to watch them, as we do. What such a wrapper calls is called
# by whoever called the wrapper.
DETECTORS = frozenset({"blockbuster"})

# Tools at work, wherever in the step they stand: what happens beneath them is theirs.
TOOLS: Mapping[str, str] = {
    "coverage.*": "coverage measures",
    "freezegun.api._freeze_time.*": "freezegun looks through all modules",
    "freezegun.api.start": "the same, on Python 3.10, which knows no classes here",
    "freezegun.api.stop": "the same, on Python 3.10, which knows no classes here",
    # From within the step in which a subtest ends: to whoever hears of reports.
    "_pytest.subtests.*": "pytest reports a subtest",
    "_pytest.unittest.*addSubTest": "pytest reports a subtest",
    "pytest_subtests.*": "pytest reports a subtest",
    **DEBUGGERS,
}
