"""What is tried again, with real pauses, and what is not."""

import time

import pytest

from hptune.retry import CLUSTER, MIRROR, ONCE, UPLOAD, WEB_SERVER, Patience, status_may_pass


def failing(*errors):
    """An action that raises the errors in turn and then returns how often it was called."""
    left, calls = list(errors), []

    def action():
        calls.append(1)
        if left:
            raise left.pop(0)
        return len(calls)

    return action


def passes(error):
    return isinstance(error, OSError)


def test_it_is_done_until_it_succeeds():
    patience = Patience(attempts=4, first_pause_s=0.001)
    assert patience.retrying(passes)(failing(OSError(), OSError(), OSError())) == 4


def test_the_last_error_is_raised_as_it_is():
    errors = [OSError("first"), OSError("second"), OSError("third")]
    with pytest.raises(OSError, match="second") as raised:
        Patience(attempts=2, first_pause_s=0.001).retrying(passes)(failing(*errors))
    assert raised.value is errors[1]


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_what_does_not_pass_is_raised_at_once(error):
    with pytest.raises(type(error)):
        Patience(attempts=9).retrying(passes)(failing(error))


def test_a_single_attempt_is_not_repeated():
    with pytest.raises(OSError, match="no"):
        ONCE.retrying(passes)(failing(OSError("no")))


def test_pauses_grow_up_to_the_longest_and_are_told():
    told = []
    patience = Patience(attempts=6, first_pause_s=0.01, growth=3, max_pause_s=0.1)
    retrying = patience.retrying(passes, tell=lambda error, pause_s: told.append((str(error), pause_s)))
    begun = time.monotonic()
    assert retrying(failing(*(OSError(str(i)) for i in range(5)))) == 6
    assert [error for error, _ in told] == ["0", "1", "2", "3", "4"]
    assert [pause for _, pause in told] == pytest.approx([0.01, 0.03, 0.09, 0.1, 0.1])
    assert time.monotonic() - begun >= 0.33


def test_a_pause_that_would_end_too_late_is_not_begun():
    begun = time.monotonic()
    with pytest.raises(OSError, match="third"):
        Patience(total_s=2, first_pause_s=0.001, growth=100).retrying(passes)(
            failing(OSError("first"), OSError("second"), OSError("third"), OSError("fourth"))
        )
    assert time.monotonic() - begun < 5


def test_a_pause_that_is_asked_for_is_granted_up_to_the_longest():
    told = []
    patience = Patience(attempts=3, first_pause_s=0.001, max_pause_s=0.02)
    asked = iter([0.01, 99.0])
    patience.retrying(passes, asked_s=lambda _: next(asked), tell=lambda _, pause_s: told.append(pause_s))(
        failing(OSError(), OSError())
    )
    assert told == pytest.approx([0.01, 0.02])


def test_no_attempt_is_no_patience():
    with pytest.raises(ValueError, match="attempts is 0; allowed: 1 or more"):
        Patience(attempts=0)


@pytest.mark.parametrize("patience", [WEB_SERVER, MIRROR, UPLOAD, CLUSTER])
def test_every_patience_has_an_end(patience):
    assert patience.attempts or patience.total_s


def test_statuses_that_may_pass():
    assert [code for code in (200, 400, 403, 404, 409, 410, 501, 505) if status_may_pass(code)] == []
    assert all(map(status_may_pass, (408, 429, 500, 502, 503, 504, 520)))
