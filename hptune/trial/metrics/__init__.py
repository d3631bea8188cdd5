"""Reads what a trainer measures."""
