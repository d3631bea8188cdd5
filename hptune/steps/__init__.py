"""The pipeline's steps, each a plain function."""
