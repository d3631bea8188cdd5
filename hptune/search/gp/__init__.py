"""The Gaussian process behind the bandit: arrays in, arrays out."""
