"""The right image under the right patient, end to end: exports, real worklists, a real PACS.

Every scenario that can travel as files does so, by three worklist servers; what the PACS has is
counted by another toolkit.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from tests.builders import exports, pictures
from tests.builders.running import running
from tests.builders.scenarios import FILM, SCENARIOS, Scenario
from tests.peers.orthanc_worklists import orthanc_worklists
from tests.peers.storescp import storescp
from tests.peers.wlmscpfs import place, wlmscpfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

    from appliance.dicom.association import Target
    from appliance.journal.journal import Journal
    from appliance.model import Order

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

DAYS_APART = 3  # no scenario sees the orders of another one
BOX = """
[box]
timezone = "Asia/Jakarta"

[[profile]]
name = "cr"
sop_class = "CR"
modality = "CR"
identity = "worklist"
filename = '(?:_ID=(?P<PatientID>[^_.]+))?(?:_N=(?P<PatientName>[^_.]+))?(?:_A=(?P<AccessionNumber>[^_.]+))?\\.(?:dcm|tif)$'
"""  # noqa: E501 - one line of TOML
SITE = """
[[source]]
name = "{name}"
kind = "folder"
path = "{path}"
profile = "cr"

[[worklist]]
name = "{name}"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
sources = ["{name}"]
wait_h = 0
"""
PACS = """
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
confirm = "response"
"""
_LETTERS = {"PatientID": "ID", "PatientName": "N", "AccessionNumber": "A"}


@dataclass(frozen=True)
class Trip:
    """One scenario on its way through one site."""

    site: str
    number: int
    scenario: Scenario

    @property
    def stem(self) -> str:
        said = self.scenario.filename
        return f"{self.site}{self.number:03}" + "".join(
            f"_{letter}={said[keyword]}" for keyword, letter in _LETTERS.items() if keyword in said
        )

    @property
    def is_picture(self) -> bool:
        """Whose header would say nothing of a patient: a TIFF and a sidecar do as well."""
        return self.scenario.header.keys() == FILM.keys()

    @property
    def name(self) -> str:
        return f"{self.stem}.{'tif' if self.is_picture else 'dcm'}"

    @property
    def order(self) -> Order:
        """The one under which it is sent."""
        wanted = self.scenario.wants.removeprefix("sent ")
        return next(
            o for o in self.scenario.orders if o.values.get("AccessionNumber", "") == wanted
        )


def trips(site: str, number: int) -> list[Trip]:
    """All that can travel by the server that says which letters it writes; by others every other
    one of those in ASCII.
    """
    chosen = [scenario for scenario in SCENARIOS if scenario.travels]
    if site != "csk":
        chosen = [scenario for scenario in chosen if scenario.is_ascii][number % 2 :: 2]
    return [
        Trip(site, 1000 * number + n, scenario.later(DAYS_APART * n))
        for n, scenario in enumerate(chosen)
    ]


def export(folder: Path, trip: Trip) -> None:
    """What the modality writes."""
    scenario, sidecar = trip.scenario, trip.scenario.sidecar
    if trip.is_picture:
        (folder / trip.name).write_bytes(pictures.tiff(exports.pixels(trip.number)))
        sidecar = {k: v for k, v in scenario.header.items() if k != "Modality"} | sidecar
    else:
        exports.dicom(folder / trip.name, trip.number, scenario.header)
    if sidecar:
        (folder / f"{trip.stem}.json").write_text(json.dumps(sidecar), encoding="utf-8")


@dataclass(frozen=True)
class Result:
    """What became of all of them."""

    items: dict[str, tuple[str, str]]  # by the export's name: state and code
    uids: dict[str, str]  # of what was sent, likewise
    pacs: dict[str, Dataset]  # by SOP Instance UID
    objects: int


TRIPS = [*trips("default", 1), *trips("orthanc", 2), *trips("csk", 3)]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    """One run of the product for all of them."""
    root = tmp_path_factory.mktemp("identity")
    folders = {
        "default": place(root / "default"),
        "csk": place(root / "csk"),
        "orthanc": root / "orthanc-orders",
    }
    folders["orthanc"].mkdir()
    sources = {site: root / "exports" / site for site in folders}
    for path in sources.values():
        path.mkdir(parents=True)
    for trip in TRIPS:
        export(sources[trip.site], trip)
        for number, order in enumerate(trip.scenario.orders):
            exports.enter(folders[trip.site] / f"{trip.number}-{number}.wl", order)
    with ExitStack() as stack:
        targets: dict[str, Target] = {
            "default": stack.enter_context(wlmscpfs(root / "default")),
            "csk": stack.enter_context(wlmscpfs(root / "csk", "-csk")),
            "orthanc": stack.enter_context(
                orthanc_worklists(root / "orthanc", folders["orthanc"])
            ).target,
        }
        scp = stack.enter_context(storescp(root / "scp"))
        sites = [
            SITE.format(name=site, path=sources[site], port=target.port, ae_title=target.called)
            for site, target in targets.items()
        ]
        settings = "".join([BOX, *sites, PACS.format(port=scp.port)])
        box = stack.enter_context(running(root / "run", settings))
        box.wait(lambda status: _settled(status["items"]) == len(TRIPS), within_s=120)
        with box.journal() as journal:
            items = {
                film["name"]: (film["state"], film["code"])
                for film in journal.ledger.films("", "", "9", 1000)
            }
            uids = dict(_uids(journal))
        received = [dcmread(path, stop_before_pixels=True) for path in scp.received()]
        yield Result(items, uids, {str(ds.SOPInstanceUID): ds for ds in received}, len(received))


def _settled(items: dict[str, int]) -> int:
    return items.get("done", 0) + items.get("held", 0) + items.get("quarantined", 0)


def _uids(journal: Journal) -> Iterator[tuple[str, str]]:
    for film in journal.ledger.films("", "", "9", 1000):
        for delivery in journal.ledger.deliveries_of(film["id"]):
            (instance,) = journal.deliveries.composed(delivery["id"])
            yield film["name"], instance.sop_instance_uid


def test_there_are_enough_by_each_server() -> None:
    count = Counter(trip.site for trip in TRIPS)
    assert count["csk"] >= 60
    assert min(count["default"], count["orthanc"]) >= 20


@pytest.mark.parametrize("trip", TRIPS, ids=lambda trip: f"{trip.site}: {trip.scenario.title}")
def test_what_comes_of_it(result: Result, trip: Trip) -> None:
    state, code = result.items[trip.name]
    if not trip.scenario.is_sent:
        assert (state, code) == ("held", trip.scenario.wants)
        assert trip.name not in result.uids
        return
    assert (state, code) == ("done", "")
    there = result.pacs[result.uids[trip.name]]
    order = trip.order.values
    assert there.PatientID == order["PatientID"]
    assert there.PatientName == order["PatientName"]
    assert there.get("AccessionNumber", "") == order.get("AccessionNumber", "")
    if trip.is_picture:
        assert there.StudyInstanceUID == order["StudyInstanceUID"]
    (request,) = there.RequestAttributesSequence
    assert request.RequestedProcedureID == order["RequestedProcedureID"]


def test_the_pacs_has_these_and_nothing_else(result: Result) -> None:
    sent = {trip.name for trip in TRIPS if trip.scenario.is_sent}
    assert set(result.uids) == sent
    assert set(result.pacs) == set(result.uids.values())
    assert result.objects == len(sent)
