"""Vertex AI's job files, read as the training jobs of ML Engine that they describe."""
