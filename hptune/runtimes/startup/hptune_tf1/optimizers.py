"""Keras' optimizers with the arguments that they had up to TensorFlow 2.10."""

from __future__ import annotations

from types import ModuleType
from typing import Any

_NAMES = ("Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD")
_OLD_ARGUMENTS = frozenset({"lr", "decay"})


def honour_old_arguments(optimizers: ModuleType) -> None:
    """Makes an optimizer that is given ``lr`` or ``decay`` the one that knows them.

    Since TensorFlow 2.11 Keras ignores the one, so that a tuned learning rate would have no effect, and
    refuses the other.

    Args:
        optimizers: The module keras.src.optimizers.
    """
    for name in _NAMES:
        of_today = getattr(getattr(optimizers, name.lower()), name)
        # The names of the module itself are those of the former ones.
        of_today.__new__ = staticmethod(_maker(of_today, getattr(optimizers, name)))


def _maker(of_today: Any, former: Any) -> Any:
    def make(kind: Any, *args: Any, **kwargs: Any) -> Any:
        if kind is of_today and _OLD_ARGUMENTS & kwargs.keys():
            return former(*args, **kwargs)
        return object.__new__(kind)

    return make
