"""Owns DICOM over TLS as the side that calls (PS3.15 B.12): whom to trust, and why it failed.

Imported only where the settings ask for TLS.
"""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from appliance import certificate, errors
from appliance.dicom.guarded import ENDS, Guarded, handshake, profiled
from appliance.settings.schema import Tls

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

    from appliance.dicom.association import Target


def guarded(sock: socket.socket, target: Target, timeout_s: float) -> Guarded:
    """Speak TLS on a new connection as the target's settings want. Raises AssociationFailed."""
    return Guarded(met(sock, target, timeout_s))


def met(sock: socket.socket, target: Target, timeout_s: float) -> ssl.SSLSocket:
    """Shake hands, and see whose they are. Raises AssociationFailed; then `sock` is closed."""
    with ExitStack() as failed:
        failed.callback(sock.close)
        secured = greeted(sock, target, trusting(target), timeout_s)
        failed.callback(secured.close)
        _compare(secured, target)
        failed.pop_all()
    return secured


def greeted(
    sock: socket.socket, target: Target, context: ssl.SSLContext, timeout_s: float
) -> ssl.SSLSocket:
    """Shake hands as `context` wants. Raises AssociationFailed."""
    sock.setblocking(False)
    secured = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
    try:
        handshake(secured, time.monotonic() + timeout_s)
    except OSError as error:
        agreed_cipher = secured.cipher()
        secured.close()
        raise why(error, target, agreed=bool(agreed_cipher)) from error
    return secured


def trusting(target: Target) -> ssl.SSLContext:
    """What is asked of the peer, and what is shown to it. Raises TlsFilesUnusable."""
    context, tls = anybody(), target.tls or Tls()
    if tls.ca or not tls.fingerprint:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        # The peer's own certificate, or that of who signed it, is enough; no root is needed.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        with _reading(target, tls.ca):
            _load(context, tls.ca)
    return showing(context, target)


def showing(context: ssl.SSLContext, target: Target) -> ssl.SSLContext:
    """`context`, with the certificate that this box shows there. Raises TlsFilesUnusable."""
    if target.tls and target.tls.cert:
        with _reading(target, target.tls.cert):
            key = target.tls.key or None
            context.load_cert_chain(target.tls.cert, key, password=_no_password)
    return context


def anybody() -> ssl.SSLContext:
    """Encrypts, to whoever answers."""
    context = profiled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def why(error: OSError, target: Target, *, agreed: bool) -> errors.AssociationFailed:
    """What a failure of TLS means; `agreed`: there was an agreement on how to encrypt."""
    facts = {"peer": target, "host": target.host, "port": target.port}
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = _REFUSALS.get(error.verify_code, errors.CertificateRefused)
        return problem(**facts, why=error.verify_message)
    if isinstance(error, TimeoutError):
        return errors.TlsUnanswered(**facts, why="it said nothing")
    if isinstance(error, (*ENDS, ConnectionError)):
        return errors.TlsUnanswered(**facts, why="it hung up")
    reason = (isinstance(error, ssl.SSLError) and error.reason) or "it gave no reason"
    return _said(reason, target, agreed=agreed)(**facts, why=_WORDS.get(reason, _plain(reason)))


def _said(reason: str, target: Target, *, agreed: bool) -> type[errors.AssociationFailed]:
    shows_one = bool(target.tls and target.tls.cert)
    if reason in _ABOUT_OURS or (reason == _HANDSHAKE_FAILURE and agreed):
        return errors.ClientCertificateRefused if shows_one else errors.ClientCertificateWanted
    if reason in _NO_COMMON:
        return errors.NoCommonTls
    return errors.NotTls if reason in _NOT_TLS else errors.TlsFailed


def _compare(secured: ssl.SSLSocket, target: Target) -> None:
    wanted = target.tls.fingerprint if target.tls else ""
    found = certificate.fingerprint(secured.getpeercert(binary_form=True) or b"")
    if wanted and not certificate.same(found, wanted):
        raise errors.FingerprintDiffers(peer=target, found=found)


def _load(context: ssl.SSLContext, ca: str) -> None:
    if ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()


@contextmanager
def _reading(target: Target, path: str) -> Iterator[None]:
    """What may be wrong with a file while OpenSSL reads it, in words."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None)
        detail = _plain(reason) if reason else getattr(error, "strerror", None) or str(error)
        found = f"{path}: {detail.lower()}"
        raise errors.TlsFilesUnusable(peer=target, why=found) from error


def _no_password() -> str:
    msg = "the key is locked with a password"
    raise ValueError(msg)


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower()


# OpenSSL's X509_V_ERR (x509_vfy.h).
_REFUSALS: Mapping[int, type[errors.CertificateRefused]] = {
    9: errors.CertificateNotYetValid,
    10: errors.CertificateExpired,
    18: errors.NotTrusted,  # self-signed
    19: errors.NotTrusted,  # signed by an authority nobody knows
    20: errors.NotTrusted,
    21: errors.NotTrusted,
    62: errors.WrongName,
    64: errors.WrongName,
}
_HANDSHAKE_FAILURE = "SSLV3_ALERT_HANDSHAKE_FAILURE"
_NOT_TLS = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNEXPECTED_MESSAGE",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    }
)
_NO_COMMON = frozenset(
    {
        _HANDSHAKE_FAILURE,
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "UNSUPPORTED_PROTOCOL",
        "DH_KEY_TOO_SMALL",
    }
)
_ABOUT_OURS = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_NO_CERTIFICATE",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(_NOT_TLS, "it answered in the clear"),
    "TLSV1_ALERT_PROTOCOL_VERSION": "it knows neither TLS 1.2 nor 1.3",
    "UNSUPPORTED_PROTOCOL": "it knows neither TLS 1.2 nor 1.3",
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": "it asks for stronger ciphers",
    "DH_KEY_TOO_SMALL": "its key for this connection is too short",
    _HANDSHAKE_FAILURE: "it accepts none of what is offered",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who signed it",
    "TLSV1_ALERT_ACCESS_DENIED": "it lets its owner not in",
    "TLSV1_ALERT_DECRYPT_ERROR": "the key does not seem to fit",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it calls it bad",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not say why",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it is not of a kind that may be used for this",
}
