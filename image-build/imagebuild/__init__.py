"""Builds the card's image from Debian's packages and the locked wheels, and from nothing else."""
