import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hptune.results.study import Measurement
from hptune.trial.outcome import Outcome

OUTCOME = Outcome(1, Measurement(0.1 + 0.2, 10**15), "", 1.7e9 + 1 / 3, 1.7e9 + 2 / 3)


def with_message(message):
    return Outcome(1, OUTCOME.final, message, OUTCOME.start_time_s, OUTCOME.end_time_s, timed_out=True)


def test_a_line_is_read_back():
    outcome = with_message("two\nlines, 'quotes' \"and\" ünïcode")
    line = outcome.to_line(4096)
    assert line.count(b"\n") == 1
    assert Outcome.parse(line.decode()) == outcome


def test_a_value_that_is_not_finite_is_read_back():
    line = Outcome(0, Measurement(math.nan, 3), "", 0.0, 1.0).to_line(4096)
    assert math.isnan(Outcome.parse(line.decode()).final.value)


@given(st.text(min_size=1, max_size=6000))
def test_a_long_message_is_cut_and_the_numbers_are_kept(message):
    line = with_message(message).to_line(600)
    assert len(line) <= 600
    read = Outcome.parse(line.decode())
    assert (read.final, read.start_time_s, read.end_time_s) == (
        OUTCOME.final,
        OUTCOME.start_time_s,
        OUTCOME.end_time_s,
    )
    kept = read.message.removesuffix("...")
    assert message.startswith(kept)
    assert kept == message or read.message.endswith("...")


def test_no_room_for_the_numbers_is_an_error():
    with pytest.raises(ValueError, match="100 are allowed"):
        with_message("long").to_line(100)


@pytest.mark.parametrize("text", ["", "sh: not found", "[]", "1", "{}", json.dumps({"final": 1})])
def test_what_is_no_outcome_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  (the reason is Python's)
        Outcome.parse(text)
