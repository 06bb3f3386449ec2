"""Owns which messages speak of which images: one before them in their session, all of one patient.

A session is what comes over a line until it has been quiet for a while. An image that a message
came before waits for the end: only then is it known whether one about somebody else came too. Two
patients in one session, or anything in it that was not understood, are no evidence for any of its
images; nothing is carried over into the next one, nor back to what came before the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import durable
from appliance.convert import message
from appliance.errors import MessageUnclear, SessionMixed, SidecarUnclear

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.errors import Notice
    from appliance.settings.schema import Profile
    from appliance.sources.line.staging import Piece, Staging

_MESSAGES = {"auto": (message.HL7, message.ASTM), "hl7": (message.HL7,), "astm": (message.ASTM,)}


class Session:
    """What came since the line was last quiet."""

    def __init__(self, staging: Staging, profile: Profile | None) -> None:
        """Nothing came yet."""
        self._staging = staging
        self._charset = profile.charset if profile else ""
        self._wanted = _MESSAGES.get(profile.sidecar if profile else "auto", ())
        self._forget()

    def _forget(self) -> None:
        self._images: list[Piece] = []
        self._messages: dict[Path, str] = {}  # and whom each is about
        self._is_doubtful = False
        self._given_to_none = 0

    @property
    def is_open(self) -> bool:
        """Whether something waits for the end, or must not be known beyond it."""
        return bool(self._images or self._messages or self._is_doubtful)

    def doubt(self) -> None:
        """Something came that was not understood: it may have been about somebody else."""
        self._is_doubtful = bool(self._wanted)

    def add_image(self, piece: Piece) -> int:
        """An image or a report; how many files were accepted. Raises DiskFull."""
        if self._is_of_one:
            if piece not in self._images:  # the same bytes in the same second
                self._images.append(piece)
            return 0
        self._staging.take(piece)
        self._given_to_none += bool(self._patients)
        return 1

    def add_message(self, piece: Piece) -> bool:
        """Accept a message now; False where it cannot be understood, and is kept all the same.

        Raises DiskFull.
        """
        if piece.path.suffix not in self._wanted:
            self._staging.take(piece, self._staging.judged(piece))
            return True
        try:
            said = message.read(piece.path.read_bytes(), piece.name, self._charset)
        except SidecarUnclear as error:
            self._staging.take(piece, MessageUnclear(**error.facts))
            self.doubt()
            return False
        self._staging.take(piece, self._staging.judged(piece), keep=True)
        self._messages[piece.path] = message.patient(said)
        return True

    def end(self) -> tuple[int, Notice | None]:
        """Accept the images with what was said of them; how many, and what is to be told.

        What a full card kept from being accepted is accepted by another call. Raises DiskFull.
        """
        sidecars = [path for path, who in self._messages.items() if who] if self._is_of_one else []
        taken = 0
        while self._images:
            self._staging.take(self._images[0], None, sidecars)
            self._images.pop(0)
            self._given_to_none += bool(self._patients and not sidecars)
            taken += 1
        for path in self._messages:
            durable.remove(path)
        count = self._given_to_none
        self._forget()
        return taken, SessionMixed(count=count) if count else None

    @property
    def _patients(self) -> set[str]:
        return {who for who in self._messages.values() if who}

    @property
    def _is_of_one(self) -> bool:
        return len(self._patients) == 1 and not self._is_doubtful
