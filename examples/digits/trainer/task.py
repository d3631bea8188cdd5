"""Trains a small network on scikit-learn's handwritten digits; takes a second or two."""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    """Trains, and prints the accuracy on the validation part after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--hidden-units", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--job-dir", help="Not used: nothing is kept.")
    args = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.3, random_state=0, stratify=labels)
    train_images, validation_images, train_labels, validation_labels = parts
    model = MLPClassifier(
        [args.hidden_units], solver="sgd", learning_rate_init=args.learning_rate, random_state=0
    )
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(train_images, train_labels, classes=np.unique(labels))
        print(f"step={epoch} accuracy={model.score(validation_images, validation_labels):.4f}", flush=True)


if __name__ == "__main__":
    main()
