"""Owns the C-ECHO: does the peer know us, and is it there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.dicom import dimse
from appliance.dicom.association import Link, Patience
from appliance.elements import IMPLICIT_LE
from appliance.errors import EchoFailed

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.dicom.association import Target

VERIFICATION = "1.2.840.10008.1.1"
PATIENT = Patience(dimse_s=30.0)


def echo(target: Target, clock: Clock, patience: Patience = PATIENT) -> float:
    """Seconds from the call to the answer, connecting included.

    Raises AssociationFailed, ContextRefused or EchoFailed, which say why not.
    """
    start_s = clock.monotonic()
    with Link.open(target, [(VERIFICATION, IMPLICIT_LE)], patience) as link:
        *_, answer = link.ask(dimse.Command.C_ECHO, VERIFICATION)
        if answer.status != dimse.SUCCESS:
            raise EchoFailed(peer=target, why=answer.words)
        return clock.monotonic() - start_s
