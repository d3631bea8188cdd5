import argparse
import json
import os

import tensorflow as tf

from trainer.model import RingModel, make_rings


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job-dir", required=True, help="GCS location to write checkpoints to")
    parser.add_argument("--hidden_units", type=int, default=8)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--train_steps", type=int, default=200)
    parser.add_argument("--eval_every", type=int, default=50)
    args = parser.parse_args()

    # Append trial_id to path if we are doing hptuning, so that trials do not overwrite each other.
    # This code can be removed if you are not using hyperparameter tuning.
    trial = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("trial", "")
    output_dir = f"{args.job_dir}/{trial}"

    x_train, y_train = make_rings(1000, seed=0)
    x_val, y_val = make_rings(500, seed=1)
    model = RingModel(args.hidden_units)
    train_writer = tf.summary.create_file_writer(f"{output_dir}/train")
    val_writer = tf.summary.create_file_writer(f"{output_dir}/validation")

    learning_rate = tf.constant(args.learning_rate)
    for step in range(1, args.train_steps + 1):
        loss = model.train_step(x_train, y_train, learning_rate)
        if step % args.eval_every == 0:
            with train_writer.as_default():
                tf.summary.scalar("loss", loss, step=step)
            with val_writer.as_default():
                tf.summary.scalar("val_accuracy", model.accuracy(x_val, y_val), step=step)
            val_writer.flush()

    tf.train.Checkpoint(model=model).save(f"{output_dir}/ckpt")


if __name__ == "__main__":
    main()
