"""What is copied of the trial program into a pod of the user's own image; tests/images runs it there."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from hptune.trial.pod import carry
from hptune.trial.pod.carried import image_environment
from tests.test_architecture import HPTUNE, imports, imports_when_loaded, is_within

# What pods of the user's own image start.
PROGRAMS = ("hptune.trial.__main__", "hptune.trial.pod.stop")


# The wings in which what is imported late is the programs' too.
LATE = ("hptune.trial", "hptune.storage.remote", "hptune.storage.transfer")


def imported():
    """The libraries that the programs import, at once or late."""
    code = f"import {', '.join(PROGRAMS)}, sys; print(*sys.modules)"
    loaded = HPTUNE.keys() & subprocess.check_output([sys.executable, "-c", code], text=True).split()
    late = [module for module in HPTUNE if is_within(module, *LATE)]
    found = [each for module in loaded for each in imports_when_loaded(HPTUNE[module])]
    found += [each for module in late for each in imports(HPTUNE[module])]
    tops = {each.partition(".")[0] for each in found} - {"hptune"}
    # What is imported for its types alone is pandas.
    return {top for top in tops - sys.stdlib_module_names - {"pandas"} if top in packages_distributions()}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_library_that_the_trial_program_imports_is_copied():
    copied = {canonical(each.metadata["Name"]) for each in carry._with_requirements(carry.DISTRIBUTIONS)}
    copied |= {canonical(name) for name in carry.ALONE}
    known = packages_distributions()
    # Of a name that several have, such as google, the one that is used is among them.
    missing = {top for top in imported() if not copied & {canonical(each) for each in known[top]}}
    assert missing == set()
    assert {"click", "fsspec", "pydantic", "tensorboard"} <= imported()


def test_the_trainer_gets_the_images_environment_and_not_what_is_set_for_our_program():
    given = {
        "HPTUNE_LD_PRELOAD": "/lib/of/the/image.so",
        "SSL_CERT_FILE": "/hptune-program/ca.pem",
        "PATH": "/bin",
    }
    assert image_environment(given) == {"LD_PRELOAD": "/lib/of/the/image.so", "PATH": "/bin"}
    own = {"SSL_CERT_FILE": "/etc/own.pem"}
    assert image_environment(own) == own


def test_the_loader_of_this_interpreter_is_found():
    assert carry._loader().name.startswith("ld")
    assert Path(carry._loader()).is_file()
