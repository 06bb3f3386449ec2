"""Owns how a worker gets at the journal: one object, with the verbs sorted by who needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.journal.abilities import Abilities
from appliance.journal.arrivals import Arrivals
from appliance.journal.certificates import Certificates
from appliance.journal.charge import Charges
from appliance.journal.commitments import Commitments
from appliance.journal.custody import Custody
from appliance.journal.database import Database
from appliance.journal.days import Days
from appliance.journal.deliveries import Deliveries
from appliance.journal.items import Items
from appliance.journal.ledger import Ledger
from appliance.journal.orders import Orders
from appliance.journal.pledges import Pledges
from appliance.journal.promotions import Promotions
from appliance.journal.recodings import Recodings
from appliance.journal.session import Paths, Session
from appliance.journal.spool import Spool

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.journal.worker import Worker

__all__ = ["Journal", "Paths"]


class Journal:
    """The journal as one thread uses it; `worker` owns the claims made here."""

    def __init__(
        self, paths: Paths, worker: Worker, clock: Clock, *, shared: bool = False
    ) -> None:
        """Open the journal and its spool; `shared`: for threads that take turns.

        Raises JournalFault, JournalNewer, DiskFull.
        """
        self.paths = paths
        self.spool = Spool(paths.spool)
        self._db = Database(paths.journal, shared=shared)
        session = Session(self._db, self.spool, worker.name, clock, paths.run)
        self.arrivals = Arrivals(session)
        self.items = Items(session)
        self.deliveries = Deliveries(session)
        self.recodings = Recodings(session)
        self.commitments = Commitments(session)
        self.pledges = Pledges(session)
        self.abilities = Abilities(session)
        self.orders = Orders(session)
        self.certificates = Certificates(session)
        self.days = Days(session)
        self.promotions = Promotions(session)
        self.custody = Custody(session)
        self.charge = Charges(session, paths)
        self.ledger = Ledger(session)

    def close(self) -> None:
        """Let go of the file; claims stay with the worker."""
        self._db.close()
