"""Owns what a person may do about the certificate that the page shows: bring one, or give it up.

Root does it: the steward checks and publishes, or says why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box import papers
from appliance.call import ask
from appliance.errors import NotThere

if TYPE_CHECKING:
    from appliance.certificate import Certificate
    from appliance.journal.session import Paths

_STEWARD_S = 30.0


def current(paths: Paths) -> Certificate:
    """What the page shows. Raises NotThere where it is no page by https."""
    found = papers.read(paths.root)
    if found is None:
        raise NotThere(what="certificate of the page here: it is shown by https on the box only")
    return found


def is_brought(paths: Paths) -> bool:
    """Whether it is one that somebody brought, and not the box's own."""
    return papers.hospital(paths.root).exists()


def take(paths: Paths, certificates: str, key: str) -> None:
    """Show another one, of PEM texts. Raises Declined (why not), NobodyAnswers."""
    _steward(paths, op="certificate-take", certificates=certificates, key=key)


def forget(paths: Paths) -> None:
    """Show the box's own again. Raises NobodyAnswers."""
    _steward(paths, op="certificate-forget")


def _steward(paths: Paths, **request: str) -> None:
    ask(paths.run / "steward.sock", request, _STEWARD_S)
