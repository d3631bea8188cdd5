"""Builds the Experiment of a job."""
