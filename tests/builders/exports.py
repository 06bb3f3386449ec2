"""Owns what stands on both sides of an exam: the modality's DICOM file, and the RIS's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.builders import worklists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.model import Order

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
_ROOT = "1.2.826.0.1.3680043.8.498"
_MAY_BE_EMPTY = ("AccessionNumber", "PatientID", "PatientBirthDate", "PatientSex")


def pixels(number: int) -> NDArray[np.uint16]:
    """A small film unlike that of any other number."""
    return np.arange(64, dtype=np.uint16).reshape(8, 8) + np.uint16(number)


def dicom(path: Path, number: int, said: Mapping[str, str], *, study: int = 0) -> None:
    """A CR image that says this; of a study of its own unless that of another number is given."""
    uid = f"{_ROOT}.{study or number}"
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SOPClassUID, ds.SOPInstanceUID = CR_IMAGE, f"{uid}.3.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    for keyword, value in said.items():
        setattr(ds, keyword, value)
    ds.Rows = ds.Columns = 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation, ds.InstanceNumber = 15, 0, 1
    ds.PixelData = pixels(number).tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)


def enter(path: Path, order: Order) -> None:
    """An order as a worklist file."""
    said = {keyword: order.values.get(keyword, "") for keyword in _MAY_BE_EMPTY}
    item = worklists.order(charset="ISO_IR 192", **said)
    (step,) = item.ScheduledProcedureStepSequence
    for keyword, value in order.values.items():
        setattr(step if keyword in worklists.STEP else item, keyword, value)
    worklists.save(path, item)
