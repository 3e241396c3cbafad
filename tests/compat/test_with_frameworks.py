"""Whoever runs the loop for a framework: its tests are watched as any are.

Clients of Django, Starlette and Quart, Textual's pilot, Tornado's test cases, and two
more plugins that run async tests. What is not installed is skipped.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import pytest

BEGIN = """
import asyncio, time
import pytest

def quick():
    time.sleep(0.001)

blocks = pytest.mark.no_blocking(threshold="60s")
allows = pytest.mark.no_blocking(threshold="60s", allow=["*.quick > time.sleep  # why"])
hangs = pytest.mark.budget("500ms")
overlaps = pytest.mark.budget("60s", speedup=1.5)
"""


@dataclass(frozen=True)
class Framework:
    """How its tests are run, and six of them."""

    needs: str
    suite: str
    options: tuple[str, ...] = ()
    conftest: str = ""


DJANGO = """
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
import django
django.setup()
from django.http import HttpResponse
from django.test import SimpleTestCase
from django.urls import path

async def answer(request, kind):
    if kind == "quick":
        quick()
    await asyncio.sleep(60 if kind == "hangs" else 0.02)
    return HttpResponse()

urlpatterns = [path("<kind>", answer)]

class Test(SimpleTestCase):
    @blocks
    async def test_blocks(self):
        await self.async_client.get("/quick")

    @allows
    async def test_allowed(self):
        await self.async_client.get("/quick")

    @blocks
    def test_clean(self):
        assert self.client.get("/clean").status_code == 200

    @hangs
    async def test_hung(self):
        await self.async_client.get("/hangs")

    @hangs
    def test_hung_in_its_client(self):
        self.client.get("/hangs")

    @overlaps
    async def test_overlaps(self):
        await asyncio.gather(*(self.async_client.get("/clean") for _ in range(20)))

    @pytest.mark.virtual_time
    async def test_virtual(self):
        await asyncio.sleep(0)
"""

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

async def answer(request):
    kind = request.path_params["kind"]
    if kind == "quick":
        quick()
    if kind == "overlaps":
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(20)))
    await asyncio.sleep(60 if kind == "hangs" else 0.02)
    return PlainTextResponse()

@pytest.fixture
def client():
    return TestClient(Starlette(routes=[Route("/{kind}", answer)]))

@blocks
def test_blocks(client):
    client.get("/quick")

@allows
def test_allowed(client):
    client.get("/quick")

@blocks
def test_clean(client):
    assert client.get("/clean").status_code == 200

@hangs
def test_hung(client):
    client.get("/hangs")

@overlaps
def test_overlaps(client):
    client.get("/overlaps")
"""

QUART = """
from quart import Quart

app = Quart(__name__)

@app.get("/<kind>")
async def answer(kind):
    if kind == "quick":
        quick()
    await asyncio.sleep(60 if kind == "hangs" else 0.02)
    return ""

@blocks
async def test_blocks():
    await app.test_client().get("/quick")

@allows
async def test_allowed():
    await app.test_client().get("/quick")

@blocks
async def test_clean():
    assert (await app.test_client().get("/clean")).status_code == 200

@hangs
async def test_hung():
    await app.test_client().get("/hangs")

@overlaps
async def test_overlaps():
    await asyncio.gather(*(app.test_client().get("/clean") for _ in range(20)))
"""

TEXTUAL = """
from textual.app import App
from textual.widgets import Button

class Shop(App):
    def compose(self):
        yield from (Button(kind, id=kind) for kind in ("quick", "hangs", "clean"))

    async def on_button_pressed(self, event):
        if event.button.id == "quick":
            quick()
        await asyncio.sleep(60 if event.button.id == "hangs" else 0.02)

async def press(kind):
    async with Shop().run_test() as pilot:
        await pilot.click("#" + kind)
        await pilot.pause()

@blocks
async def test_blocks():
    await press("quick")

@allows
async def test_allowed():
    await press("quick")

@blocks
async def test_clean():
    await press("clean")

@pytest.mark.budget("5s")  # its start alone takes some tenths of a second
async def test_hung():
    async with Shop().run_test() as pilot:
        await pilot.click("#hangs")
        await asyncio.sleep(60)
"""

