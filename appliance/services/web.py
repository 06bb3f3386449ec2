"""Owns the composition of the web service: the page behind waitress, on one port for now.

Plain http; on the box, 443 (and 80, which leads there) will come by socket activation.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys
from threading import Thread
from typing import TYPE_CHECKING

from waitress.server import create_server

from appliance.errors import CannotListen, PageStuck
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.web.app import create_app

if TYPE_CHECKING:
    from appliance.services.duty import Duty

_THREADS = 8  # six of which may wait for previews
_IDLE_S = 30
_PATIENCE_S = 30.0


def work(duty: Duty, port: int) -> None:
    """Serve the page until told to leave; a page that does not answer itself ends the service."""
    server = create_server(
        create_app(duty.paths, duty.clock),
        sockets=[_listen(port)],
        threads=_THREADS,
        ident="",
        asyncore_loop_timeout=_IDLE_S,
    )
    Thread(target=server.run, name="page", daemon=True).start()

    def turn() -> float:
        _must_answer(port)
        return SAFETY_SCAN_S

    duty.loop(turn)


def _listen(port: int) -> socket.socket:
    """Every address of the machine, of both families where it has both. Raises CannotListen."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except OSError as error:
        raise CannotListen(port=port, why=os.strerror(error.errno or 0)) from error


def _must_answer(port: int) -> None:
    """Ask the page how it is: any answer will do. Raises PageStuck."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        raise PageStuck(why=str(error)) from error
    finally:
        connection.close()


def _command_line() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--port", type=int, default=8080)
    own, rest = parser.parse_known_args(sys.argv[1:])
    main(lambda duty: work(duty, own.port), "web", rest)


if __name__ == "__main__":
    _command_line()
