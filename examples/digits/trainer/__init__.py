"""A trainer of a second or two, written as for ML Engine."""
