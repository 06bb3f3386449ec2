"""Owns what the attempts of the two slots mean; pure.

A slot that was marked good has GOOD attempts, a fresh one UNTRIED. Every start takes one, before
anything of the slot is read; a healthy box and a clean shutdown give back. So a slot that has less
than UNTRIED left, seen from inside, was never marked good (or its plug was pulled seven times).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box.board import Slot

if TYPE_CHECKING:
    from appliance.box.bootenv import BootEnv

GOOD = 9
"""boot-attempts in RAUC's system.conf; one digit, for U-Boot counts in hexadecimal."""
UNTRIED = 3
"""boot-attempts-primary there."""


def other(slot: Slot) -> Slot:
    """The one that does not run."""
    return Slot.B if slot is Slot.A else Slot.A


def is_on_trial(env: BootEnv | None, own: Slot | None) -> bool:
    """Whether what runs has yet to show that it works, and there is what to go back to.

    Without a good other slot nothing would be won by a restart.
    """
    if env is None or own is None:
        return False
    return env.left[own] < UNTRIED and may_go_back(env, own)


def may_go_back(env: BootEnv, own: Slot) -> bool:
    """Whether the other slot was once marked good and would be started."""
    return other(own) in env.order and env.left[other(own)] > UNTRIED
