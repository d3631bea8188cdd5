"""The MNIST trainer package."""
