"""Owns what a request from one service to another says in the words of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.settings.schema import Tls

if TYPE_CHECKING:
    from collections.abc import Mapping


def tls_of(request: Mapping[str, Any]) -> Tls | None:
    """How TLS is to be spoken; None: not at all."""
    given = request.get("tls")
    return None if given is None else Tls(**given)
