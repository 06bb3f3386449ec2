"""Owns who may send to which receiver, and what: decided by the settings, without any network."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from appliance.dicom.acceptor import (
    CALLED_UNKNOWN,
    CALLING_UNKNOWN,
    NO_REASON,
    Taste,
    is_standard_syntax,
    is_storage,
)
from appliance.errors import CalledWrongly, CallerInTheClear, CallerTurnedAway
from appliance.settings.links import ReceiverLink
from appliance.settings.values import SOP_CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.clock import Clock
    from appliance.dicom.acceptor import Visitor
    from appliance.dicom.pdu import Rejection
    from appliance.settings.schema import Settings

_ADDRESS_GOOD_S = 60.0


def links_of(settings: Settings) -> tuple[ReceiverLink, ...]:
    """The receivers among the sources."""
    return tuple(source for source in settings.sources if isinstance(source, ReceiverLink))


class Turned(Exception):
    """A visitor is not let in; `notice` is for people, `rejection` for the peer."""

    def __init__(self, rejection: Rejection, notice: CallerTurnedAway) -> None:
        """Say both."""
        self.rejection = rejection
        self.notice = notice
        super().__init__(notice.sentence)


def link_for(
    links: Iterable[ReceiverLink],
    own_title: str,
    visitor: Visitor,
    addresses: Callable[[str], frozenset[str]],
) -> ReceiverLink:
    """The source that a visitor belongs to, by called and calling AE title and by host.

    Raises Turned.
    """
    called = [link for link in links if (link.called or own_title) == visitor.called]
    if not called:
        notice = CalledWrongly(caller=visitor, called=_shown(visitor.called))
        raise Turned(CALLED_UNKNOWN, notice)
    titled = [
        (link, caller)
        for link in called
        for caller in link.allow
        if caller.ae_title == visitor.calling
    ]
    if not titled:
        raise _unlisted(visitor, "its AE title is not in the list")
    known = [link for link, caller in titled if visitor.host in addresses(caller.host)]
    if not known:
        raise _unlisted(visitor, "its address is not the one in the list")
    for link in known:
        if visitor.over_tls or not link.tls:
            return link
    raise Turned(NO_REASON, CallerInTheClear(caller=visitor))


def _unlisted(visitor: Visitor, why: str) -> Turned:
    return Turned(CALLING_UNKNOWN, CallerTurnedAway(caller=visitor, why=why))


def taste_of(link: ReceiverLink) -> Taste:
    """What may be sent to a source."""
    classes = {uid for word in link.accept for uid in SOP_CLASSES.get(word, (word,))}
    syntaxes = set(link.syntaxes)
    return Taste(
        sop_class=classes.__contains__ if classes else is_storage,
        syntax=syntaxes.__contains__ if syntaxes else is_standard_syntax,
    )


class Addresses:
    """What host names mean; asked anew after a while, for a modality may move."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is known yet."""
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    def __call__(self, host: str) -> frozenset[str]:
        """The addresses of a host, as peers' addresses are written."""
        try:
            return frozenset({str(ipaddress.ip_address(host))})
        except ValueError:
            return self._looked_up(host)

    def _looked_up(self, host: str) -> frozenset[str]:
        now_s = self._clock.monotonic()
        asked_s, addresses = self._known.get(host, (-_ADDRESS_GOOD_S, frozenset()))
        if now_s - asked_s >= _ADDRESS_GOOD_S:
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                addresses = frozenset(str(entry[4][0]) for entry in found)
            except OSError:
                addresses = frozenset()
            self._known[host] = now_s, addresses
        return addresses


def _shown(title: str) -> str:
    """What an unknown peer sends may be anything."""
    return title.encode("unicode_escape").decode()
