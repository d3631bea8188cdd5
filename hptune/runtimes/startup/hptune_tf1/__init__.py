"""TensorFlow 1 on TensorFlow 2.15: ``import tensorflow`` is the v1 API, with what was ``tf.contrib``.

A ``.pth`` file of the managed environment calls `install` when Python starts, in the trainer and in every
process that it starts, where the variable HPTUNE_STARTUP names the directory of this package. With
HPTUNE_TF_API=2 TensorFlow is left as it is, and what other packages moved is found all the same. Nothing is
imported before the trainer asks for it.
"""

from __future__ import annotations


def install() -> None:
    """Has the imports of old modules answered from now on; a second call changes nothing."""
    import os
    import sys

    from hptune_tf1.finder import Finder

    # This environment has Keras 2 as keras. Asked for tf_keras, which it has not, TensorFlow breaks.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder(v1=os.environ.get("HPTUNE_TF_API") != "2"))
