"""What builds of images get of this machine's configuration of pip, as build secrets."""

import ast
import configparser
import ssl
import subprocess
import sys
from pathlib import Path

# In both secrets, so that it is in an image where one of them is.
CANARY = "hptune-secret-canary"


def pip_settings():
    """This machine's settings of pip: {(section, name): value}."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    settings = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        # The environment's come first and win.
        settings.setdefault((section.replace(":env:", "global"), name), str(ast.literal_eval(value)))
    return settings


def write_secrets(folder, settings):
    """What a build needs of this machine's configuration: no files, which it cannot see, but its CA."""
    config = configparser.ConfigParser(interpolation=None)
    for (section, name), value in settings.items():
        if not any(word.startswith(("/", "~", "file:")) for word in value.split()):
            config.read_dict({section: {name: " ".join(value.split())}})
    with (folder / "pip.conf").open("w") as file:
        file.write(f"# {CANARY}\n")
        config.write(file)
    trusted = settings.get(("global", "cert")) or ssl.get_default_verify_paths().cafile
    (folder / "ca.crt").write_text(f"{Path(trusted).read_text() if trusted else ''}\n# {CANARY}\n")
    return {"pip_conf": folder / "pip.conf", **({"ca": folder / "ca.crt"} if trusted else {})}
