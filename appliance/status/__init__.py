"""The one read model: what the lamps, the page and the metrics say."""
