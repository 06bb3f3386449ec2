"""Owns how the page comes by its certificate: made when the box is first started, or brought.

Only root does this: at the start, and the steward when the page asks for it.
"""

from __future__ import annotations

import os
import pwd
import re
import ssl
import subprocess
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance import certificate, durable
from appliance.box import papers
from appliance.errors import CertificateNotTaken, NoPageCertificate
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from appliance.certificate import Certificate
    from appliance.clock import Clock

_OPENSSL = "/usr/bin/openssl"
_USER = "jembatan"
_MOST_BYTES = 64 << 10
_MOST_CERTIFICATES = 10

# A box may not know what time it is when it makes its certificate, so no clock has a part in this.
_FROM, _UNTIL = "20200101000000Z", "20491231235959Z"

_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII
)
_KEY = re.compile(
    r"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[A-Za-z0-9+/=\s:,-]+?-----END \1-----", re.ASCII
)
_LOCKED = ("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")
_WHY = {
    "KEY_VALUES_MISMATCH": (
        "the key belongs to another certificate, or the box's own is not the first of them"
    ),
    "KEY_TYPE_MISMATCH": "the key belongs to another certificate",
    "EE_KEY_TOO_SMALL": "its key is too short to be safe",
    "CA_KEY_TOO_SMALL": "the key of who signed it is too short to be safe",
    "CA_MD_TOO_WEAK": "it is signed in a way that is no longer safe (MD5 or SHA-1)",
}
_FORM = """
[ca]
default_ca = page
[page]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = names
x509_extensions = server
[names]
organizationName = optional
commonName = supplied
[req]
distinguished_name = names_asked
[names_asked]
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {names}
"""


def prepare(root: Path, names: Sequence[str]) -> str:
    """See to it that the page has a certificate; its fingerprint.

    One that is missing is made out to `names`: host names and addresses, the first being whose
    it is. One that is there stays, whatever the names are now: people have compared its
    fingerprint. It becomes the page's own also where another box's came by stick, as root's.
    Root only. Raises NoPageCertificate, DiskFull.
    """
    _make_folder(root)
    if not papers.own(root).exists():
        _publish(papers.own(root), _made(names))
    for file in papers.page_papers(root):
        with suppress(FileNotFoundError), file.open("rb") as there:
            _give_to_the_page(there.fileno())
    _show(root)
    return papers.fingerprint(root)


def take(root: Path, certificates: str, key: str, clock: Clock) -> Certificate:
    """Have the page show the hospital's own certificate from now on.

    `certificates` is PEM text: the box's own first, then who signed it, then who signed that.
    Raises CertificateNotTaken and changes nothing, or DiskFull.
    """
    chain = _chain(certificates)
    found = [_read(each) for each in chain]
    _must_follow(found)
    _must_be_good_now(found[0], clock)
    content = "\n".join([_private(key), *chain, ""]).encode()
    _make_folder(root)
    _publish(papers.hospital(root), content, _must_work)
    _show(root)
    return found[0]


def forget(root: Path) -> None:
    """Have the page show the certificate that the box made itself."""
    papers.hospital(root).unlink(missing_ok=True)
    durable.fsync_folder(papers.folder(root))
    _show(root)


def operations(root: Path, clock: Clock) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """By name, as the page asks for them."""

    def taken(request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"certificates", "key"}: PEM texts; {"certificate": {...}}."""
        found = take(root, str(request["certificates"]), str(request["key"]), clock)
        return {"certificate": found.document()}

    def forgotten(_: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: back to the box's own."""
        forget(root)
        return {}

    return {"certificate-take": taken, "certificate-forget": forgotten}


# --- made here ----------------------------------------------------------------------------------


def _made(names: Sequence[str]) -> bytes:
    """A new key and its certificate, in PEM. Raises NoPageCertificate."""
    with TemporaryDirectory(prefix="jembatan-") as place:
        here = Path(place)
        form, key, request = here / "form", here / "key", here / "request"
        form.write_text(_FORM.format(folder=here, names=", ".join(map(_alternative, names))))
        (here / "index.txt").touch()
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        whose = f"/O=Jembatan/CN={names[0]}"
        _openssl("req", "-new", "-config", form, "-key", key, "-subj", whose, "-out", request)
        signed = ("ca", "-batch", "-notext", "-config", form, "-selfsign", "-keyfile", key)
        span = ("-startdate", _FROM, "-enddate", _UNTIL)
        _openssl(*signed, *span, "-in", request, "-out", here / "certificate")
        return key.read_bytes() + (here / "certificate").read_bytes()


