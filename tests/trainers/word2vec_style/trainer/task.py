"""Embeds the words of a toy language: servers hold the vectors, the master and the workers update them."""

import argparse
import json
import os

import numpy as np
import tensorflow as tf

WORDS = 40
WINDOW = 2


def pairs(seed, count=4096):
    """Returns words and their neighbours in a text whose next word is near the last one."""
    random = np.random.RandomState(seed)
    text = np.cumsum(random.randint(0, 3, size=count)) % WORDS
    centre = text[WINDOW:-WINDOW]
    context = [text[WINDOW + i : len(text) - WINDOW + i] for i in range(-WINDOW, WINDOW + 1) if i]
    return np.tile(centre, len(context)), np.concatenate(context)


def build(args, device):
    with tf.device(device):
        words = tf.placeholder(tf.int32, [None])
        neighbours = tf.placeholder(tf.int32, [None])
        step = tf.train.get_or_create_global_step()
        vectors = tf.get_variable("vectors", [WORDS, args.embedding_size])
        weights = tf.get_variable("weights", [args.embedding_size, WORDS])
        logits = tf.matmul(tf.nn.embedding_lookup(vectors, words), weights)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=neighbours, logits=logits)
        )
        train = tf.train.AdagradOptimizer(args.learning_rate).minimize(loss, global_step=step)
        tf.summary.scalar("loss", loss)
    return words, neighbours, step, loss, train


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--job-dir", required=True)
    parser.add_argument("--embedding-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=0.5)
    parser.add_argument("--max-steps", type=int, default=400)
    args = parser.parse_args()
    config = json.loads(os.environ["TF_CONFIG"])
    kind, index = config["task"]["type"], config["task"]["index"]
    cluster = tf.train.ClusterSpec(config["cluster"])
    server = tf.train.Server(cluster, job_name=kind, task_index=index)
    if kind == "ps":
        server.join()
    device = tf.train.replica_device_setter(worker_device=f"/job:{kind}/task:{index}", cluster=cluster)
    words, neighbours, step, loss, train = build(args, device)
    centre, context = pairs(seed=index + 10 * (kind == "worker"))
    filters = ["/job:ps", f"/job:{kind}/task:{index}"]
    with tf.train.MonitoredTrainingSession(
        master=server.target,
        is_chief=kind == "master",
        checkpoint_dir=args.job_dir,
        save_summaries_steps=50,
        config=tf.ConfigProto(device_filters=filters),
        hooks=[tf.train.StopAtStepHook(last_step=args.max_steps)],
    ) as session:
        while not session.should_stop():
            batch = np.random.randint(len(centre), size=128)
            feed = {words: centre[batch], neighbours: context[batch]}
            at, value, _ = session.run([step, loss, train], feed)
            if at % 50 == 0:
                print(f"{kind} {index}: loss={value:.4f} step={at}")


if __name__ == "__main__":
    main()
