"""Reads what a trainer measures: metric file, TensorBoard summaries, printed lines."""
