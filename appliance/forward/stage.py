"""Owns prepared -> sent for one destination: claims what is due, sends it, says what became of it.

Each destination has its own lane, so one that is dead or slow delays no other. Trouble with the
destination itself is met before anything is claimed and costs no image a try.
"""