TORNADO = """
from tornado.testing import AsyncHTTPTestCase, gen_test
from tornado.web import Application, RequestHandler

class Answer(RequestHandler):
    async def get(self, kind):
        if kind == "quick":
            quick()
        await asyncio.sleep(60 if kind == "hangs" else 0.02)

class Test(AsyncHTTPTestCase):
    def get_app(self):
        return Application([("/(.*)", Answer)])

    @blocks
    def test_blocks(self):
        self.fetch("/quick")

    @allows
    def test_allowed(self):
        self.fetch("/quick")

    @blocks
    def test_clean(self):
        assert self.fetch("/clean").code == 200

    @hangs
    def test_hung_in_its_client(self):
        self.fetch("/hangs", request_timeout=60)

    @hangs
    @gen_test(timeout=60)
    async def test_hung(self):
        await asyncio.sleep(60)

    @overlaps
    @gen_test
    async def test_overlaps(self):
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(20)))
"""

PLAIN = """
@blocks
async def test_blocks():
    quick()

@allows
async def test_allowed():
    quick()

@blocks
async def test_clean():
    await asyncio.sleep(0.01)

@hangs
async def test_hung():
    await asyncio.sleep(60)

@overlaps
async def test_overlaps():
    await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(20)))

async def test_at_once(concurrently):
    run = await concurrently(asyncio.sleep(0.01, "one"), asyncio.sleep(0.01, "two"))
    assert list(run) == ["one", "two"]
"""

FRAMEWORKS = {
    "django": Framework("django", DJANGO, ("-p", "no:django")),
    "starlette": Framework("starlette.testclient", STARLETTE),
    "quart": Framework("quart", QUART),
    "textual": Framework("textual", TEXTUAL),
    "tornado": Framework("tornado.testing", TORNADO),
    "alt-pytest-asyncio": Framework(
        "alt_pytest_asyncio",
        PLAIN,
        ("-p", "no:asyncio", "-o", "asyncio_mode="),
        'pytest_plugins = ["alt_pytest_asyncio.enable"]',
    ),
    "tornasync": Framework("pytest_tornasync", PLAIN, ("-p", "no:asyncio")),
}
INSTALLED = [
    pytest.param(
        framework,
        id=name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(framework.needs.partition(".")[0]) is None,
            reason=f"{framework.needs} is not installed",
        ),
    )
    for name, framework in FRAMEWORKS.items()
]
HUNG = ("test_hung", "test_hung_in_its_client")
PASSES = ("test_allowed", "test_clean", "test_overlaps", "test_at_once")


@pytest.mark.parametrize("framework", INSTALLED)
def test_its_tests_are_watched_as_any_are(play_once, framework):
    """What blocks, an allowance by the caller, a budget's end, and a speedup."""
    pytest.importorskip(framework.needs, exc_type=ImportError)
    played = play_once(
        BEGIN + framework.suite,
        *framework.options,
        conftest=framework.conftest,
        subprocess=True,
    )
    assert played.outcomes, played.out
    (found,) = played["test_blocks"].record["blocking"]
    assert (found["call"], found["function"]) == ("time.sleep", "quick")
    assert played["test_blocks"].outcome == "failed"
    for name, outcome in played.outcomes.items():
        if name in HUNG:
            assert played[name].lines[0].startswith("wall clock "), played[name].text
            assert any("asyncio.sleep(60" in line for line in played[name].lines)
        if name in PASSES:
            assert outcome == "passed", played[name].text
    if "test_virtual" in played.outcomes:
        reason = "runs in another thread than the test: asgiref's async_to_sync does so"
        assert reason in played["test_virtual"].text.replace("\\n", " ")
