import numpy as np
import tensorflow as tf


def make_rings(n, seed):
    """Two noisy rings: points at radius 1 are class 0, at radius 2 class 1."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, 2, size=n)
    angle = rng.uniform(0, 2 * np.pi, size=n)
    radius = 1.0 + labels + rng.normal(scale=0.2, size=n)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points.astype(np.float32), labels.astype(np.float32)[:, None]


class RingModel(tf.Module):
    def __init__(self, hidden_units):
        super().__init__()
        init = tf.random_normal_initializer(stddev=1.0, seed=1)
        self.w1 = tf.Variable(init([2, hidden_units]))
        self.b1 = tf.Variable(tf.zeros([hidden_units]))
        self.w2 = tf.Variable(init([hidden_units, 1]))
        self.b2 = tf.Variable(tf.zeros([1]))

    def __call__(self, x):
        return tf.matmul(tf.tanh(tf.matmul(x, self.w1) + self.b1), self.w2) + self.b2

    @tf.function
    def train_step(self, x, y, learning_rate):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=self(x)))
        gradients = tape.gradient(loss, self.trainable_variables)
        for i, var in enumerate(self.trainable_variables):
            var.assign_sub(learning_rate * gradients[i])
        return loss

    def accuracy(self, x, y):
        return tf.reduce_mean(tf.cast((self(x) > 0) == (y > 0.5), tf.float32))
