"""Synchronous clients that run a loop inside: tests that use them are ended, too."""

from __future__ import annotations

import pytest

SUITES = {
    "starlette.testclient": """
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

async def answer(request):
    await asyncio.sleep(60)

def test_hung():
    TestClient(Starlette(routes=[Route("/", answer)])).get("/")
""",
    "asgiref.sync": """
from asgiref.sync import async_to_sync

async def hang():
    await asyncio.sleep(60)

def test_hung():
    async_to_sync(hang)()
""",
    "tornado.testing": """
from tornado.testing import AsyncTestCase, gen_test

class TestTornado(AsyncTestCase):
    @gen_test(timeout=60)
    async def test_hung(self):
        await asyncio.sleep(60)
""",
}
BEGIN = """
import asyncio, pytest

pytestmark = pytest.mark.budget("200ms")
"""
END = """
@pytest.mark.budget(30)
def test_later():
    assert asyncio.run(asyncio.sleep(0, "whole")) == "whole"
"""


@pytest.mark.parametrize("library", SUITES)
def test_a_request_that_hangs_is_ended_at_the_budget(play_once, library):
    """In the budget's words, with the line at which it hung; later tests are whole."""
    pytest.importorskip(library)
    played = play_once(BEGIN + SUITES[library] + END)
    told = played["test_hung"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")
    assert "await asyncio.sleep(60)" in told.lines
    assert "RuntimeError" not in told.text
    assert played["test_later"].outcome == "passed", played["test_later"].text
