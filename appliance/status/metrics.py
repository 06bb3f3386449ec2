"""Owns the numbers for Prometheus: base units, and no patient, name or UID in any label."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from appliance.model import DeliveryState, ItemState
from appliance.status.pattern import LampState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from appliance.errors import Notice
    from appliance.status.snapshot import DestinationStatus, HeldItem, Snapshot

_UNKNOWN = frozenset({"new", "removed"})


def render(snapshot: Snapshot) -> str:
    """The text that a Prometheus server reads."""
    registry = CollectorRegistry()
    registry.register(_Numbers(snapshot))
    return generate_latest(registry).decode()


class _Numbers(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._now = snapshot

    def collect(self) -> Iterator[Metric]:
        yield from self._road()
        yield from self._sources()
        yield from self._destinations()
        yield from self._worklists()
        yield from self._box()

    def _road(self) -> Iterator[Metric]:
        items = _gauge("items", "Accepted files by state.", "state")
        for state in ItemState:
            items.add_metric([state], self._now.items.get(state, 0))
        yield items
        yield _by_code("attention", "What waits for a person, by reason code.", self._now.held)
        oldest = _gauge("oldest_waiting_seconds", "Age of the oldest file that is on its way.")
        oldest.add_metric([], self._now.oldest_waiting_s or 0)
        yield oldest

    def _sources(self) -> Iterator[Metric]:
        up = _gauge("source_up", "Whether what appears at a source is found.", "source")
        state = _gauge("source_state", "1 for the state that a source is in.", "source", "state")
        last = _gauge("source_last_arrival_age_seconds", "Since the last new file.", "source")
        read = _gauge("stick_files_read", "Files of the stick dealt with.", "source")
        found = _gauge("stick_files_found", "Files on the stick that is or was read.", "source")
        quiet = _gauge("source_too_quiet", "Whether a source is quieter than its habit.", "source")
        for source in self._now.sources:
            quiet.add_metric([source.name], source.silence is not None)
            up.add_metric([source.name], source.is_up)
            state.add_metric([source.name, source.state], 1)
            if source.last_arrival_s is not None:
                last.add_metric([source.name], source.last_arrival_s)
            if source.progress:
                read.add_metric([source.name], source.progress.done)
                found.add_metric([source.name], source.progress.total)
        yield from (up, state, last, read, found, quiet)

    def _destinations(self) -> Iterator[Metric]:
        queue = _gauge("deliveries", "Deliveries by state.", "destination", "state")
        confirmed = CounterMetricFamily(
            "jembatan_deliveries_confirmed",
            "Deliveries that their destination has proved to have.",
            labels=["destination"],
        )
        up = _gauge("destination_up", "Whether a destination took what was sent.", "destination")
        last = _gauge(
            "destination_last_success_timestamp_seconds",
            "When a destination last took something.",
            "destination",
        )
        for destination in self._now.destinations:
            name = destination.name
            for state in DeliveryState:
                queue.add_metric([name, state], destination.deliveries.get(state, 0))
            confirmed.add_metric([name], destination.deliveries.get(DeliveryState.CONFIRMED, 0))
            if destination.state not in _UNKNOWN:
                up.add_metric([name], destination.takes_images)
            if destination.last_ok_at:
                last.add_metric([name], _unix(destination))
        yield from (queue, confirmed, up, last)

    def _worklists(self) -> Iterator[Metric]:
        up = _gauge("worklist_up", "Whether a worklist told which exams are ordered.", "worklist")
        age = _gauge("worklist_age_seconds", "Since it last told anything.", "worklist")
        orders = _gauge("worklist_orders", "Orders of it that are remembered.", "worklist")
        for worklist in self._now.worklists:
            if worklist.state not in _UNKNOWN:
                up.add_metric([worklist.name], worklist.tells)
            if worklist.told_s is not None:
                age.add_metric([worklist.name], worklist.told_s)
            orders.add_metric([worklist.name], worklist.orders)
        yield from (up, age, orders)

    def _box(self) -> Iterator[Metric]:
        if self._now.room:
            free = _gauge("disk_free_bytes", "Room left for new files.")
            free.add_metric([], self._now.room.free_bytes)
            size = _gauge("disk_size_bytes", "Room there is altogether.")
            size.add_metric([], self._now.room.total_bytes)
            yield from (free, size)
        lamps = _gauge("lamps", "1 for the state that the lamps show.", "state")
        for state in LampState:
            lamps.add_metric([state], state is self._now.lamps)
        yield lamps
        faults = _gauge("settings_problems", "Settings that were refused and are not in force.")
        faults.add_metric([], len(self._now.problems))
        yield faults
        yield _by_code("notices", "Risks, though all works.", self._now.notices)
        ends = _gauge(
            "certificate_expiry_timestamp_seconds",
            "When a certificate ends.",
            *("kind", "name", "side"),
        )
        for paper in self._now.certificates:
            ends.add_metric([*paper.holder], paper.not_after.timestamp())
        yield ends
        build = _gauge("build_info", "The version that runs.", "version")
        build.add_metric([self._now.version], 1)
        yield build


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"jembatan_{name}", meaning, labels=labels)


def _by_code(name: str, meaning: str, said: Iterable[HeldItem | Notice]) -> GaugeMetricFamily:
    family = _gauge(name, meaning, "code")
    for code, times in sorted(Counter(one.code for one in said).items()):
        family.add_metric([code], times)
    return family


def _unix(destination: DestinationStatus) -> float:
    return datetime.fromisoformat(destination.last_ok_at).timestamp()
