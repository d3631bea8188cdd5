"""What hptune prints as YAML is the same to PyYAML (YAML 1.1), ruamel.yaml (1.2) and kubectl (Go)."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from hptune.console.yaml_text import to_yaml

KUBECTL = Path(sys.executable).with_name("kubectl")
_ODD = r"""
    y Y n N yes Yes NO no on ON off Off true True TRUE false null Null NULL nan NaN inf Inf ~ = << < ! %
    @ ` & * ? | > - -- --- ... : , [] {} [ { # a#b a: :a a:b -a ?a !!str !str &a *a %a @a 'a "a a' a" \
    \n 1e3 1E3 1.5e3 1.5E3 1e-05 1.e5 1e+3 0x1F 0X1f 0b11 0o17 0O17 017 08 09 1_000 _1 _ 1_ +1 -1 +.5 .5 5.
    -.5 . .. 1:30 190:20:30 1:30.5 20:30:40.5 .inf .Inf -.inf +.INF .nan .NaN Infinity -Infinity 1e400
    12345678901234567890 0 00 0.0 -0 2018-05-09 2018-05-09T12:00:00Z 2018-05-09t12:00:00.5-01:00
    2018-5-9 12e03 685.230_15e+03 0x_0A_74_AE 0b1010_0111 0x1p-2 1d 1f 1L e1 E1 é ß 日本 😀 a😀 ${x} $(x)
    ${trialSpec.Name} {{x}} key:value http://host:80/a?b#c /a/b C:\
"""
ODD = _ODD.split()
SPACED = [
    "",
    " ",
    "  ",
    " a",
    "a ",
    "\ta",
    "a\t",
    "a b",
    "a  b",
    "a: b",
    "a :b",
    "a #b",
    "a\tb",
    "- a",
    "? a",
    "% a",
]
BROKEN = [
    "\n",
    "a\n",
    "\na",
    "a\nb",
    "a\n\nb",
    " a\n b ",
    "a\r\nb",
    "\r",
    "a\x85b",
    "a\u2028b",
    "\u2029",
    "a\\\nb",
]
STRANGE = [
    "\ufeff",
    "\ufeffa",
    "\0",
    "\x07",
    "\x1b[1m",
    "\x7f",
    "\x9f",
    "\xa0",
    "\xad",
    "\u200b",
    "\ufffe",
    "\U0010ffff",
]
LONG = ["long " * 60, "x" * 1500, "1 " * 200, "ä " * 100, "a\n" * 100, " " * 200]


def random_texts(count):
    """Texts of what YAML gives a meaning to, of any characters, and of odd ones joined."""
    rng = random.Random(0)
    alphabets = [
        "01234_.:-+eExobT",
        "yYnNoOfFtruealsN~",
        " :#-?,[]{}&*!|>'\"%@`\\\t\nab1",
        "\r\x85\u2028 a\n",
    ]
    for _ in range(count):
        kind = rng.randrange(len(alphabets) + 2)
        if kind < len(alphabets):
            yield "".join(rng.choices(alphabets[kind], k=rng.randint(1, 7)))
        elif kind == len(alphabets):
            yield "".join(
                chr(rng.choice([rng.randrange(0x300), rng.randrange(0xE000, 0x110000)])) for _ in range(4)
            )
        else:
            yield rng.choice(["", " ", "-", ":", "\n"]).join(rng.choices(ODD, k=2))


TEXTS = list(dict.fromkeys([*ODD, *SPACED, *BROKEN, *STRANGE, *LONG, *random_texts(3000)]))
DATA = {
    "apiVersion": "example.org/v1",
    "kind": "Texts",
    "metadata": {"name": "texts"},
    "texts": TEXTS,
    "names": {text: text for text in TEXTS},
    "mappings": [{text: 1} for text in TEXTS[:300]],
    "values": [1, -2, 0.1, 1e-05, 1e16, True, False, None, [], {}, 1.5e300],
}


def kubectl(text):
    command = [KUBECTL, "annotate", "--local", "--filename=-", "read=yes", "--output=json"]
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(command, input=text.encode(), env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    data = json.loads(done.stdout)
    assert data["metadata"].pop("annotations") == {"read": "yes"}
    return data


READERS = {
    "YAML 1.1": yaml.safe_load,
    "YAML 1.2": YAML(typ="safe", pure=True).load,
    "kubectl": pytest.param(
        kubectl, marks=pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl beside python")
    ),
}


def test_there_are_thousands_of_texts():
    assert len(TEXTS) > 2500


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_text_is_read_as_it_was(read):
    found = read(to_yaml(DATA))
    wrong = [(text, as_read) for text, as_read in zip(TEXTS, found["texts"], strict=True) if text != as_read]
    assert wrong == []
    assert {name: text for name, text in found["names"].items() if name != text} == {}
    assert found == DATA


def test_the_readers_do_misread_what_is_not_quoted():
    """Else the tests above would hold whatever is printed."""
    assert yaml.safe_load("on: 1:30") == {True: 90}
    assert YAML(typ="safe", pure=True).load("- 0o17") == [15]


@pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl beside python")
def test_kubectl_does_misread_what_is_not_quoted():
    head = "apiVersion: example.org/v1\nkind: Texts\nmetadata: {name: x}\n"
    assert kubectl(head + "texts: [y, 1_000]")["texts"] == [True, 1000]


def test_what_no_reader_can_mistake_is_printed_plain():
    data = {
        "image": "example.org/hptune:1",
        "reference": "${trialSpec.Name}",
        "path": "/var/log",
        "words": "a b",
    }
    assert to_yaml(data) == (
        "image: example.org/hptune:1\npath: /var/log\nreference: ${trialSpec.Name}\nwords: a b\n"
    )


def test_keys_stand_in_alphabetical_order_and_what_occurs_twice_is_printed_twice():
    twice = ["x"]
    assert to_yaml({"z": twice, "a": twice, "n": 1}) == "a:\n- x\n'n': 1\nz:\n- x\n"
