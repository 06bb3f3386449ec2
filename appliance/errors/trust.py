"""Owns what can be wrong with TLS towards a peer that this box calls."""

from __future__ import annotations

from appliance.errors.base import Notice
from appliance.errors.peer import AssociationFailed


class TlsFailed(AssociationFailed):
    """There is no encrypted connection (TLS) to {peer}: {why}."""

    code = "tls-failed"
    hint = "Its log says more; compare its TLS settings with those of this box."


class TlsExpected(AssociationFailed):
    """{host} expects TLS on port {port}, but this box is set to call it without."""

    code = "tls-expected"
    hint = "Switch TLS on for it here, or enter the port on which it takes calls without TLS."


class NotTls(AssociationFailed):
    """{host} does not speak TLS on port {port}: {why}."""

    code = "not-tls"
    hint = "Enter its port for TLS (often 2762), or switch TLS off for it here."


class TlsUnanswered(AssociationFailed):
    """{host} did not answer on port {port} when it was asked for TLS: {why}."""

    code = "tls-unanswered"
    hint = "It may not speak TLS there: compare the port number; DICOM over TLS is often on 2762."


class NoCommonTls(AssociationFailed):
    """{peer} and this box know no way to encrypt in common: {why}."""

    code = "no-common-tls"
    hint = "It must offer TLS 1.2 or 1.3 with AES-GCM or ChaCha20; ask its administrator."


class CertificateRefused(AssociationFailed):
    """The certificate of {peer} cannot be accepted: {why}."""

    code = "certificate-refused"
    hint = "Show this sentence to who looks after it."


class CertificateExpired(CertificateRefused):
    """The certificate of {peer} has expired."""

    code = "certificate-expired"
    hint = "Have it renewed there. If it has not expired, the clock of this box is wrong."


class CertificateNotYetValid(CertificateRefused):
    """The certificate of {peer} is not valid yet."""

    code = "certificate-not-yet-valid"
    hint = "Most often the clock of this box is wrong: compare it first."


class WrongName(CertificateRefused):
    """The certificate of {peer} is not made out to {host}."""

    code = "wrong-name"
    hint = (
        "Enter a name as host that the certificate is made out to, or the certificate's "
        "fingerprint; if it is somebody else's certificate, the address may be wrong."
    )


class NotTrusted(CertificateRefused):
    """The certificate of {peer} is vouched for by nobody this box trusts: {why}."""

    code = "not-trusted"
    hint = (
        "Enter the file with the certificate of who signed it, or compare the fingerprint with "
        "the one shown there and enter that."
    )


class FingerprintDiffers(CertificateRefused):
    """{peer} shows another certificate than was agreed; its fingerprint is {found}."""

    code = "fingerprint-differs"
    hint = "Ask its administrator whether it was renewed; only then enter the new fingerprint."


class ClientCertificateWanted(AssociationFailed):
    """{peer} wants this box to show a certificate, and it has none for it."""

    code = "client-certificate-wanted"
    hint = "Have one made for this box by who looks after the PACS; enter its file and its key's."


class ClientCertificateRefused(AssociationFailed):
    """{peer} does not accept the certificate that this box shows: {why}."""

    code = "client-certificate-refused"
    hint = "Give its administrator this box's certificate, or have a new one made there."


class TlsFilesUnusable(AssociationFailed):
    """The files for TLS with {peer} cannot be used: {why}."""

    code = "tls-files-unusable"
    hint = "Check `ca`, `cert` and `key` of its TLS: PEM files on this box, the key not locked."


class CertificateEnding(Notice):
    """The certificate of {whose} is valid until {day} only."""

    code = "certificate-ending"
    hint = (
        "Have it renewed in time; where its fingerprint is entered here, enter the new one then."
    )


class CertificateEnded(Notice):
    """The certificate of {whose} was valid until {day}."""

    code = "certificate-ended"
    hint = "Have it renewed; if that day is still to come, the clock of this box is wrong."
