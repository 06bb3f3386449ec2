"""Owns which keys an image trusts and a bundle is signed with: a folder of three PEM files.

Development keys are made on this machine when they are first wanted, below .cache and never
committed; release keys come from whoever keeps them (image-build/keys/README.md). An image trusts
one authority and no other, so neither kind of box takes the other's updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imagebuild.command import run, say
from imagebuild.errors import NoKeys
from imagebuild.recipe import CHECKOUT

DEVELOPMENT = CHECKOUT / ".cache" / "keys" / "development"

_FOR_DEVELOPMENT = "Jembatan development, not for patients"
"""What such keys' certificates say of themselves, wherever they lie and whoever copied them."""
_AUTHORITY = "authority.cert.pem"
_CERTIFICATE = "signer.cert.pem"
_KEY = "signer.key.pem"
# A board without a clock may think it is any day: from before all of them, to after their end.
_FROM, _TO = "20200101000000Z", "20700101000000Z"

_OPENSSL = """
[ca]
default_ca = here
[here]
database = {work}/index
new_certs_dir = {work}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
organizationName = supplied
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = any
"""


@dataclass(frozen=True)
class Keys:
    """The folder of an authority: what boxes trust, and what signs for them."""

    folder: Path

    @property
    def are_for_development(self) -> bool:
        """Whether the authority says so: whoever has that checkout could sign.

        Raises CommandFailed.
        """
        how = ("-noout", "-subject", "-nameopt", "multiline,utf8")
        return _FOR_DEVELOPMENT in run("openssl", "x509", *how, "-in", self.authority)

    @property
    def variant(self) -> str:
        """What an image that trusts them calls itself."""
        return "development" if self.are_for_development else "release"

    @property
    def authority(self) -> Path:
        """The certificate that goes into the image, the box's whole keyring."""
        return self.folder / _AUTHORITY

    @property
    def certificate(self) -> Path:
        """Of who signs bundles."""
        return self.folder / _CERTIFICATE

    @property
    def key(self) -> Path:
        """What signs; not needed for an image."""
        return self.folder / _KEY


def keys(folder: Path | None = None) -> Keys:
    """The keys in a folder; without one, this machine's development keys. Raises NoKeys."""
    if folder is None and not DEVELOPMENT.exists():
        make(DEVELOPMENT, _FOR_DEVELOPMENT)
    found = Keys(folder or DEVELOPMENT)
    if not found.authority.exists():
        raise NoKeys(folder=found.folder, name=_AUTHORITY)
    return found


def make(folder: Path, name: str) -> Keys:
    """An authority called `name` and a signer; their keys lie in the new `folder` as they are."""
    say(f"making keys: {name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as place:
        work = Path(place)
        (work / "index").touch()
        (work / "config").write_text(_OPENSSL.format(work=work), encoding="ascii")
        made = work / "made"
        made.mkdir(mode=0o700)
        authority_key = made / "authority.key.pem"
        _key(authority_key)
        _certificate(work, made / _AUTHORITY, authority_key, "authority", f"{name}: authority")
        _key(made / _KEY)
        signer = f"{name}: signer"
        _certificate(work, made / _CERTIFICATE, made / _KEY, "signer", signer, by=made)
        made.rename(folder)
    return Keys(folder)


def _key(file: Path) -> None:
    run(
        "openssl",
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        file,
    )
    file.chmod(0o600)


def _certificate(
    work: Path, file: Path, key: Path, kind: str, name: str, *, by: Path | None = None
) -> None:
    request, config = work / f"{kind}.csr", work / "config"
    run(
        *("openssl", "req", "-new", "-config", config, "-key", key, "-out", request),
        *("-subj", f"/O=Jembatan/CN={name}"),
    )
    signed_by = (
        ("-selfsign", "-keyfile", key)
        if by is None
        else ("-cert", by / _AUTHORITY, "-keyfile", by / "authority.key.pem")
    )
    run(
        *("openssl", "ca", "-batch", "-notext", "-config", config, "-extensions", kind),
        *("-startdate", _FROM, "-enddate", _TO, "-in", request, "-out", file, *signed_by),
    )
