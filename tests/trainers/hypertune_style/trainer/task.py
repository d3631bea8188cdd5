# Trains a scikit-learn MLP on the digits dataset and reports its accuracy to AI Platform.
import argparse
from pathlib import Path

import hypertune
import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job-dir", type=str, default=".", help="location to write the model to")
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--activation", choices=["relu", "tanh", "logistic"], default="relu")
    parser.add_argument("--epochs", type=int, default=5)
    return parser.parse_args()


def train_and_evaluate(args):
    digits = load_digits()
    x_train, x_val, y_train, y_val = train_test_split(
        digits.data, digits.target, test_size=0.25, random_state=42
    )
    scaler = StandardScaler().fit(x_train)
    x_train, x_val = scaler.transform(x_train), scaler.transform(x_val)

    clf = MLPClassifier(
        hidden_layer_sizes=(32,),
        activation=args.activation,
        learning_rate_init=args.learning_rate,
        random_state=42,
    )
    hpt = hypertune.HyperTune()
    for epoch in range(args.epochs):
        clf.partial_fit(x_train, y_train, classes=range(10))
        accuracy = clf.score(x_val, y_val)
        print(f"Epoch {epoch + 1}/{args.epochs} - val accuracy: {accuracy:.4f}")
        hpt.report_hyperparameter_tuning_metric(
            hyperparameter_metric_tag="accuracy", metric_value=accuracy, global_step=epoch + 1
        )

    model_dir = Path(args.job_dir)
    model_dir.mkdir(parents=True, exist_ok=True)
    joblib.dump(clf, model_dir / "model.joblib")


if __name__ == "__main__":
    train_and_evaluate(get_args())
