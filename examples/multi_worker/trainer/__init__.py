"""A trainer whose workers keep equal copies of a Keras model."""
