"""Owns asking others to make anew what a destination takes otherwise encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.dicom.names import name_of
from appliance.errors import Recoding
from appliance.forward import encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.dicom.association import Target
    from appliance.forward.encoding import Agreed
    from appliance.journal.journal import Journal
    from appliance.model import Delivery


class Recoder:
    """What a lane needs to know of transfer syntaxes."""

    def __init__(
        self, journal: Journal, target: Target, compress: str, tell: Callable[..., None]
    ) -> None:
        """For a destination at `target` with that setting; `tell` wakes whom it names."""
        self._journal = journal
        self._target = target
        self._compress = compress
        self._tell = tell

    def offers(self, contexts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """What to offer where `contexts` are to be sent."""
        return encoding.offers(contexts, self._compress)

    def takes(self, link: Agreed, delivery: Delivery) -> bool:
        """Whether the delivery leaves the lane, to be made anew. Raises ClaimLost."""
        wishes = encoding.wishes(
            delivery.instances,
            link,
            self._compress,
            lambda: self._journal.recodings.times(delivery.id),
        )
        if not wishes:
            return False
        changes = encoding.changes(delivery.instances, wishes)
        pixels = any(encoding.needs_pixels(*change) for change in changes)
        before, after = map(name_of, changes[0])
        why = Recoding(peer=self._target, syntax=before, wanted=after)
        self._journal.recodings.ask(delivery, wishes, why, pixels=pixels)
        self._tell("convert" if pixels else "deliver")
        return True
