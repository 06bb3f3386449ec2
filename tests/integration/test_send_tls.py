"""Over TLS to the archives people really run: what is sent is what arrives."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance import part10
from appliance.__main__ import main
from appliance.clock import SystemClock
from appliance.dicom import find, handshake
from appliance.dicom.association import Link
from appliance.dicom.echo import echo
from appliance.errors import (
    AssociationAborted,
    ClientCertificateRefused,
    ClientCertificateWanted,
    NoCommonTls,
    NotTls,
    TlsExpected,
)
from appliance.model import Instance, Slice
from appliance.settings.schema import Confirm, Tls
from tests.builders import part10 as files
from tests.builders.certificates import paper
from tests.builders.scene import Scene
from tests.peers.orthanc import orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

VERIFICATION = "1.2.840.10008.1.1"


class Papers:
    def __init__(self, folder: Path) -> None:
        self.ca = paper(folder, "ca", names=())
        self.pacs = paper(folder, "pacs", by=self.ca)
        self.box = paper(folder, "box", by=self.ca, names=("box",))
        self.stranger = paper(folder, "stranger")
        self.trusts = Tls(ca=self.ca.cert)
        self.shows = replace(self.trusts, cert=self.box.cert, key=self.box.key_file)

    def options(self, *more: str) -> tuple[str, ...]:
        """Of DCMTK's servers; -rc: who calls must show a certificate of `ca`, which is default."""
        shown = ("+tls", self.pacs.key_file, self.pacs.cert, "+cf", self.ca.cert)
        return (*shown, *more)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("tls") / "papers")


def image(folder: Path, uid: str, size: int) -> Instance:
    path = folder / f"{uid}.dcm"
    path.write_bytes(files.part10(uid, os.urandom(size), files.EXPLICIT_LE, files.CR_IMAGE))
    data_set = part10.read(path).data_set
    return Instance(1, files.CR_IMAGE, uid, "", "", files.EXPLICIT_LE, "", (data_set,))


def digest(piece: object) -> str:
    assert isinstance(piece, Slice)
    content = piece.path.read_bytes()[piece.offset : piece.offset + piece.length]
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("max_pdu", [4096, 131072])
def test_storescp_gets_what_was_sent_to_the_last_byte(
    tmp_path: Path, papers: Papers, max_pdu: int
) -> None:
    sent = [image(tmp_path, f"1.2.3.{size}", size) for size in (10, 70_000, 9_000_000)]
    options = papers.options("--max-pdu", str(max_pdu))
    with storescp(tmp_path / "scp", *options) as scp:
        target = replace(scp.target, tls=papers.shows)
        with Link.open(target, [(files.CR_IMAGE, files.EXPLICIT_LE)]) as link:
            assert [link.store(each).status for each in sent] == [0, 0, 0]
        got = [part10.read(path) for path in scp.received()]
        assert {digest(each.data_set) for each in got} == {digest(i.pieces[0]) for i in sent}


def test_orthanc_gets_it_and_can_be_asked_for_it(tmp_path: Path, papers: Papers) -> None:
    tls = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": papers.pacs.cert,
        "DicomTlsPrivateKey": papers.pacs.key_file,
        "DicomTlsTrustedCertificates": papers.ca.cert,
    }
    film = tmp_path / "film.dcm"
    film.write_bytes(files.film("1.2.3.4.5"))
    read = part10.read(film)
    instance = Instance(
        1, read.sop_class_uid, "1.2.3.4.5", "1.2.3.4", "1.2.3.4.1",
        read.transfer_syntax_uid, "", (read.data_set,),
    )  # fmt: skip
    with orthanc(tmp_path / "pacs", more=tls) as pacs:
        target = replace(pacs.target, tls=papers.shows)
        assert echo(target, SystemClock()) > 0
        with Link.open(target, [(read.sop_class_uid, read.transfer_syntax_uid)]) as link:
            assert link.store(instance).status == 0
        (stored,) = pacs.instances().values()
        with Link.open(target, find.CONTEXTS) as link:
            found = find.find(link, [known(instance, stored.tags)])
        assert found == {"1.2.3.4.5"}


def test_the_command_line_speaks_tls_and_says_what_is_wrong(
    tmp_path: Path, papers: Papers, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(files.film("1.2.3.4.5"))
    shown = ["--ca", papers.ca.cert, "--cert", papers.box.cert, "--key", papers.box.key_file]
    with storescp(tmp_path / "scp", *papers.options()) as scp:
        to = ["--to", f"{scp.target.called}@{scp.target.host}:{scp.target.port}"]
        assert main(["send", str(film), *to, *shown]) == 0
        assert len(scp.received()) == 1
        assert main(["send", str(film), *to, *shown, "--fingerprint", "00" * 32]) == 1
        assert "fingerprint" in capsys.readouterr().err
        assert main(["doctor", "--root", str(tmp_path), *to, *shown]) == 0
        assert main(["doctor", "--root", str(tmp_path), *to, "--tls"]) == 1
    assert "vouched for by nobody" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "P@h:1", "--cert", "a.pem"], "--cert and --key go together"),
        (["--to", "P@h:1", "--fingerprint", "12"], "is not a SHA-256 fingerprint"),
        (["pacs", "--tls"], "the settings say how"),
    ],
)
def test_what_is_asked_of_tls_must_make_sense(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--root", str(tmp_path), *words]) == 1
    assert said in capsys.readouterr().err


def known(instance: Instance, tags: dict[str, str]) -> Instance:
    """Under the UIDs that the PACS has it."""
    study, series = tags["StudyInstanceUID"], tags["SeriesInstanceUID"]
    return replace(instance, study_instance_uid=study, series_instance_uid=series)


def test_what_the_doctor_would_see(tmp_path: Path, papers: Papers) -> None:
    """DCMTK's own ways to refuse, each by its name."""
    unknown = replace(papers.trusts, cert=papers.stranger.cert, key=papers.stranger.key_file)
    plain = [(VERIFICATION, files.IMPLICIT_LE)]
    with storescp(tmp_path / "strict", *papers.options()) as scp:
        target = replace(scp.target, tls=papers.shows)
        assert handshake.probe(target).problem is None
        wanted = handshake.probe(replace(target, tls=papers.trusts)).problem
        assert isinstance(wanted, ClientCertificateWanted)
        refused = handshake.probe(replace(target, tls=unknown)).problem
        assert isinstance(refused, ClientCertificateRefused)
        for tls, problem in ((papers.trusts, ClientCertificateWanted), (None, AssociationAborted)):
            with pytest.raises(problem):
                Link.open(replace(target, tls=tls), plain)
        assert isinstance(handshake.tls_expected(scp.target), TlsExpected)
    with storescp(tmp_path / "old", *papers.options("+pa", "-ic")) as scp:
        old = handshake.probe(replace(scp.target, tls=papers.trusts)).problem
        assert isinstance(old, NoCommonTls)
    with storescp(tmp_path / "plain") as scp:
        clear = handshake.probe(replace(scp.target, tls=papers.trusts)).problem
        assert isinstance(clear, NotTls)
        assert handshake.tls_expected(scp.target) is None


def test_images_wait_for_a_certificate_that_can_be_trusted(tmp_path: Path, papers: Papers) -> None:
    scene = Scene(tmp_path)
    item = scene.image()
    with storescp(tmp_path / "scp", *papers.options()) as scp:
        for tls, code in ((Tls(), "not-trusted"), (papers.trusts, "client-certificate-wanted")):
            target = replace(scp.target, tls=tls)
            with scene.lane(target, confirm=Confirm.RESPONSE) as lane:
                scene.turn(lane)
            assert scene.place()[:2] == ("down", code)
            assert scene.state(item) == ("deferred", code)
        with scene.lane(replace(scp.target, tls=papers.shows), confirm=Confirm.RESPONSE) as lane:
            scene.turn(lane, 2)
        assert scene.state(item)[0] == "confirmed"
        assert len(scp.received()) == 1
    scene.box.close()
