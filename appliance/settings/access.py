"""Owns who may use the page: the claim code of a new box, the password, the key of sessions.

DIR/etc/claim-code.txt holds the code (the factory may have put its label's there). DIR/etc/
access.json holds {"password": "scrypt$N$r$p$SALT$KEY" or "", "session_key": HEX}: the parameters
of scrypt (RFC 7914) in decimal, salt and key in hex. A new password means a new session key, so
whoever was logged in with the old one is not any more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import AlreadyClaimed, WeakPassword, WrongClaimCode, WrongPassword

if TYPE_CHECKING:
    from pathlib import Path

LEAST_CHARACTERS = 8
# No two of these look alike or sound alike over a telephone.
_LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
_CODE_LENGTH = 10
# 16 MiB, a third of a second on a Pi 3: as good as N = 2**17, p = 1 (OWASP), in less memory.
_N, _R, _P = 2**14, 8, 5


def prepare(root: Path) -> None:
    """Make the claim code and the session key of a new box; keeps what is there."""
    if not _code_path(root).exists():
        code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        durable.publish(_code_path(root), f"{code[:5]}-{code[5:]}\n".encode(), mode=0o600)
    if not path(root).exists():
        _write(root, password="")


def path(root: Path) -> Path:
    """The file that changes with whoever may use the page."""
    return root / "etc" / "access.json"


def claim_code(root: Path) -> str:
    """The code that makes whoever types it the owner; "" once the box is claimed."""
    return "" if claimed(root) else _code_path(root).read_text(encoding="utf-8").strip()


def claimed(root: Path) -> bool:
    """Whether somebody has set a password."""
    return bool(_read(root)["password"])


def session_key(root: Path) -> bytes:
    """What signs the page's sessions."""
    return bytes.fromhex(_read(root)["session_key"])


def password_is(root: Path, password: str) -> bool:
    """Whether that is the password; slow on purpose."""
    _, n, r, p, salt, key = (_read(root)["password"] or _scrypt("")).split("$")
    found = _key(password, bytes.fromhex(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, bytes.fromhex(key)) and claimed(root)


def claim(root: Path, code: str, password: str) -> None:
    """Make the first password. Raises AlreadyClaimed, WrongClaimCode, WeakPassword."""
    if claimed(root):
        raise AlreadyClaimed
    if not hmac.compare_digest(_plain(code), _plain(claim_code(root))):
        raise WrongClaimCode
    _write(root, password=_strong(password))


def forget(root: Path) -> None:
    """Take the password away; who next claims the box needs a code that nobody has seen yet."""
    _code_path(root).unlink(missing_ok=True)
    _write(root, password="")
    prepare(root)


def clear(root: Path) -> None:
    """Have the next `prepare` find a new box; for whoever must not own these files."""
    durable.remove(path(root))
    durable.remove(_code_path(root))


def change_password(root: Path, old: str, new: str) -> None:
    """Replace the password. Raises WrongPassword, WeakPassword."""
    if not password_is(root, old):
        raise WrongPassword
    _write(root, password=_strong(new))


def _plain(code: str) -> bytes:
    """A code as people type it: dashes, spaces and small letters are all the same."""
    return "".join(letter for letter in code.upper() if letter.isalnum()).encode()


def _strong(password: str) -> str:
    if len(password) < LEAST_CHARACTERS:
        raise WeakPassword(least=LEAST_CHARACTERS)
    return _scrypt(password)


def _scrypt(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_key(password, salt, _N, _R, _P).hex()}"


def _key(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # OpenSSL counts 128 r (N + p + 2) bytes and refuses above maxmem.
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=128 * r * (n + p + 3)
    )


def _read(root: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path(root).read_bytes())
    return found


def _write(root: Path, *, password: str) -> None:
    access = {"password": password, "session_key": secrets.token_hex(32)}
    durable.publish(path(root), json.dumps(access).encode(), mode=0o600)


def _code_path(root: Path) -> Path:
    return root / "etc" / "claim-code.txt"
