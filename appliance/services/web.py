"""Owns the composition of the web service: the page, by the doors that there are.

On the box systemd opens them (jembatan-web.socket): https first, then plain http, which leads
there. On a workstation nobody does, and the page is plain http on one port.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import ssl
import sys
from threading import Thread
from typing import TYPE_CHECKING

from appliance.box.papers import page_papers
from appliance.errors import CannotListen, PageStuck
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.web.app import create_app
from appliance.web.doors import Doors

if TYPE_CHECKING:
    from appliance.services.duty import Duty

_PATIENCE_S = 30.0
_LEAVE_S = 8.0


def work(duty: Duty, port: int) -> None:
    """Serve the page until told to leave; a page that does not answer itself ends the service.

    Raises CannotListen, NoPageCertificate, PageStuck.
    """
    doors = Doors(create_app(duty.paths, duty.clock))
    connection = _opened(doors, duty, port)
    page = Thread(target=doors.run, name="page", daemon=True)
    page.start()

    def turn() -> float:
        _must_answer(connection)
        return SAFETY_SCAN_S

    duty.loop(turn)
    doors.close()
    page.join(_LEAVE_S)


def _opened(doors: Doors, duty: Duty, port: int) -> http.client.HTTPConnection:
    """Open the doors; how this service itself comes in."""
    if not duty.doors:
        doors.open(_listen(port))
        return http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    from appliance.web.secured import Certified  # noqa: PLC0415 - OpenSSL only where it is wanted

    secured, *plain = duty.doors
    port = secured.getsockname()[1]
    doors.open_secured(secured, Certified(page_papers(duty.paths.root)))
    for each in plain:
        doors.open_leading(each, port)
    return http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=_PATIENCE_S, context=_whoever_it_is()
    )


def _whoever_it_is() -> ssl.SSLContext:
    """Who answers at our own address is ourselves; whether others believe it is theirs to say."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _listen(port: int) -> socket.socket:
    """Every address of the machine, of both families where it has both. Raises CannotListen."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", port))
    except OSError as error:
        raise CannotListen(port=port, why=os.strerror(error.errno or 0)) from error


def _must_answer(connection: http.client.HTTPConnection) -> None:
    """Ask the page how it is: any answer will do. Raises PageStuck."""
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
