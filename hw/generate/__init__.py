"""Makes the overlays and the drawing from the one truth for pin numbers."""
