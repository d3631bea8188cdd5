"""People drawn at random: who works long and has learned long earns more."""

import numpy as np

SCHOOLS = ["none", "school", "college", "university"]


def draw(count, seed):
    random = np.random.RandomState(seed)
    school = random.randint(len(SCHOOLS), size=count)
    age = random.uniform(18, 70, size=count).astype("float32")
    hours = random.uniform(10, 60, size=count).astype("float32")
    score = school + hours / 20 + (age > 30) - 3.2
    features = {"age": age, "hours": hours, "school": np.array(SCHOOLS)[school]}
    return features, (score + random.normal(scale=0.3, size=count) > 0).astype("int32")
