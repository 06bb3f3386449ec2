"""Owns the options with which a command says how TLS is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import Refused

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.settings.schema import Tls

_OPTIONS = ("ca", "cert", "key", "fingerprint")


def tls_of(options: Namespace) -> Tls | None:
    """What was asked for; None: no TLS. Raises Refused."""
    given = {name: getattr(options, name) or "" for name in _OPTIONS}
    if not (options.tls or any(given.values())):
        return None
    from appliance.settings import values  # noqa: PLC0415 - a plain `send` must not wait for it
    from appliance.settings.schema import Tls  # noqa: PLC0415

    tls = Tls(**given)
    if not options.to:
        raise Refused(what="TLS", why="the settings say how a DESTINATION is spoken to")
    if bool(tls.cert) != bool(tls.key):
        raise Refused(what="TLS", why="--cert and --key go together")
    if tls.fingerprint and (fault := values.fingerprint(tls.fingerprint)):
        raise Refused(what="--fingerprint", why=fault)
    return tls
