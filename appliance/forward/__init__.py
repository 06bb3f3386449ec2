"""Deliveries on their way to one destination each, until the destination proves it has them."""
