"""Tells directories of evaluations from those of training by the words in their names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hptune.trial.metrics.report import Source

_TRAINING = frozenset({"train", "training"})
_EVALUATION = frozenset({"eval", "evaluation", "val", "valid", "validation", "dev", "test", "holdout", "cv"})
# Letters of one case; a capital begins a word, as in evalSet. Digits end one, as in eval2.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def summary_source(directories: Iterable[str]) -> Source:
    """Tells what a summary is of by its directories, from the trial's own down: the deepest decides.

    Both estimators and Keras name them: ``eval``, ``validation``, ``train``. In a name with words of both
    kinds, such as ``eval_on_train``, the training counts.
    """
    for name in reversed([*directories]):
        words = {word.lower() for word in _WORD.findall(name)}
        if words & _TRAINING:
            return Source.TRAINING_SUMMARY
        if words & _EVALUATION or {"hold", "out"} <= words:
            return Source.EVALUATION_SUMMARY
    return Source.SUMMARY
