"""What is imported before a process is forked for a trial."""

import pytest

from hptune.runtimes.preload import importable_beforehand

JSON = "import json"


@pytest.fixture
def importable(tmp_path):
    def importable(files, module="trainer.task"):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return importable_beforehand(module, [str(tmp_path)])

    return importable


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import json, numpy as np\n", [JSON, "import numpy as np"]),
        (
            "'''Doc.'''\nfrom __future__ import annotations\nfrom json import dumps\n",
            ["from json import dumps"],
        ),
        ("LIMIT = 3\ndef f():\n    import csv\nclass C: pass\nimport json\n", [JSON]),
        ("import json\nif __name__ == '__main__':\n    main()\n", [JSON]),
        (
            "import os\nos.environ['A'] = '1'\nimport json\n",
            ["import os", "os.environ['A'] = '1'", JSON],
        ),
        ("import os\nos.environ.setdefault('A', '1')\n", ["import os", "os.environ.setdefault('A', '1')"]),
        (
            "import warnings\nwarnings.filterwarnings('ignore')\nimport json\n",
            ["import warnings", JSON],
        ),
        (
            "import logging\nlog = logging.getLogger(__name__)\nimport json\n",
            ["import logging", JSON],
        ),
        ("try:\n    import json\nexcept ImportError:\n    import csv\n", [JSON]),
    ],
)
def test_imports_at_the_top_are_found_in_their_order(importable, source, found):
    assert importable({"trainer/__init__.py": "", "trainer/task.py": source}) == found


@pytest.mark.parametrize(
    "effect",
    [
        "os.environ['A'] = str(os.getpid())",
        "os.environ.update(A='1')",
        "old = os.environ.pop('A', None)",
        "sys.path.insert(0, 'x')",
        "sys.modules['csv'] = None",
        "setting = configure()",
        "args = exec('x = 1')",
        "with open(os.devnull) as file:\n    pass",
        "for name in ():\n    print(name)",
        "if sys.platform == 'linux':\n    os.environ['A'] = str(1)",
        "from",
    ],
)
def test_nothing_is_imported_beyond_what_may_change_an_import(importable, effect):
    source = f"import os\ndef configure(): os.environ['A'] = '2'\n{effect}\nimport json\n"
    found = importable({"trainer/__init__.py": "", "trainer/task.py": source})
    assert found == ([] if effect == "from" else ["import os"])


def test_the_trainers_own_modules_are_read_and_not_imported(importable):
    files = {
        "trainer/__init__.py": "import abc\n",
        "trainer/task.py": "from trainer import model\nfrom . import data\nimport util, sibling, json\n",
        "trainer/model.py": "import csv\nCLASSES = list(range(3))\n",
        "trainer/data/__init__.py": "from .read import rows\nfrom ..model import CLASSES\n",
        "trainer/data/read.py": "import gzip\nimport trainer.task\n",
        "trainer/sibling.py": "import zlib\n",
        "util.py": "import bz2\n",
    }
    modules = ["abc", "csv", "gzip", "bz2", "zlib", "json"]
    assert importable(files) == [f"import {module}" for module in modules]


def test_a_script_and_a_package_are_trainers_too(importable):
    assert importable({"task.py": "import json\n"}, "task") == [JSON]
    assert importable({"package/__init__.py": "", "package/__main__.py": "import csv\n"}, "package") == [
        "import csv"
    ]


def test_what_is_not_installed_is_left_to_the_trainer(importable):
    assert importable({"task.py": "import no_such_module_anywhere\nimport json\n"}, "task") == [JSON]
