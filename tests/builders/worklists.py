"""Owns orders as a RIS would keep them: worklist items as DICOM files, written by pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STEP: Mapping[str, str] = {
    "Modality": "CR",
    "ScheduledStationAETitle": "CR2",
    "ScheduledProcedureStepStartDate": "20260314",
    "ScheduledProcedureStepStartTime": "081500",
    "ScheduledPerformingPhysicianName": "Lestari^Dewi",
    "ScheduledProcedureStepDescription": "Thorax PA",
    "ScheduledProcedureStepID": "SPS1",
}
ORDER: Mapping[str, str] = {
    "AccessionNumber": "A100",
    "ReferringPhysicianName": "Sari^Indah",
    "PatientName": "Santoso^Budi",
    "PatientID": "P100",
    "PatientBirthDate": "19700102",
    "PatientSex": "M",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "RequestedProcedureDescription": "Chest X-ray",
    "RequestedProcedureID": "RP1",
    "RequestedProcedurePriority": "STAT",
    "AdmissionID": "ADM1",
}


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a sequence of codes."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def step(**changed: str) -> Dataset:
    """One scheduled procedure step."""
    return _filled({**STEP, **changed})


def order(*steps: Dataset, charset: str = "", **changed: str) -> Dataset:
    """A worklist item; keywords of the step go into its only step, unless steps are given."""
    of_the_step = {key: changed.pop(key) for key in list(changed) if key in STEP}
    item = _filled({**ORDER, **changed})
    if charset:
        item.SpecificCharacterSet = charset.split("\\")
    item.RequestedProcedureCodeSequence = [code("71045", "C4", "X-ray of chest")]
    item.ScheduledProcedureStepSequence = list(steps or [step(**of_the_step)])
    for each in item.ScheduledProcedureStepSequence:
        each.ScheduledProtocolCodeSequence = [code("THX", "99LOCAL", "Thorax")]
    return item


def save(path: Path, item: Dataset) -> None:
    """As a worklist file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.276.0.7230010.3.1.0.1")  # DCMTK's, for such files
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item.file_meta = meta
    item.save_as(path, enforce_file_format=True)


def _filled(values: Mapping[str, str]) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item
