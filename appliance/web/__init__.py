"""The page and the API; decodes nothing."""
