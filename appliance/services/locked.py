"""Owns the composition of the locked service: red lamp and a plain page while the data is locked,
or once the card gave out at work.

It is there instead of all others, which need the data, and has no right but to listen on the
ports of the page. What the page is given as recovery key goes to the unlock service.
"""

from __future__ import annotations

import logging
import os
import ssl
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from appliance.board.lamps import find_lamps
from appliance.board.systemd import Notifier
from appliance.box import report
from appliance.box.report import said_of
from appliance.box.tool import run
from appliance.call import ask
from appliance.errors import CardGaveOut, DataDamaged, OtherBoard, StartCutShort
from appliance.services.unlock import SOCKET
from appliance.status.pattern import PATTERNS, LampState, drawing
from appliance.web.locked import LockedPage, LockedServer, Said

if TYPE_CHECKING:
    from appliance.box.report import Report
    from appliance.box.report import Said as Told

_HTTP, _HTTPS = 80, 443
_UNLOCK_S = 120.0
_ERASABLE = frozenset({OtherBoard.code, DataDamaged.code})
"""Where the next start obeys a wish to erase the card (appliance.box.vault)."""
_ANY = "0.0.0.0"  # noqa: S104 - whoever looks for the box is to find out what is wrong


def main() -> None:
    """Say what is wrong until the box starts again."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    lamps = find_lamps(sys.stderr)
    lamps.show(PATTERNS[LampState.CANNOT_DELIVER].frames, drawing(LampState.CANNOT_DELIVER))
    context = certified(Path(os.environ["RUNTIME_DIRECTORY"]))
    page = page_of(report.read())
    plain = LockedServer((_ANY, _HTTP), page)
    secret = LockedServer((_ANY, _HTTPS), page, context)
    Thread(target=plain.serve_forever, name="http", daemon=True).start()
    Notifier().ready()
    secret.serve_forever()


def page_of(found: Report | None) -> LockedPage:
    """The page that says what is wrong; `found` by the start, None where it told nothing."""
    told = _told(found)
    said = tuple(Said(one.sentence, one.hint) for one in told)
    codes = {one.code for one in told}
    can_open = OtherBoard.code in codes
    return LockedPage(said, _unlock, can_open=can_open, can_erase=bool(codes & _ERASABLE))


def _told(found: Report | None) -> tuple[Told, ...]:
    if found is None:
        return (said_of(StartCutShort()),)
    return (said_of(CardGaveOut()),) if found.is_open else found.said


def _unlock(typed: str) -> None:
    ask(SOCKET, {"op": "recover", "key": typed}, _UNLOCK_S)


def certified(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate for this occasion: the box's own lies where it is locked."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "3650", "-subj", "/CN=locked", "-keyout", str(key)),
        *("-out", str(certificate)),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    main()
