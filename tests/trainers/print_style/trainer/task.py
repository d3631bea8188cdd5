#!/usr/bin/env python
"""Forecasts tomorrow's demand with an exponential moving average and prints how far off it was."""

import argparse
import math
import random


def demand(days, seed):
    rng = random.Random(seed)
    return [100 + 20 * math.sin(2 * math.pi * d / 365) + rng.gauss(0, 15) for d in range(days)]


def mse(series, window_size):
    alpha = 2.0 / (window_size + 1)
    level, total = series[0], 0.0
    for value in series[1:]:
        total += (value - level) ** 2
        level += alpha * (value - level)
    return total / (len(series) - 1)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--window-size", type=int, required=True)
    ap.add_argument("--epochs", type=int, default=5)
    args, _ = ap.parse_known_args()  # AI Platform adds --job-dir

    print(f"training with a window of {args.window_size} days")
    total = 0.0
    for epoch in range(1, args.epochs + 1):
        total += mse(demand(730, seed=epoch), args.window_size)
        print(f"epoch={epoch} loss={total / epoch:.4f}")
    print("done")
