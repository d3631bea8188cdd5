"""Each input that fuzzing began with, or once failed on, through its reader."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

INPUTS = sorted(Path(__file__).with_name("corpus").glob("*/*"))


def test_every_target_has_inputs():
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_of_the_corpus(path):
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("size", [70_000, 300_000])
@pytest.mark.parametrize(
    "piece", [b"0", b"[", b'{"a":', b"accuracy=1 ", b"- ", b"\xff\x00", b"\n", b"'"], ids=repr
)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_inputs_beyond_64_kb_of_one_piece(target, piece, size):
    target(piece * (size // len(piece)))
