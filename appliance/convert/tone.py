"""Owns how values look on a screen: greys and colours of 8 bits, as an object's header has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from pydicom.pixels.processing import apply_color_lut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from appliance.convert.sample import Sample

    Values = NDArray[np.generic]
    Levels = NDArray[np.floating[Any]]

_BYTE_BITS, _MOST = 8, 255
_COLOUR = 3
_PALETTES = ("Red", "Green", "Blue")
_OUTLIERS = (0.5, 99.5)
"""Per cent: without a window, what is darker or brighter is drawn black or white."""


def toned(
    sample: Sample, header: Dataset, window: tuple[float, float] | None
) -> NDArray[np.uint8]:
    """Greyscale (rows, columns) or RGB (rows, columns, 3).

    A `window` (centre, width) goes before the header's own. Whatever a hostile header makes numpy
    raise flies.
    """
    if sample.photometric == "PALETTE COLOR":
        return _painted(sample.values, header)
    if sample.values.ndim == _COLOUR:
        return _coloured(sample, header)
    levels = _levels(sample.values, header, window)
    if sample.photometric == "MONOCHROME1":
        levels = 1 - levels
    return _eight_bits(levels)


def _eight_bits(levels: Levels) -> NDArray[np.uint8]:
    return np.rint(np.clip(levels, 0, 1) * _MOST).astype(np.uint8)


# --- colour --------------------------------------------------------------------------------------


def _coloured(sample: Sample, header: Dataset) -> NDArray[np.uint8]:
    values = sample.values
    if values.dtype != np.uint8:
        most = (1 << int(header.get("BitsStored") or values.dtype.itemsize * _BYTE_BITS)) - 1
        values = _eight_bits(values.astype(np.float32) / most)
    if not sample.photometric.startswith("YBR"):
        return values.astype(np.uint8)
    mixed = Image.frombytes("YCbCr", values.shape[1::-1], values.tobytes())
    return np.asarray(mixed.convert("RGB"))


def _painted(values: Values, header: Dataset) -> NDArray[np.uint8]:
    """By the palette that it has (PS3.3 C.7.9)."""
    if "RedPaletteColorLookupTableData" not in header:  # in segments (C.7.9.2)
        painted = apply_color_lut(values, header)[..., :_COLOUR]
        return _eight_bits(painted.astype(np.float32) / np.iinfo(painted.dtype).max)
    tables = [
        _Table.of(
            header[f"{colour}PaletteColorLookupTableDescriptor"].value,
            header[f"{colour}PaletteColorLookupTableData"].value,
        )
        for colour in _PALETTES
    ]
    return np.stack([_eight_bits(table.levels(values)) for table in tables], axis=-1)


# --- grey ----------------------------------------------------------------------------------------


def _levels(values: Values, header: Dataset, window: tuple[float, float] | None) -> Levels:
    """From 0, black, to 1 (PS3.3 C.11.1, C.11.2)."""
    padding = header.get("PixelPaddingValue")
    if modality := header.get("ModalityLUTSequence"):
        values = _Table.item(modality[0]).mapped(values)
    elif "RescaleSlope" in header:
        slope, intercept = _number(header, "RescaleSlope"), _number(header, "RescaleIntercept")
        values = values.astype(np.float32) * np.float32(slope or 1) + np.float32(intercept or 0)
        padding = None
    if not window and (voi := header.get("VOILUTSequence")):
        return _Table.item(voi[0]).levels(values)
    window = window or _own_window(header)
    if window:
        return _windowed(values, *window, str(header.get("VOILUTFunction") or "LINEAR"))
    return _stretched(values, padding)


def _own_window(header: Dataset) -> tuple[float, float] | None:
    """The first that it has."""
    centre, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
    return (centre, width) if centre is not None and width and width > 0 else None


def _windowed(values: Values, centre: float, width: float, function: str) -> Levels:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    found = values.astype(np.float32)
    if function == "SIGMOID":
        steps: Levels = np.exp(np.clip(-4 * (found - centre) / width, -80, 80))
        return 1 / (1 + steps)
    if function == "LINEAR_EXACT":
        return (found - centre) / width + np.float32(0.5)
    return (found - np.float32(centre - 0.5)) / np.float32(max(width - 1, 1e-3)) + np.float32(0.5)


def _stretched(values: Values, padding: object) -> Levels:
    """Over its own range, when nobody says how it is to be shown."""
    found = values.astype(np.float32)
    seen = found[np.isfinite(found)]
    if isinstance(padding, int):
        seen = seen[seen != padding]
    if not seen.size:
        return np.zeros_like(found)
    low, high = np.percentile(seen, _OUTLIERS)
    return (np.nan_to_num(found) - np.float32(low)) / np.float32(max(high - low, 1e-3))


def _number(header: Dataset, keyword: str) -> float | None:
    """The first of its values; None where it has none, or nonsense."""
    try:
        value = header.get(keyword)
        first = value[0] if isinstance(value, list) or hasattr(value, "append") else value
        return float(first)
    except (TypeError, ValueError, IndexError):
        return None


class _Table(NamedTuple):
    """A look-up table (PS3.3 C.11.1.1): `first` is the value of its first entry."""

    entries: NDArray[np.uint16]
    first: int
    bits: int

    @classmethod
    def of(cls, descriptor: Sequence[int], data: object) -> _Table:
        count, first, bits = (int(number) for number in descriptor)
        count = count or 1 << 16
        if isinstance(data, bytes):
            form = np.uint8 if len(data) < 2 * count else np.dtype("<u2")
            data = np.frombuffer(data, form)
        return cls(np.asarray(data).astype(np.uint16)[:count], first, bits)

    @classmethod
    def item(cls, item: Dataset) -> _Table:
        return cls.of(item["LUTDescriptor"].value, item["LUTData"].value)

    def mapped(self, values: Values) -> NDArray[np.uint16]:
        index = np.clip(values.astype(np.int32) - self.first, 0, len(self.entries) - 1)
        return self.entries[index]

    def levels(self, values: Values) -> Levels:
        """From 0 to 1."""
        most = max((1 << self.bits) - 1, int(self.entries.max(initial=0)))
        return self.mapped(values).astype(np.float32) / np.float32(most)
