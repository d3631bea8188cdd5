"""Labelled images for the example's pipeline."""
