"""gRPC, synchronous and asynchronous, against a server in threads of this process."""

from __future__ import annotations

import pytest

pytest.importorskip("grpc", reason="grpcio is not installed")

SUITE = """
import gc
from concurrent import futures
import grpc, pytest

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        kind = details.method.rpartition("/")[2]
        if kind == "one":
            return grpc.unary_unary_rpc_method_handler(lambda request, _: request)
        if kind == "collect":
            return grpc.stream_unary_rpc_method_handler(lambda all, _: b"".join(all))
        return grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request]))

@pytest.fixture(scope="module")
def address():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)

@pytest.fixture(scope="module")
def channel(address):
    with grpc.insecure_channel(address) as channel:
        yield channel

def test_first(channel):  # loads what the rules are about
    assert channel.unary_unary("/echo/one")(b"x") == b"x"

pytestmark = pytest.mark.no_blocking(threshold="30s")

async def test_one(channel):
    channel.unary_unary("/echo/one")(b"x")

async def test_one_with_call(channel):
    channel.unary_unary("/echo/one").with_call(b"x")

async def test_collect(channel):
    channel.stream_unary("/echo/collect")(iter([b"x"]))

async def test_each(channel):
    assert [*channel.unary_stream("/echo/each")(b"x")] == [b"x"]

async def test_aio(address):
    for _ in range(5):
        channel = grpc.aio.insecure_channel(address)
        assert await channel.unary_unary("/echo/one")(b"x") == b"x"
        await channel.close()
        del channel
        gc.collect()
"""


@pytest.fixture
def run(play_once):
    return play_once(SUITE, subprocess=True)


def test_each_call_of_a_synchronous_stub_is_told_with_its_own_advice(run):
    """However quick the server was."""
    for test in ("test_one", "test_one_with_call", "test_collect", "test_each"):
        (found,) = run[test].record["blocking"]
        assert found["call"].startswith("grpc._channel.")
        assert found["advice"] == "grpc.aio"


def test_a_channel_of_grpc_aio_blocks_nothing_up_to_its_end(run):
    """Its poller is joined as its last object goes."""
    assert run["test_aio"].outcome == "passed"
