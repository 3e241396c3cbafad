"""Predicates on sockets and on the names of hosts; knows no protocol above these."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

from pytest_asyncbench._interception.predicates.arguments import argument
from pytest_asyncbench._interception.predicates.registry import predicate
from pytest_asyncbench._interception.signatures import Args, Kwargs

__all__: list[str] = []

_DONT_WAIT: Final = getattr(socket, "MSG_DONTWAIT", 0)  # not on Windows


@predicate
def nonblocking(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the socket, the first argument, has a timeout of zero."""
    return bool(args[0].gettimeout() == 0)


@predicate
def nonblocking_or_flagged_second(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the socket or the third argument, `flags`, says not to wait."""
    return nonblocking(args, kwargs) or _is_flag(argument(args, kwargs, 2, "flags", 0))


@predicate
def nonblocking_or_flagged_third(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the socket or the fourth argument, `flags`, says not to wait."""
    return nonblocking(args, kwargs) or _is_flag(argument(args, kwargs, 3, "flags", 0))


def _is_flag(value: object) -> bool:
    return isinstance(value, int) and bool(value & _DONT_WAIT)


@predicate
def nonblocking_or_datagram(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the socket or a flag says not to wait, or datagrams are sent."""
    # A datagram is put into a buffer and a datagram socket's connect only notes
    # the peer, so statsd clients and the like are no wait; but a name is looked up.
    sock = args[0]
    # Where the flags stand differs, but no other argument is a number.
    if sock.gettimeout() == 0 or any(map(_is_flag, args[2:])):
        return True
    if sock.type != socket.SOCK_DGRAM:
        return False
    addresses = [value for value in args[1:] if isinstance(value, tuple)]
    return all(_is_numeric(address[0]) for address in addresses)


@predicate
def numeric_host(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether `host`, the first argument, is an address in numbers, or empty."""
    flags: int = argument(args, kwargs, 5, "flags", 0)
    if flags & socket.AI_NUMERICHOST:
        return True
    return _is_numeric(argument(args, kwargs, 0, "host", None))


@predicate
def numeric_name(args: Args, kwargs: Kwargs) -> bool:
    """Tell whether the flags, the second argument, ask for numbers, not names."""
    return bool(args[1] & socket.NI_NUMERICHOST)


def _is_numeric(host: str | bytes | None) -> bool:
    if not host:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, text.partition("%")[0])
            return True
    return False
