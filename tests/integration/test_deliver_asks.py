"""deliver as the process it is, asked by the page what a worklist tells, and what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance import durable
from appliance.clock import SystemClock
from appliance.desk.certificate import look
from appliance.desk.doctor import ask as doctor
from appliance.desk.worklist import Answer, ask_deliver
from appliance.errors import Declined
from appliance.journal.bell import ring
from appliance.settings.history import publish
from appliance.settings.load import settings_path
from appliance.settings.schema import Tls, Worklist
from tests.builders.box import Box
from tests.builders.certificates import paper
from tests.builders.receiving import until
from tests.builders.worklists import order
from tests.fakes.systemd import FakeSystemd
from tests.peers.storescp import storescp
from tests.peers.tls import in_front_of
from tests.peers.worklist_scp import AE_TITLE, worklist_scp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.dicom.association import Target

pytestmark = pytest.mark.network


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """Where a deliver service answers."""
    systemd = FakeSystemd(tmp_path, watchdog_s=60)
    command = [sys.executable, "-m", "appliance.services.deliver", "--root", str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, **systemd.environment}) as deliver:
        assert systemd.heard(20, most=1) == ["READY=1"]
        yield tmp_path / "run"
        deliver.terminate()
    systemd.close()


def test_deliver_is_the_doctor(run_dir: Path, tmp_path: Path) -> None:
    with storescp(tmp_path) as pacs:
        settings_path(tmp_path).parent.mkdir(exist_ok=True)
        table = f'name = "pacs"\nhost = "127.0.0.1"\nport = {pacs.port}\nae_title = "PACS"\n'
        durable.publish(settings_path(tmp_path), f"[[destination]]\n{table}".encode())
        report = doctor.ask_deliver(run_dir, doctor.named("pacs"))
    assert report.ok
    assert "takes Secondary Capture Image" in report.step("contexts").found
    assert report.step("commitment").code == "commitment-unsupported"
    with pytest.raises(Declined, match="no destination elsewhere"):
        doctor.ask_deliver(run_dir, doctor.named("elsewhere"))


def entered(target: Target, charset: str = "") -> Worklist:
    return Worklist("ris", target.host, target.port, target.called, charset=charset)


def test_deliver_tells_how_many_orders_there_are_now_and_why_not(run_dir: Path) -> None:
    now = SystemClock().utc()
    days = [(now + timedelta(days=n)).strftime("%Y%m%d") for n in (-1, 0, 1)]
    orders = [order(ScheduledProcedureStepStartDate=day) for day in days]
    with worklist_scp(*orders, order(PatientName="SITI", PatientID="")) as ris:
        answer = ask_deliver(run_dir, entered(ris.target))
        assert (answer.ok, answer.orders, answer.unreadable) == (True, 4, 0)
        (step,) = ris.asked[0].ScheduledProcedureStepSequence
        assert step.ScheduledProcedureStepStartDate == f"{days[0]}-{days[2]}"
        ris.orders.clear()
        assert ask_deliver(run_dir, entered(ris.target)) == Answer()
        ris.status = 0xA700
        refused = ask_deliver(run_dir, entered(ris.target)).problem
    assert refused is not None
    assert (refused.code, "A700" in refused.sentence) == ("worklist-failed", True)
    gone = ask_deliver(run_dir, entered(ris.target)).problem
    assert gone is not None
    assert gone.code == "port-closed"


def test_deliver_asks_over_tls_and_remembers_whom_it_met(tmp_path: Path, run_dir: Path) -> None:
    shown = paper(tmp_path / "papers", "ris")
    with worklist_scp(order()) as ris, in_front_of(ris.port, shown) as port:
        tls = Tls(fingerprint=shown.fingerprint)
        asked = replace(entered(ris.target), port=port, tls=tls)
        assert ask_deliver(run_dir, asked).orders == 1
        told = ask_deliver(run_dir, replace(asked, tls=Tls())).problem
        assert told is not None
        assert told.code == "not-trusted"
        looked = look(run_dir, "127.0.0.1", port, None)
        assert (looked.fingerprint, looked.names) == (
            shown.fingerprint,
            ("127.0.0.1", "localhost"),
        )
        publish(
            tmp_path,
            f"""
            [[worklist]]
            name = "ris"
            host = "127.0.0.1"
            port = {port}
            ae_title = "{AE_TITLE}"
            tls = {{ fingerprint = "{shown.fingerprint}" }}
            """,
        )
        ring(run_dir, "deliver")
        box = Box(tmp_path)
        until(lambda: shown.fingerprint in [p.fingerprint for p in box.journal.certificates.all()])
        box.close()
