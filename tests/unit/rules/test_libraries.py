"""What to use in the place of libraries that wait in their caller's thread."""

from __future__ import annotations

import pytest
from by_hand import call, library, observations, standard, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._rules.libraries import INSTEAD, instead_of
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.promised import Policy

POLICY = Policy(blocking="error", threshold=0.1)


def advised(target, *stack):
    (found,) = findings(POLICY, observations(calls=[call(target, stack=stack)]), RULES)
    return found.advice


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("redis.client.Redis.get", "redis.asyncio"),
        ("mysql.connector.connect", "mysql.connector.aio"),
        ("google.cloud.storage.Client.bucket", INSTEAD["google.cloud"]),
        ("redistribute.now", None),
        ("google.protobuf.message.Message", None),
        ("redis", None),
    ],
)
def test_a_package_is_known_by_what_is_in_it(name, advice):
    """Not by a name that only begins alike, and also where it lies in another."""
    assert instead_of(name) == advice


@pytest.mark.parametrize(
    "name",
    [
        "elasticsearch._async.client.AsyncElasticsearch.get",
        "grpc.aio._channel.Channel.close",
        "httpx.AsyncClient.get",
        "pymongo.asynchronous.pool.Pool.reset",
        "redis.asyncio.client.Redis.get",
    ],
)
def test_what_is_awaited_already_is_not_to_be_used_instead(name):
    """What blocks in it is another's: a transport of a test client, say."""
    assert instead_of(name) is None


@pytest.mark.parametrize(
    ("package", "advice"),
    [
        ("redis.client", "redis.asyncio"),
        ("pymongo.collection", "pymongo.AsyncMongoClient"),
        ("botocore.httpsession", "aiobotocore"),
        ("requests.api", "httpx.AsyncClient or aiohttp"),
    ],
)
@pytest.mark.parametrize("target", ["socket.socket.recv_into", "time.sleep"])
def test_a_wait_in_a_library_has_the_advice_of_the_library(package, advice, target):
    """Its socket is no client of HTTP, and its sleep none that the user can await."""
    stack = (standard("readinto"), library("read", package), user())
    assert advised(target, *stack) == advice


def test_a_library_that_waits_for_programs_has_its_own_advice():
    """`sh` can be awaited itself; nobody has its process in hand."""
    stack = (library("wait", "sh"), user())
    assert advised("os.waitpid", *stack) == INSTEAD["sh"]
    assert advised("os.waitpid", user()).startswith("await process.wait()")


def test_the_library_that_the_users_line_calls_is_the_one_to_replace():
    """boto3 waits by botocore, and that by urllib3."""
    inner = (library("urlopen", "urllib3.pool"), library("send", "botocore.client"))
    stack = (*inner, library("action", "boto3.resources"), user())
    assert advised("socket.socket.recv_into", *stack) == INSTEAD["boto3"]


def test_what_is_no_wait_keeps_its_own_advice():
    """A context is to be made once, whatever client it is for."""
    stack = (library("request", "requests.api"), user())
    assert "make the context" in advised("ssl.create_default_context", *stack)
    assert "aiofiles" in advised("builtins.open", *stack)


def test_a_row_of_the_librarys_own_has_the_last_word():
    """As what it says is of that call."""
    stack = (library("send", "oracledb.protocol"), user(call="oracledb.connect"))
    assert advised("oracledb.connect", user(call="oracledb.connect")) == (
        "await oracledb.connect_async(...)"
    )
    assert advised("socket.socket.recv", *stack) == "oracledb.connect_async(...)"