def _alternative(name: str) -> str:
    is_address = re.fullmatch(r"[0-9.]+|.*:.*", name)
    return f"IP:{name}" if is_address else f"DNS:{name}"


def _openssl(*words: str | Path) -> None:
    try:
        done = subprocess.run([_OPENSSL, *words], capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoPageCertificate(why=f"openssl: {error.strerror}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"openssl ended with {done.returncode}"])[-1]
        raise NoPageCertificate(why=last)


# --- brought by somebody ------------------------------------------------------------------------


def _chain(text: str) -> list[str]:
    """The certificates of a PEM text."""
    if len(text) > _MOST_BYTES:
        raise CertificateNotTaken(why="the file is far too long for certificates")
    found = _CERTIFICATE.findall(text)
    if not found:
        why = "the file holds none in PEM text, which begins with -----BEGIN CERTIFICATE-----"
        raise CertificateNotTaken(why=why)
    if len(found) > _MOST_CERTIFICATES:
        raise CertificateNotTaken(why=f"the file holds {len(found)} of them, which is no chain")
    return found


def _private(text: str) -> str:
    if any(sign in text for sign in _LOCKED):
        raise CertificateNotTaken(why="its key is locked with a password")
    found = _KEY.search(text[:_MOST_BYTES])
    if found is None:
        why = "the file of the key holds none in PEM text, which says -----BEGIN PRIVATE KEY-----"
        raise CertificateNotTaken(why=why)
    return found[0]


def _read(pem: str) -> Certificate:
    try:
        return certificate.from_pem(pem.encode())
    except Garbled as garbled:
        raise CertificateNotTaken(why="it is damaged") from garbled


def _must_follow(chain: Sequence[Certificate]) -> None:
    for signed, signer in pairwise(chain):
        if signed.issuer != signer.subject:
            why = f"{signer.subject} follows {signed.subject}, which {signed.issuer} signed"
            raise CertificateNotTaken(why=why)


def _must_be_good_now(found: Certificate, clock: Clock) -> None:
    if not clock.is_sure():
        return
    now = clock.utc()
    if found.not_after <= now:
        raise CertificateNotTaken(why=f"it was valid until {found.not_after:%Y-%m-%d}")
    if found.not_before > now:
        raise CertificateNotTaken(why=f"it is valid from {found.not_before:%Y-%m-%d} only")


def _must_work(file: Path) -> None:
    """OpenSSL must be able to show it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", None) or error)
        why = _WHY.get(reason) or f"it cannot be used ({reason.replace('_', ' ').lower()})"
        raise CertificateNotTaken(why=why) from error


# --- on the card --------------------------------------------------------------------------------


def _make_folder(root: Path) -> None:
    durable.make_folder(papers.folder(root))
    papers.folder(root).parent.chmod(0o711)  # of root's own; whoever knows a name comes through
    papers.folder(root).chmod(0o755)


def _publish(file: Path, content: bytes, check: Callable[[Path], None] = lambda _: None) -> None:
    """Write what only the page's user may read."""
    with durable.draft(file.parent) as new:
        os.fchmod(new.file.fileno(), 0o400)
        new.file.write(content)
        new.file.flush()
        check(new.path)
        _give_to_the_page(new.file.fileno())
        new.publish(file)


def _give_to_the_page(fd: int) -> None:
    if os.geteuid() == 0:
        with suppress(KeyError):  # no such user: this is no box
            os.fchown(fd, pwd.getpwnam(_USER).pw_uid, -1)


def _show(root: Path) -> None:
    """Write down what the page shows, without its key."""
    for file in papers.page_papers(root):
        with suppress(OSError):
            chain: Iterable[str] = _CERTIFICATE.findall(file.read_text("ascii", "replace"))
            return durable.publish(papers.shown(root), "\n".join([*chain, ""]).encode())
    return None
