"""Owns looking at how a peer meets TLS, apart from DICOM: what it shows, and why hands stay apart.

Nothing is sent but the greeting of TLS, and where that stays without an answer one plain
association request, to see whether the peer speaks DICOM without TLS there.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import certificate, errors
from appliance.dicom import pdu, trust
from appliance.dicom.association import connected
from appliance.dicom.guarded import WANTS, wait
from appliance.dicom.pdu import Context, Kind
from appliance.elements import IMPLICIT_LE
from appliance.peek import Garbled

if TYPE_CHECKING:
    from appliance.certificate import Certificate
    from appliance.dicom.association import Target

_VERIFICATION = "1.2.840.10008.1.1"
_GREETING_S = 10.0
_SECOND_THOUGHTS_S = 2.0
_ANSWERS = frozenset({Kind.ASSOCIATE_AC, Kind.ASSOCIATE_RJ, Kind.ABORT})


@dataclass(frozen=True, slots=True)
class Handshake:
    """How far it went; `problem` None: as far as it should."""

    problem: errors.AssociationFailed | None = None
    address: str = ""  # the numeric one that took the call
    version: str = ""  # "TLSv1.3"; "" where there is no TLS
    cipher: str = ""
    certificate: Certificate | None = None  # what the peer showed, also where it is not believed

    def document(self) -> dict[str, object]:
        """It in JSON."""
        problem = self.problem
        return {
            "code": problem.code if problem else "",
            "sentence": problem.sentence if problem else "",
            "hint": problem.hint if problem else "",
            "address": self.address,
            "version": self.version,
            "cipher": self.cipher,
            "certificate": self.certificate.document() if self.certificate else None,
        }


def probe(target: Target, timeout_s: float = _GREETING_S) -> Handshake:
    """What comes of calling `target` as its settings want, up to where DICOM would begin.

    Without TLS in them: whether it takes the call. Never raises what the peer or the network does.
    """
    address = ""
    try:
        sock = connected(target, timeout_s)
        address = _address(sock)
        if target.tls is None:
            sock.close()
            return Handshake(address=address)
        with closing(trust.met(sock, target, timeout_s)) as secured:
            _second_thoughts(secured, target)
            return _seen(secured, address)
    except errors.CertificateRefused as problem:
        return _refused(problem, target, timeout_s)
    except (errors.TlsUnanswered, errors.TlsFailed) as problem:
        return Handshake(_not_tls(target, timeout_s) or problem, address)
    except errors.AssociationFailed as problem:
        return Handshake(problem, address)


def shown(target: Target, timeout_s: float = _GREETING_S) -> Handshake:
    """What it shows to whoever greets it in TLS, be it believed or not.

    For who called it without: an answer with a `version` is a peer that expects TLS.
    """
    address = ""
    try:
        sock = connected(target, timeout_s)
        address = _address(sock)
        context = trust.showing(trust.anybody(), target)
        with closing(trust.greeted(sock, target, context, timeout_s)) as secured:
            return _seen(secured, address)
    except errors.AssociationFailed as problem:
        return Handshake(problem, address)


def tls_expected(target: Target, timeout_s: float = _GREETING_S) -> errors.TlsExpected | None:
    """Whether a peer that does not understand us without TLS expects it."""
    speaks_it = shown(target, timeout_s).version
    facts = {"host": target.host, "port": target.port, "peer": target}
    return errors.TlsExpected(**facts) if speaks_it else None


def _address(sock: socket.socket) -> str:
    with suppress(OSError):  # it may have hung up already
        return str(sock.getpeername()[0])
    return ""


def _seen(secured: ssl.SSLSocket, address: str) -> Handshake:
    der = secured.getpeercert(binary_form=True)
    cipher, *_ = secured.cipher() or ("",)
    return Handshake(None, address, secured.version() or "", cipher, _facts(der))


def _facts(der: bytes | None) -> Certificate | None:
    with suppress(Garbled):
        return certificate.read(der) if der else None
    return None


def _refused(problem: errors.CertificateRefused, target: Target, timeout_s: float) -> Handshake:
    """A certificate that was refused is never shown by OpenSSL: look at it once more."""
    found = shown(target, timeout_s)
    return Handshake(problem, found.address, found.version, found.cipher, found.certificate)


def _second_thoughts(secured: ssl.SSLSocket, target: Target) -> None:
    """With TLS 1.3 the peer says only after the handshake that it does not like who calls.

    Raises AssociationFailed. A ticket for the next time is a welcome; some send none.
    """
    until_s = time.monotonic() + _SECOND_THOUGHTS_S
    with suppress(TimeoutError):
        while not _is_welcome(secured, target):
            wait(secured, ssl.SSLWantReadError(), until_s)


def _is_welcome(secured: ssl.SSLSocket, target: Target) -> bool:
    """Whether nothing more has to be waited for. Raises AssociationFailed."""
    try:
        secured.recv(1)
    except WANTS:
        return bool(secured.session and secured.session.has_ticket)
    except OSError as error:
        raise trust.why(error, target, agreed=True) from error
    return True  # it speaks, or has hung up


def _not_tls(target: Target, timeout_s: float) -> errors.NotTls | None:
    """A peer that did not answer in TLS: does it in plain DICOM?"""
    offers = [Context(_VERIFICATION, IMPLICIT_LE)]
    with suppress(errors.AssociationFailed, OSError), connected(target, timeout_s) as sock:
        sock.sendall(pdu.associate_rq(target.called, target.calling, offers))
        kind = sock.recv(1, socket.MSG_WAITALL)
        if kind and kind[0] in _ANSWERS:
            facts = {"host": target.host, "port": target.port, "peer": target}
            return errors.NotTls(**facts, why="it answers there without TLS")
    return None
