"""Owns which messages speak of which images: those of one session, if all are of one patient.

A session is what comes over a line until it has been quiet for a while. Its images wait for its
end: only then is it known whether a message about somebody else came among them. Two patients in
one session are no evidence for either; nothing is carried over into the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import durable
from appliance.convert import message
from appliance.errors import SessionMixed, SidecarUnclear

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.errors import Notice
    from appliance.settings.schema import Profile
    from appliance.sources.staging import Piece, Staging

_UNCLEAR = "\0unclear"
_MESSAGES = {"auto": (message.HL7, message.ASTM), "hl7": (message.HL7,), "astm": (message.ASTM,)}


class Session:
    """What came since the line was last quiet."""

    def __init__(self, staging: Staging, profile: Profile | None) -> None:
        """Nothing came yet."""
        self._staging = staging
        self._charset = profile.charset if profile else ""
        self._wanted = _MESSAGES.get(profile.sidecar if profile else "auto", ())
        self._images: list[Piece] = []
        self._messages: dict[Path, str] = {}  # and whom each is about

    @property
    def is_open(self) -> bool:
        """Whether something waits for the end."""
        return bool(self._images or self._messages)

    def add_image(self, piece: Piece) -> int:
        """An image or a report; how many files were accepted."""
        if not self._wanted:
            self._staging.take(piece)
            return 1
        self._images.append(piece)
        return 0

    def add_message(self, piece: Piece) -> bool:
        """Accept a message now; False where it cannot be understood, and is kept all the same.

        Raises DiskFull.
        """
        who = self._patient(piece)
        evidence = piece.path.suffix in self._wanted
        self._staging.take(piece, self._staging.judged(piece), keep=evidence)
        if evidence:
            self._messages[piece.path] = who
        return who != _UNCLEAR

    def end(self) -> tuple[int, Notice | None]:
        """Accept the images with what was said of them; how many, and what is to be told.

        What a full card kept from being accepted is accepted by another call. Raises DiskFull.
        """
        patients = {who for who in self._messages.values() if who}
        clear = len(patients) == 1 and _UNCLEAR not in patients
        sidecars = [path for path, who in self._messages.items() if clear and who]
        taken, count = 0, len(self._images)
        while self._images:
            self._staging.take(self._images[0], None, sidecars)
            self._images.pop(0)
            taken += 1
        for path in self._messages:
            durable.remove(path)
        self._messages = {}
        mixed = bool(count and patients) and not clear
        return taken, SessionMixed(count=count) if mixed else None

    def _patient(self, piece: Piece) -> str:
        try:
            said = message.read(piece.path.read_bytes(), piece.name, self._charset)
        except SidecarUnclear:
            return _UNCLEAR
        return message.patient(said)
