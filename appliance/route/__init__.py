"""Where an image goes, and the objects composed for each destination."""
