"""The stick that the box poses as: its image, its gadget, its snapshots."""
