"""What to do about a module that a trainer imports and its runtime has not."""

from __future__ import annotations

import re

_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "GitPython",
    "hypertune": "cloudml-hypertune",
    "IPython": "ipython",
    "jwt": "PyJWT",
    "Levenshtein": "python-Levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "pytorch_lightning": "pytorch-lightning",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "skopt": "scikit-optimize",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_hub": "tensorflow-hub",
    "tensorflow_probability": "tensorflow-probability",
    "tensorflow_transform": "tensorflow-transform",
    "umap": "umap-learn",
    "yaml": "PyYAML",
}
"""What a package is called where it is installed from, where that is another name."""
_GOOGLE = re.compile(r"google\.cloud\.(\w+)|google\.cloud|google")
_IN_RUNTIMES = {
    "tensorflow": "--runtime keras2 has TensorFlow 2.15, --runtime tf1 TensorFlow 1",
    "keras": "--runtime keras2 has Keras 2",
    "tensorflow_estimator": "--runtime tf1 has it",
    "tf_slim": "--runtime tf1 has it",
}
_MISSING = re.compile(r"(?:ModuleNotFound|Import)Error: No module named '?([\w.]+)'?")


def missing_module(line: str) -> str:
    """Returns the module that a traceback's last line says is missing; empty where it says nothing of it."""
    match = _MISSING.search(line)
    return match[1] if match else ""


def distribution(module: str) -> str:
    """Returns what a module is installed from: a guess where its name is not a known one; empty for none.

    A module inside a package that is there is not installed apart, but for those of Google's namespace.
    """
    if match := _GOOGLE.fullmatch(module):
        return f"google-cloud-{(match[1] or 'storage').replace('_', '-')}"
    return "" if "." in module else _DISTRIBUTIONS.get(module, module)


def advise(module: str, *, installs: bool) -> str:
    """Says what to do about a module that is not there; empty where that is not known.

    Args:
        module: Its name, as the import has it.
        installs: Whether hptune installs what the trainer's project asks for.
    """
    name = distribution(module)
    if not name:
        return ""
    if not installs:
        return f"install {name} where this trainer runs{_or_runtime(module)}"
    place = "requirements.txt, or to install_requires of setup.py, beside the trainer's package"
    own = "" if module in _DISTRIBUTIONS or "." in module else "; a module of your own belongs in the package"
    return (
        f"add {name} to {place}, or name an interpreter that has it with --python{_or_runtime(module)}{own}"
    )


def _or_runtime(module: str) -> str:
    return f" ({_IN_RUNTIMES[module]})" if module in _IN_RUNTIMES else ""
