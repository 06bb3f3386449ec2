"""Proves that a card whose encryption is damaged is left as it is: the box takes nothing in, says
so on its page and in `jembatan-result.txt`, and never takes the card for a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove.image_foreign import wait_until_locked
from tests.prove.image_rig import RESULT
from tests.prove.image_update import waiting

if TYPE_CHECKING:
    from tests.prove.image_rig import Rig

_DATA = 7
_HEADER_BYTES = 16 << 20
"""Of LUKS2, both copies and the key slots."""
_SAYS = "cannot be opened"


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, _):
        appliance.cut()
        card = appliance.card
        whole = card.part(_DATA)
        card.overwrite(whole, bytes(_HEADER_BYTES))
        before = card.digest(whole)
        appliance.start()
        said = wait_until_locked(appliance)
        rig.say(f"without its encryption header: {said[:300]}")
        if _SAYS not in said or "Nothing on it was erased" not in said:
            appliance.fail(f"the page does not say what is wrong: {said[:600]}")
        appliance.cut()
        told = (card.read(RESULT) or b"").decode(errors="replace")
        if _SAYS not in told:
            appliance.fail(f"{RESULT} does not say what is wrong: {told}")
        if card.part(_DATA) != whole or card.digest(whole) != before:
            appliance.fail("the box wrote to a card that it could not open")
    return "a damaged card is not taken for a new one: not a byte of it is changed, and it is told"
