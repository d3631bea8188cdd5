"""Breaks jobs in every way that is known, and counts what is lost, doubled, left running or badly told."""
