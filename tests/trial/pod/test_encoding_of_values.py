import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hptune.trial.pod.encoding import decode_value, encode_value

ANY_TEXT = st.text(alphabet=st.characters())
HOSTILE = [
    "",
    " ",
    "'",
    '"',
    "\\",
    "$(HOME)",
    "${trialParameters.x}",
    "$$",
    "`id`",
    "~root",
    "a b",
    "%41",
    "%",
]
HOSTILE += ["é", "模型", "\U0001f600", "\n", "\0", "*", "a;b", "#", "!", "-n", "--x=1", "\ud800"]


@given(ANY_TEXT)
def test_what_is_encoded_is_decoded(text):
    assert decode_value(encode_value(text)) == text


@given(ANY_TEXT)
def test_the_encoded_form_means_nothing_to_a_shell_or_to_json(text):
    assert re.fullmatch(r"[A-Za-z0-9_.:/+%-]+", encode_value(text))


@given(st.text(alphabet="ABCxyz019_.:/+-", min_size=1))
def test_plain_values_are_themselves(text):
    assert encode_value(text) == text


@given(st.sets(ANY_TEXT))
def test_different_values_stay_different(texts):
    assert len(set(map(encode_value, texts))) == len(texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_values_come_through_json_and_a_shell(text):
    encoded = encode_value(text)
    command = json.loads(f"\"printf %s --p=x={encoded} {encoded} '{encoded}'\"")
    printed = subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout.decode()
    assert printed == f"--p=x={encoded}{encoded}{encoded}"
    assert decode_value(encoded) == text


def test_what_was_never_encoded_is_refused():
    with pytest.raises(ValueError, match="utf-8"):
        decode_value("%ff")
