"""A trainer for tests of the pipeline."""
