"""Answers the imports of modules that are not what they were, or are not there any more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from hptune_tf1 import keras_modules
from hptune_tf1.optimizers import honour_old_arguments
from hptune_tf1.v1 import make_v1

CONTRIB = "tensorflow.contrib"
_EXAMPLES = "tensorflow.examples"
_TUTORIAL = f"{_EXAMPLES}.tutorials.mnist"

MOVED = {
    "sklearn.externals.joblib": "joblib",
    "sklearn.externals.six": "six",
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.grid_search": "sklearn.model_selection",
    "sklearn.preprocessing.imputation": "sklearn.impute",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.generic_utils": "keras.utils",
    "keras.utils.vis_utils": "keras.utils",
    "keras.layers.core": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.layers.recurrent": "keras.layers",
    "keras.layers.embeddings": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.wrappers": "keras.layers",
    "keras.layers.noise": "keras.layers",
    "keras.engine": "keras.layers",
    "keras.engine.topology": "keras.layers",
    "keras.backend.tensorflow_backend": "keras.backend",
}
"""Old names of modules, and where what they held is now."""


class Finder(MetaPathFinder):
    """Stands first on ``sys.meta_path``.

    Args:
        v1: Whether TensorFlow is to be its v1 API.
    """

    def __init__(self, *, v1: bool = True) -> None:
        self._v1 = v1

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds the spec of a module that this package answers for; None for all others."""
        if fullname in _LOADERS:
            return _with_loader(PathFinder.find_spec(fullname, path, target), _LOADERS[fullname])
        if fullname in MOVED and PathFinder.find_spec(fullname, path, target) is None:
            return ModuleSpec(fullname, _MovedLoader(MOVED[fullname]), is_package=True)
        return self._find_tensorflow(fullname, path, target) if self._v1 else None

    def _find_tensorflow(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        if fullname in _V1_LOADERS:
            return _with_loader(PathFinder.find_spec(fullname, path, target), _V1_LOADERS[fullname])
        if fullname.startswith(f"{keras_modules.INSIDE}.") and _is_loaded():
            return _find_inside(fullname, path, target)
        if fullname == CONTRIB or fullname.startswith(f"{CONTRIB}."):
            return ModuleSpec(fullname, _ContribLoader(), is_package=True)
        if fullname == f"{_TUTORIAL}.input_data":
            return ModuleSpec(fullname, _MovedLoader("hptune_tf1.mnist"))
        if f"{_TUTORIAL}.".startswith(f"{fullname}.") and fullname != "tensorflow":
            return ModuleSpec(fullname, None, is_package=True)
        if fullname == _EXAMPLES or fullname.startswith(f"{_EXAMPLES}."):
            raise ModuleNotFoundError(
                f"{fullname} was TensorFlow's tutorial code and is not given here; "
                "tf.keras.datasets has its data sets",
                name=fullname,
            )
        return None


class _MovedLoader(Loader):
    """Makes a module of an old name, with all that a module of today has."""

    def __init__(self, today: str) -> None:
        self._today = today

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name, f"Has what is in {self._today} now.")

    def exec_module(self, module: ModuleType) -> None:
        today = importlib.import_module(self._today)
        vars(module).update({name: value for name, value in vars(today).items() if not name.startswith("__")})
        # What is made at its first use.
        module.__dict__["__getattr__"] = lambda name: getattr(today, name)


class _ContribLoader(Loader):
    """Makes ``tensorflow.contrib`` and whatever module of it a trainer names."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from hptune_tf1.contrib import make_module

        module: ModuleType = make_module(spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing: everything in it is looked up when it is asked for."""


class _Loader(Loader):
    """Loads a module as another loader does, to add to it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)


class _KerasLoader(_Loader):
    """Gives tf.keras the version that it had before and has again, and lacks in TensorFlow 2.15."""

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        module.__dict__.setdefault("__version__", importlib.import_module("keras").__version__)


class _OptimizersLoader(_Loader):
    """Gives Keras' optimizers the arguments that they had."""

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        honour_old_arguments(module)


class _V1Loader(_Loader):
    """Loads TensorFlow as it is, then makes it the v1 API."""

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        # TensorFlow replaces its module by a wrapper while it is loaded.
        make_v1(sys.modules[module.__name__])


class _KerasAfterTensorFlow(_Loader):
    """Loads TensorFlow first: it needs all of Keras to become the v1 API, and would find half of it."""

    _loaded: ModuleType | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        importlib.import_module("tensorflow")
        # TensorFlow may have loaded it meanwhile.
        self._loaded = sys.modules.get(spec.name)
        return self._loaded or self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module is not self._loaded:
            self._loader.exec_module(module)


class _ChangedLoader(_Loader):
    """Gives a module of TensorFlow's old copy of Keras the names of tf.keras."""

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        keras_modules.change(module)


class _NumpyLoader(_Loader):
    """Gives NumPy the names of Python's own types, which it had up to 1.23."""

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for name, value in _NUMPY_NAMES.items():
            module.__dict__.setdefault(name, value)


_NUMPY_NAMES = {
    **{kind.__name__: kind for kind in (bool, complex, float, int, object, str)},
    "long": int,
    "unicode": str,
    "asscalar": lambda array: array.item(),
}
_LOADERS: dict[str, type[_Loader]] = {
    "keras.api._v1.keras": _KerasLoader,
    "keras.api._v2.keras": _KerasLoader,
    "keras.src.optimizers": _OptimizersLoader,
    "numpy": _NumpyLoader,
    "tensorflow.keras": _KerasLoader,
}

_V1_LOADERS: dict[str, type[_Loader]] = {"keras": _KerasAfterTensorFlow, "tensorflow": _V1Loader}


def _is_loaded() -> bool:
    """Tells whether TensorFlow is the v1 API already; while it loads, it needs its own."""
    return hasattr(sys.modules.get("tensorflow"), "contrib")


def _find_inside(fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    """Finds what is left of TensorFlow's old copy of Keras, or what tf.keras has of it."""
    spec = PathFinder.find_spec(fullname, path, target)
    if spec is not None:
        return _with_loader(spec, _ChangedLoader) if fullname in keras_modules.CHANGED else spec
    today = keras_modules.module_of(fullname)
    return ModuleSpec(fullname, _MovedLoader(today), is_package=True) if today else None


def _with_loader(spec: ModuleSpec | None, kind: type[_Loader]) -> ModuleSpec | None:
    if spec is not None and spec.loader is not None:
        spec.loader = kind(spec.loader)
    return spec
