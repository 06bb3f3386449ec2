"""Whose image it is: decided from evidence by rules, or held for a person."""
