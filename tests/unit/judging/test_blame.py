"""Blame: which line of a stack is the user's, and what it called there."""

from __future__ import annotations

from pathlib import Path

import pytest
from by_hand import library, standard, user

import pytest_asyncbench
from pytest_asyncbench._judging.blame import blame, in_scope
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.whose import is_ours, is_users

OURS = Frame(
    file=str(Path(pytest_asyncbench.__file__).parent / "_glue" / "trial.py"),
    line=1,
    function="inside",
    module="pytest_asyncbench._glue.trial",
)


def test_the_innermost_frame_of_the_users_is_to_blame():
    """Not the outermost one, and not the library that it called."""
    inner, outer = user(88, "price_of", "pricing"), user()
    found = blame((standard("recv"), library(), inner, outer, OURS))
    assert found.place is inner
    assert found.call == "requests.api.get"
    assert [frame.function for frame in found.via] == ["recv", "get"]


def test_a_call_into_c_is_what_the_line_itself_was_calling():
    """C functions have no frame of their own."""
    found = blame((user(call="time.sleep"), OURS))
    assert (found.call, found.via) == ("time.sleep", ())


def test_a_line_that_was_busy_itself_called_nothing():
    """None, so that nobody is accused."""
    assert blame((user(),)).call is None


def test_without_a_frame_of_the_users_the_innermost_is_named():
    """A background task of a library blames the library."""
    inner = standard("recv")
    found = blame((inner, library()))
    assert (found.place, found.via) == (inner, ())


def test_a_stack_of_ours_alone_blames_nobody():
    """We do not report ourselves."""
    assert blame((OURS,)) is None
    assert blame(()) is None


def test_generated_code_is_not_the_users_place():
    """``<string>`` and ``<frozen ...>`` lead nowhere."""
    generated = Frame(file="<string>", line=1, function="__init__", module="shop")
    assert blame((generated, user())).place == user()


def test_generated_code_with_the_name_of_a_file_is_not_the_users_place_either():
    """No such file exists; but where no other does, one must be named."""
    exists = Frame(file=__file__, line=7, function="test_it", module=__name__)
    generated = user(1, "render", "templates.page")
    found = blame((standard("sleep", "time"), generated, exists))
    assert found.place is exists
    assert found.call == "templates.page.render"
    assert blame((generated, user())).place is generated


def test_another_detectors_wrapper_makes_no_call_of_its_own():
    """It passes on what the user called, and says nothing of who did."""
    wrapper = library("wrapper", "blockbuster.blockbuster", 107)
    found = blame((wrapper, user(call="os.stat")))
    assert (found.place, found.call, found.via) == (user(call="os.stat"), "os.stat", ())
    assert blame((wrapper, standard("checkcache", "linecache"))).place.line == 9
    assert blame((wrapper,)).place is wrapper


def test_a_package_in_scope_counts_as_the_users_though_installed():
    """Whoever names it wants to be told of its lines."""
    found = blame((standard(), library(), user()), scope=("requests",))
    assert found.place == library()
    assert found.call == "socket.recv"


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        ((), True),
        (("requests",), True),
        (("requests.api",), True),
        (("request",), False),
        (("requests.api.get",), False),
        (("nowhere", "test_orders"), True),
    ],
)
def test_scope_is_a_matter_of_packages_not_of_prefixes(scope, inside):
    """`request` is not the beginning of `requests`."""
    assert in_scope((library(), user()), scope) is inside


def test_a_users_file_with_our_name_in_it_is_not_ours():
    """Ours is what lies in our folder, not what sounds like it."""
    assert is_ours(OURS.file)
    theirs = Frame(
        file="/home/user/pytest_asyncbench_demo/test_it.py", line=1, function="f"
    )
    assert is_users(theirs.file)
    assert blame((theirs,)).place is theirs
