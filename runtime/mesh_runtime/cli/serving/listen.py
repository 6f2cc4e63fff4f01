"""Binding the address before anything else starts, so that a port in use is known at once."""

from __future__ import annotations

import ipaddress
import socket

from mesh_runtime.errors import RuntimeFault

_BACKLOG = 2048


class AddressError(RuntimeFault):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; port 0 takes a free one. The caller closes it.

    Raises:
        AddressError: the host is unknown, or the port in use or reserved.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(f"{host!r} is no address of this machine", remedy="Use 127.0.0.1 or 0.0.0.0.") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise AddressError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            remedy="Choose another with --port; --port 0 takes a free one.",
        ) from error
    return listening


def url_of(listening: socket.socket) -> str:
    """The URL that reaches the socket, with the port that it really has."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine reaches the socket."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback
