from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.journal import codec
from appliance.journal.spool import Spool
from appliance.model import Claim, Evidence, Identity, Origin, Repair, Slice

if TYPE_CHECKING:
    from pathlib import Path

SHA = "ab" * 32


def test_the_same_value_is_the_same_text() -> None:
    assert codec.dump({"b": 1, "a": "é"}) == codec.dump({"a": "é", "b": 1}) == '{"a":"é","b":1}'


def test_slices_find_their_files_also_where_the_spool_was_moved(tmp_path: Path) -> None:
    old, new = Spool(tmp_path / "old"), Spool(tmp_path / "new")
    text = codec.dump_slices([Slice(old.path(SHA), 3, 9)])
    assert codec.load_slices(text, new) == (Slice(new.path(SHA), 3, 9),)


def test_pieces_are_bytes_and_slices_in_their_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    pieces = (b"\x00header\xff", Slice(spool.path(SHA), 0, 5), b"", b"trailer")
    assert codec.load_pieces(codec.dump_pieces(pieces), spool) == pieces


def test_evidence_comes_back_as_it_was() -> None:
    claims = (Claim(Origin.SIDECAR, "PatientName", "SITI^陈"),)
    evidence = Evidence(claims, ("a note",), (Repair("date", "It was wrong."),))
    assert codec.load_evidence(codec.dump_evidence(evidence)) == evidence
    assert codec.load_evidence("{}") == Evidence()


def test_an_identity_comes_back_as_it_was() -> None:
    identity = Identity({"PatientID": "4711"}, "person", apart=True)
    assert codec.load_identity(codec.dump_identity(identity)) == identity
    assert codec.load_identity("") is None
