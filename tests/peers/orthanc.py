"""Owns a real PACS on loopback: Debian's Orthanc with a configuration and a storage of its own."""

from __future__ import annotations

import json
import socket
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from appliance.dicom.association import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HOST = "127.0.0.1"
START_S = 60
STOP_S = 20

_direct = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Stored:
    """One object as the PACS has it."""

    id: str
    tags: dict[str, Any]
    url: str


@dataclass(frozen=True, slots=True)
class Orthanc:
    """Where a running Orthanc answers; only this machine, and only the AE titles it was told."""

    ae_title: str
    dicom_port: int
    http_port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}/app/explorer.html"

    @property
    def target(self) -> Target:
        return Target(HOST, self.dicom_port, self.ae_title, "JEMBATAN")

    def get(self, path: str) -> Any:
        """The JSON answer of its REST API."""
        with _direct.open(f"http://{HOST}:{self.http_port}{path}", timeout=10) as answer:
            return json.load(answer)

    def count(self) -> int:
        """How many instances it has."""
        return int(self.get("/statistics")["CountInstances"])

    def instances(self) -> dict[str, Stored]:
        """All it has, by SOP Instance UID."""
        found = map(self.stored, self.get("/instances"))
        return {stored.tags["SOPInstanceUID"]: stored for stored in found}

    def knows(self, name: str, ae_title: str, port: int) -> None:
        """Enter another node on this machine, for `send`."""
        node = {"AET": ae_title, "Host": HOST, "Port": port}
        self._ask("PUT", f"/modalities/{name}", json.dumps(node).encode())

    def send(self, name: str, file: bytes) -> None:
        """Take a DICOM file in and send it to a node; fails where that does."""
        instance = json.loads(self._ask("POST", "/instances", file))["ID"]
        self._ask("POST", f"/modalities/{name}/store", instance.encode())

    def _ask(self, method: str, path: str, content: bytes) -> bytes:
        request = Request(f"http://{HOST}:{self.http_port}{path}", content, method=method)
        with _direct.open(request, timeout=60) as answer:
            said: bytes = answer.read()
        return said

    def delete(self, level: str, name: str) -> None:
        """What an administrator does to a wrong image: `level` is instances, studies, patients."""
        url = f"http://{HOST}:{self.http_port}/{level}/{name}"
        _direct.open(Request(url, method="DELETE"), timeout=60).close()

    def file(self, stored: Stored) -> bytes:
        """The object as a DICOM file."""
        with _direct.open(f"http://{HOST}:{self.http_port}/instances/{stored.id}/file") as answer:
            content: bytes = answer.read()
        return content

    def last_change(self) -> int:
        """The number to ask for everything new from now on with."""
        last: int = self.get("/changes?last")["Last"]
        return last

    def arrivals(self, since: int) -> tuple[int, list[Stored]]:
        """What was stored after change number `since`, and the number to go on with."""
        found = []
        done = False
        while not done:
            answer = self.get(f"/changes?since={since}&limit=100")
            since, done = answer["Last"], answer["Done"]
            found += [c["ID"] for c in answer["Changes"] if c["ChangeType"] == "NewInstance"]
        return since, [self.stored(instance) for instance in found]

    def stored(self, instance: str) -> Stored:
        tags = self.get(f"/instances/{instance}/tags?simplify")
        return Stored(instance, tags, f"{self.url}#instance?uuid={instance}")


def free_port(*preferred: int) -> int:
    """The first of the preferred ports that nobody listens on; else any free one."""
    for port in (*preferred, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
            taken: int = probe.getsockname()[1]
            return taken
    raise OSError("no free port")  # noqa: EM101


def bound_to_us(*command: str) -> list[str]:
    """A command that ends when this process does, however that happens."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *command]


@contextmanager
def orthanc(
    folder: Path,
    ports: tuple[int, int] = (0, 0),
    *known: str,
    more: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Orthanc]:
    """Run Orthanc with its storage in `folder` until the block ends.

    `ports` are the DICOM and HTTP ports to take if they are free, `known` the calling AE titles it
    accepts, `more` is added to its configuration. It cannot listen on loopback alone, but answers
    nobody who comes from elsewhere.
    """
    pacs = Orthanc("PRACTICE", free_port(ports[0]), free_port(ports[1]))
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "orthanc.json"
    configuration = {**_settings(pacs, folder, known or ("JEMBATAN",)), **more}
    settings.write_text(json.dumps(configuration, indent=2))
    log = folder / "orthanc.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            bound_to_us("Orthanc", str(settings)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(pacs, process, log)
        yield pacs
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process politely; by force where it does not listen."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _settings(pacs: Orthanc, folder: Path, known: tuple[str, ...]) -> dict[str, object]:
    return {
        "Name": "Practice PACS",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": pacs.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": pacs.ae_title,
        "DicomPort": pacs.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {ae_title: [ae_title, HOST, 11112] for ae_title in known},
    }


def _wait_until_it_answers(pacs: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_S * 10):
        with suppress(URLError, ConnectionError):
            pacs.get("/system")
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    message = f"Orthanc did not start:\n{log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
