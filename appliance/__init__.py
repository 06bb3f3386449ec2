"""Jembatan: the bridge between an old radiology modality and the hospital's PACS."""

__version__ = "0.1.0"
