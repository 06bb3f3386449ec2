"""Modalities that call: who may, what becomes of what they bring."""
