"""Trying out a board on the bench: each part by itself, what was found and what to do about it."""
