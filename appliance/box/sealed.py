"""Owns sealing a stream with a passphrase: whoever has not got it can neither read nor change it.

libsodium's secretstream (XChaCha20-Poly1305) in chunks of 1 MiB, its key by Argon2id: made for
just this, quick on processors without AES, and kept well by Debian. A chunk is only handed out
once it is authentic; chunks that are missing, doubled, in another order or cut off at the end are
noticed. The form of a sealed stream: `_HEAD`, the stream's header, then the chunks.
"""

from __future__ import annotations

import ctypes
import io
import os
import secrets
import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from appliance.errors import NoSealing, ParcelDamaged, WeakPassphrase, WrongPassphrase

if TYPE_CHECKING:
    from collections.abc import Callable

_LIBRARY = "libsodium.so.23"
_HEAD = struct.Struct("<16s16sII")  # magic, salt, passes, KiB of memory
_MAGIC = b"JEMBATAN SEALED\x01"
_SALT_BYTES = 16
_KEY_BYTES = 32
_STREAM_HEADER_BYTES = 24
_ADDED_BYTES = 17
_CHUNK_BYTES = 1 << 20
_ARGON2ID13 = 2
_MESSAGE, _FINAL = 0, 3
# 64 MiB and three passes: about a second on a Pi 3, and it fits into 512 MB (RFC 9106, 4).
_PASSES, _MEMORY_KIB = 3, 64 << 10
_MOST_PASSES, _MOST_MEMORY_KIB = 16, 256 << 10
LEAST_CHARACTERS = 12
LETTERS = "ACDEFGHJKLMNPQRTUVWXY34679"
"""No two of them look alike or sound alike over a telephone."""
_GROUPS, _GROUP = 4, 5


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and how it is made of its passphrase again."""

    secret: bytes
    salt: bytes
    passes: int = _PASSES
    memory_kib: int = _MEMORY_KIB


def new_key(passphrase: str) -> Key:
    """A key that only this passphrase brings back. Raises WeakPassphrase, NoSealing."""
    if len(tidy(passphrase)) < LEAST_CHARACTERS:
        raise WeakPassphrase(least=LEAST_CHARACTERS)
    salt = os.urandom(_SALT_BYTES)
    return Key(_derived(passphrase, salt, _PASSES, _MEMORY_KIB), salt)


def made_up() -> str:
    """A passphrase of 20 letters and digits that nobody confuses: 93 bits."""
    text = "".join(secrets.choice(LETTERS) for _ in range(_GROUPS * _GROUP))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def tidy(passphrase: str) -> str:
    """A passphrase without what people add or leave out when they copy one: spaces and dashes."""
    return "".join(letter for letter in passphrase if not letter.isspace() and letter != "-")


class Sealer(io.RawIOBase):
    """A file to write into; what comes out sealed is handed to `put`."""

    def __init__(self, key: Key, put: Callable[[bytes], object]) -> None:
        """Begin a stream."""
        super().__init__()
        self._put = put
        self._pending = bytearray()
        self._stream = _Stream()
        head = _HEAD.pack(_MAGIC, key.salt, key.passes, key.memory_kib)
        begin = ctypes.create_string_buffer(_STREAM_HEADER_BYTES)
        _must(_sodium().crypto_secretstream_xchacha20poly1305_init_push(
            ctypes.byref(self._stream), begin, key.secret
        ))  # fmt: skip
        self._bound = head
        put(head + begin.raw)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, content: object) -> int:
        """Seal what fills a chunk, keep the rest for the next."""
        plain = memoryview(content).cast("B")  # type: ignore[arg-type]  # io's Buffer is no type
        self._pending += plain
        # A chunk is kept back until more comes: the last one must be marked as such.
        while len(self._pending) > _CHUNK_BYTES:
            self._push(bytes(self._pending[:_CHUNK_BYTES]), _MESSAGE)
            del self._pending[:_CHUNK_BYTES]
        return len(plain)

    def finish(self) -> None:
        """Seal the rest and mark the end; a stream without it is refused as cut off."""
        self._push(bytes(self._pending), _FINAL)
        self._pending.clear()

    def _push(self, plain: bytes, tag: int) -> None:
        sealed = ctypes.create_string_buffer(len(plain) + _ADDED_BYTES)
        bound, self._bound = self._bound, b""
        _must(_sodium().crypto_secretstream_xchacha20poly1305_push(
            ctypes.byref(self._stream), sealed, None, plain, ctypes.c_ulonglong(len(plain)),
            bound, ctypes.c_ulonglong(len(bound)), ctypes.c_ubyte(tag),
        ))  # fmt: skip
        self._put(sealed.raw)


class Opener(io.RawIOBase):
    """A file to read from what was sealed; nothing that was tampered with ever comes out.

    Reading to its end proves that nothing is missing. Raises ParcelDamaged.
    """

    def __init__(self, sealed: BinaryIO, passphrase: str) -> None:
        """Begin. Raises WrongPassphrase, ParcelDamaged, NoSealing."""
        super().__init__()
        self._sealed = sealed
        head, begin = _read(sealed, _HEAD.size), _read(sealed, _STREAM_HEADER_BYTES)
        magic, salt, passes, memory_kib = _HEAD.unpack(head)
        if magic != _MAGIC or passes > _MOST_PASSES or memory_kib > _MOST_MEMORY_KIB:
            raise ParcelDamaged(why="it is not of a kind known to this version")
        self.key = Key(_derived(passphrase, salt, passes, memory_kib), salt, passes, memory_kib)
        self._stream = _Stream()
        self._bound = head
        self._plain = b""
        self._ended = False
        _must(_sodium().crypto_secretstream_xchacha20poly1305_init_pull(
            ctypes.byref(self._stream), begin, self.key.secret
        ))  # fmt: skip
        try:
            self._pull()
        except ParcelDamaged:
            # Of a stick whose files are what they were when they were written.
            raise WrongPassphrase from None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Hand out what is authentic."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # as above
        while not self._plain and not self._ended:
            self._pull()
        taken = self._plain[: len(room)]
        room[: len(taken)] = taken
        self._plain = self._plain[len(taken) :]
        return len(taken)

    def finish(self) -> None:
        """Read what is left and drop it. Raises ParcelDamaged where the end is missing."""
        self._plain = b""
        while not self._ended:
            self._pull()
            self._plain = b""

    def _pull(self) -> None:
        sealed = self._sealed.read(_CHUNK_BYTES + _ADDED_BYTES)
        if len(sealed) < _ADDED_BYTES:
            raise ParcelDamaged(why="its end is missing")
        plain = ctypes.create_string_buffer(len(sealed) - _ADDED_BYTES)
        tag = ctypes.c_ubyte()
        bound, self._bound = self._bound, b""
        failed = _sodium().crypto_secretstream_xchacha20poly1305_pull(
            ctypes.byref(self._stream), plain, None, ctypes.byref(tag), sealed,
            ctypes.c_ulonglong(len(sealed)), bound, ctypes.c_ulonglong(len(bound)),
        )  # fmt: skip
        if failed:
            raise ParcelDamaged(why="it was changed since it was written")
        self._plain = plain.raw
        self._ended = tag.value == _FINAL
        if self._ended and self._sealed.read(1):
            raise ParcelDamaged(why="something was added at its end")


class _Stream(ctypes.Structure):
    """crypto_secretstream_xchacha20poly1305_state: key, nonce, padding."""

    _fields_ = (
        ("key", ctypes.c_ubyte * 32),
        ("nonce", ctypes.c_ubyte * 12),
        ("padding", ctypes.c_ubyte * 8),
    )


@cache
def _sodium() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise NoSealing(why=str(error)) from error
    if library.sodium_init() < 0:
        raise NoSealing(why="libsodium cannot begin")
    size = library.crypto_secretstream_xchacha20poly1305_statebytes()
    if size != ctypes.sizeof(_Stream):
        raise NoSealing(why="this libsodium is of another kind")
    return library


def _derived(passphrase: str, salt: bytes, passes: int, memory_kib: int) -> bytes:
    secret = ctypes.create_string_buffer(_KEY_BYTES)
    said = tidy(passphrase).encode()
    _must(_sodium().crypto_pwhash(
        secret, ctypes.c_ulonglong(_KEY_BYTES), said, ctypes.c_ulonglong(len(said)), salt,
        ctypes.c_ulonglong(passes), ctypes.c_size_t(memory_kib << 10), _ARGON2ID13,
    ))  # fmt: skip
    return secret.raw


def _must(failed: int) -> None:
    if failed:
        raise NoSealing(why="there is not enough memory")


def _read(sealed: BinaryIO, size: int) -> bytes:
    content = sealed.read(size)
    if len(content) < size:
        raise ParcelDamaged(why="its beginning is missing")
    return content
