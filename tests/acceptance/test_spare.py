"""Two boxes and a stick: what one had not sent comes once from the other, and never again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.acceptance.test_road import DESTINATION, IMAGES, SETTINGS, file_name
from tests.builders.running import Running, running
from tests.peers.orthanc import free_port
from tests.peers.storescp import storescp

CHECKOUT = Path(__file__).parents[2]
_PATIENCE_S = 60
SENT, UNSENT = ("tiff 8", "png 8"), ("bmp 8", "tiff 16", "jpeg grey")


def jembatan(*arguments: object, root: Path, passphrase: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", *map(str, arguments), "--root", str(root)],
        cwd=CHECKOUT, input=passphrase + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(150)
def test_the_spare_sends_what_was_unsent_once(tmp_path: Path) -> None:
    port, words = free_port(), "five words make one pass"
    settings = SETTINGS + DESTINATION.format(name="pacs", port=port, ae_title="ANY-SCP")
    stick = tmp_path / "stick"
    stick.mkdir()

    with running(tmp_path / "one", settings) as old:
        with storescp(tmp_path / "scp1", port=port) as scp:
            for kind in SENT:
                (old.export / file_name(kind)).write_bytes(IMAGES[kind][1])
            old.wait(lambda status: status["items"].get("done") == len(SENT), _PATIENCE_S)
            before = uids(scp.received())
        for kind in UNSENT:
            (old.export / file_name(kind)).write_bytes(IMAGES[kind][1])
        old.wait(lambda status: status["items"].get("routed") == len(UNSENT), _PATIENCE_S)
        jembatan("spare", "export", stick, "--passphrase", "-", root=old.root, passphrase=words)

        # The old box is not told to leave, and takes nothing in any more.
        (old.export / "late_A1_X_20260101.tif").write_bytes(b"late")
        assert old.status()["settings_problems"][0]["code"] == "handed-over"

        spare = tmp_path / "two" / "box"
        subprocess.run([sys.executable, "-c", MAKE_EMPTY, str(spare)], cwd=CHECKOUT, check=True)
        said = jembatan(
            "spare", "import", stick, "--passphrase", "-", root=spare, passphrase=words
        )
        assert "goes on where the other one was" in said

        shutil.copytree(old.export, tmp_path / "two" / "export")
        (tmp_path / "two" / "export" / "late_A1_X_20260101.tif").unlink()
        own = settings.replace("{export}", str(tmp_path / "two" / "export"))
        with (
            storescp(tmp_path / "scp2", port=port) as scp,
            running(tmp_path / "two", own) as new,
        ):
            count = len(SENT) + len(UNSENT)
            new.wait(lambda status: status["items"] == {"done": count}, _PATIENCE_S)
            after = uids(scp.received())
            # Every export again, under its name, at the spare: known, and nothing is sent.
            with new.journal() as journal:
                shown = journal.charge.arrivals()
                journal.custody.sweep()  # copies of what is known came with the exports
                assert journal.custody.verify() == []
            for kind in (*SENT, *UNSENT):
                again = new.export / "again"
                again.mkdir(exist_ok=True)
                (again / file_name(kind)).write_bytes(IMAGES[kind][1])
            new.wait(lambda _: arrivals(new) >= shown + count, _PATIENCE_S)
            new.wait(lambda status: status["items"] == {"done": count}, _PATIENCE_S)
            assert uids(scp.received()) == after
        assert old.status()["items"] == {"done": len(SENT), "routed": len(UNSENT)}
    assert len(after) == len(UNSENT)
    assert not before & after


MAKE_EMPTY = """
import sys
from pathlib import Path
from appliance.clock import SystemClock
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from appliance.settings import access
root = Path(sys.argv[1])
access.prepare(root)
paths = Paths(root, root / "run")
Journal(paths, Worker(paths.run, "test"), SystemClock()).close()
"""


def arrivals(box: Running) -> int:
    with box.journal() as journal:
        return journal.charge.arrivals()


def uids(files: list[Path]) -> set[str]:
    found = [str(dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in files]
    assert len(found) == len(set(found))
    return set(found)
