"""A trainer whose variables live on parameter servers."""
