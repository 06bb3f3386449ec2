"""Owns one LUKS2 header: its two key slots, its master key, and the mark that it is finished.

Slot 0 opens with what is made of the board's serial, slot 1 with the recovery key. The token says
how: it is written last, in one step (LUKS2 keeps two copies and takes the newer whole one), and
what has none was never finished. Keys go through pipes, never through files or arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from appliance.box.tool import Done, attempt, run
from appliance.errors import DataDamaged, OtherBoard, ToolFailed, WrongRecoveryKey

BOARD_SLOT, RECOVERY_SLOT = 0, 1
MAPPED = Path("/dev/mapper")
_BLOCK = Path("/sys/block")

_TOKEN, _TOKEN_TYPE = "0", "jembatan"
_HEADERS_BYTES = 1 << 16  # both copies
# cryptsetup's exit statuses (cryptsetup(8)), and what it says of a device without a header.
_WRONG, _NO_KEY = 1, 2
_IS_NONE = "is not a valid LUKS device"
_NO_SUCH_SLOT = "No usable keyslot"
_LEAST_ROUNDS = "1000"


class Cipher(NamedTuple):
    """How the data is encrypted, and how its key is."""

    # Adiantum: made for processors without AES instructions, as those of a Pi 3 and 4 are (Crowley
    # and Biggers, 2018). A changed bit garbles the whole sector: 4096 bytes, ext4's own block.
    name: str = "xchacha12,aes-adiantum-plain64"
    key_bits: int = 256
    sector_bytes: int = 4096
    # Half a second on a Pi 3. PBKDF2, because argon2 would want memory that the box has not.
    rounds: int = 100_000


class State(StrEnum):
    """What has become of a partition."""

    FINISHED = "finished"
    RESET_ASKED = "reset-asked"
    """Somebody wants it emptied; to be refused at the next start if anything is unsent."""
    ERASE = "erase"
    """That was decided: what is on it is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a LUKS2 header says of itself."""

    uuid: str
    state: State | None
    """None: making it was cut off, or it is not one of ours."""
    salt: bytes = b""


class Luks:
    """The header on a device or in a file."""

    def __init__(self, device: Path, cipher: Cipher = Cipher()) -> None:  # noqa: B008 - frozen
        """Of `device`; nothing is read yet."""
        self.device = device
        self._cipher = cipher

    # What it says

    def header(self) -> Header | None:
        """None where none can be made out: not begun, cut off, or broken in both its copies.

        Raises DataDamaged where the card cannot be read, or it is not known what is there.
        """
        self._must_be_readable()
        dumped = attempt("cryptsetup", "luksDump", "--dump-json-metadata", str(self.device))
        if dumped.status == _WRONG and _IS_NONE in dumped.said:
            return None
        if dumped.status:
            raise DataDamaged(why=_words(dumped.said))
        return self._read(json.loads(dumped.out))

    def _read(self, metadata: dict[str, dict[str, dict[str, str]]]) -> Header:
        token = metadata["tokens"].get(_TOKEN, {})
        uuid = run("cryptsetup", "luksUUID", str(self.device)).strip()
        if token.get("type") != _TOKEN_TYPE:
            return Header(uuid, None)
        try:
            return Header(uuid, State(token["state"]), bytes.fromhex(token["salt"]))
        except (KeyError, ValueError) as error:
            raise DataDamaged(why="its mark is none that this version knows") from error

    def _must_be_readable(self) -> None:
        """cryptsetup does not tell a card that gives no bytes from one with other bytes."""
        try:
            with self.device.open("rb") as file:
                os.pread(file.fileno(), _HEADERS_BYTES, 0)
        except OSError as error:
            raise DataDamaged(why=f"the card cannot be read ({error.strerror})") from error

    # Its keys

    def format(self, serial: str, salt: bytes, recovery_key: str) -> None:
        """Make a new header with a new random master key and both key slots; no mark yet.

        What was there is lost. Raises ToolFailed.
        """
        key = board_key(serial, salt)
        c = self._cipher
        run(
            *("cryptsetup", "luksFormat", "--batch-mode", "--type=luks2", "--label=jembatan-data"),
            *(f"--cipher={c.name}", f"--key-size={c.key_bits}"),
            *(f"--sector-size={c.sector_bytes}", "--hash=sha256", f"--key-slot={BOARD_SLOT}"),
            *(*_rounds(str(c.rounds)), "--key-file=-", str(self.device)),
            given=key,
        )
        self._add(key, RECOVERY_SLOT, recovery_key.encode(), _LEAST_ROUNDS)

    def wrap_for(self, serial: str, salt: bytes, recovery_key: str) -> None:
        """Have this board open it from now on, and no other. Raises WrongRecoveryKey.

        Cut off in the middle, it opens with the recovery key alone; that can be given again.
        """
        self.must_open_with(recovery_key)
        rounds = str(self._cipher.rounds)
        attempt("cryptsetup", "luksKillSlot", "--batch-mode", str(self.device), str(BOARD_SLOT))
        self._add(recovery_key.encode(), BOARD_SLOT, board_key(serial, salt), rounds)

    def renew_recovery_key(self, serial: str, salt: bytes, recovery_key: str) -> None:
        """Another recovery key in the place of the old one. Raises OtherBoard."""
        key = board_key(serial, salt)
        if not self._opens(key, BOARD_SLOT):
            raise OtherBoard
        attempt("cryptsetup", "luksKillSlot", "--batch-mode", str(self.device), str(RECOVERY_SLOT))
        self._add(key, RECOVERY_SLOT, recovery_key.encode(), _LEAST_ROUNDS)

    def must_open_with(self, recovery_key: str) -> None:
        """Raises WrongRecoveryKey."""
        if not self._opens(recovery_key.encode(), RECOVERY_SLOT):
            raise WrongRecoveryKey

    def _opens(self, key: bytes, slot: int) -> bool:
        done = attempt(
            *("cryptsetup", "open", "--test-passphrase", f"--key-slot={slot}", "--key-file=-"),
            str(self.device),
            given=key,
        )
        return done.status == 0

    def _add(self, key: bytes, slot: int, new: bytes, rounds: str) -> None:
        """The new key comes by a pipe of its own, since standard input carries the old one."""
        reading, writing = os.pipe()
        try:
            os.write(writing, new)
            os.close(writing)
            run(
                *("cryptsetup", "luksAddKey", "--batch-mode", f"--new-key-slot={slot}"),
                *(*_rounds(rounds), "--hash=sha256", "--key-file=-"),
                *(str(self.device), f"/proc/self/fd/{reading}"),
                given=key,
                fds=(reading,),
            )
        finally:
            os.close(reading)

    # Its mark

    def mark(self, state: State, salt: bytes) -> None:
        """Write down what it is from now on; durable when this returns."""
        token = {"type": _TOKEN_TYPE, "keyslots": [], "state": state, "salt": salt.hex()}
        run(
            *("cryptsetup", "token", "import", f"--token-id={_TOKEN}", "--token-replace"),
            str(self.device),
            given=json.dumps(token).encode(),
        )
        self._flush()

    def erase_keys(self) -> None:
        """Destroy every key slot: what is on it can never be read again."""
        run("cryptsetup", "erase", "--batch-mode", str(self.device))
        self._flush()

    def _flush(self) -> None:
        with self.device.open("rb") as file:
            os.fsync(file.fileno())

    # What it holds

    def open_for_board(self, name: str, serial: str, salt: bytes) -> Path:
        """Have the kernel decrypt it, as NAME. Raises OtherBoard, DataDamaged.

        Discards pass through: a card that is told what is free lasts longer. They show which
        blocks are free, and so how full it is, to who reads the card; nothing of what is in them.
        """
        return self._open(name, board_key(serial, salt), BOARD_SLOT, "--allow-discards")

    def open_to_look(self, name: str, recovery_key: str) -> Path:
        """The same, for reading alone. Raises WrongRecoveryKey, DataDamaged."""
        try:
            return self._open(name, recovery_key.encode(), RECOVERY_SLOT, "--readonly")
        except OtherBoard:
            raise WrongRecoveryKey from None

    def _open(self, name: str, key: bytes, slot: int, option: str) -> Path:
        done = attempt(
            *("cryptsetup", "open", "--type=luks2", option, f"--key-slot={slot}"),
            *("--key-file=-", str(self.device), name),
            given=key,
        )
        if problem := refusal(done):
            raise problem
        return node(name) or MAPPED / name


def node(name: str, block: Path = _BLOCK) -> Path | None:
    """The kernel's own node of what is open as NAME; None where nothing is.

    The one below /dev/mapper is made by who opens it, and was seen to go again meanwhile.
    """
    for said in block.glob("dm-*/dm/name"):
        with suppress(FileNotFoundError):  # closed since it was listed
            if said.read_text(encoding="utf-8").strip() == name:
                return Path("/dev") / said.parents[1].name
    return None


def refusal(done: Done) -> OtherBoard | DataDamaged | None:
    """Why cryptsetup did not open it, from how it ended; None where it did.

    A slot that is not there was lost to a cut in the midst of `wrap_for`: asking for the recovery
    key makes that good.
    """
    if done.status == _NO_KEY or _NO_SUCH_SLOT in done.said:
        return OtherBoard()
    return DataDamaged(why=_words(done.said)) if done.status else None


def close(name: str) -> None:
    """Forget the key of what was opened as NAME; not open is fine. Raises ToolFailed."""
    if node(name):
        run("cryptsetup", "close", name)


def board_key(serial: str, salt: bytes) -> bytes:
    """What opens slot 0: the serial, with a salt so that two cards of a board have two keys."""
    if not serial:
        raise ToolFailed(name="the board", said="it has no serial number")
    return hmac.digest(salt, f"jembatan data {serial}".encode(), hashlib.sha256).hex().encode()


def _rounds(rounds: str) -> tuple[str, str]:
    return ("--pbkdf=pbkdf2", f"--pbkdf-force-iterations={rounds}")


def _words(said: str) -> str:
    return " ".join(said.split()).rstrip(".") or "cryptsetup gives no reason"
