"""What is tried again, how often and how long: declared here alone, for web servers, buckets and clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import tenacity

# A method that a server does not know, or a version of HTTP, it will not know a second later either.
_LASTING = frozenset({501, 505})


@dataclass(frozen=True)
class Patience:
    """How often and how long to try again. The pause grows from attempt to attempt.

    Attributes:
        attempts: How often to try, the first time included; None where only time counts.
        total_s: When to give up, counted from the first attempt; None where only attempts count.
        first_pause_s: Pause after the first failed attempt.
        growth: By what the pause is multiplied from one attempt to the next.
        max_pause_s: The longest pause.

    Raises:
        ValueError: It allows no attempt.
    """

    attempts: int | None = None
    total_s: float | None = None
    first_pause_s: float = 0.5
    growth: float = 2.0
    max_pause_s: float = 15.0

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; allowed: 1 or more")

    def retrying(
        self,
        may_pass: Callable[[BaseException], bool],
        *,
        asked_s: Callable[[BaseException], float] = lambda _: 0.0,
        tell: Callable[[BaseException, float], None] = lambda _error, _pause_s: None,
    ) -> tenacity.Retrying:
        """Makes what, called with an action, tries it until it succeeds or patience ends.

        The last attempt's error is raised as it is.

        Args:
            may_pass: Whether an error may be gone the next time; any other is raised at once.
            asked_s: The pause that an error asks for, in seconds; up to ``max_pause_s`` is granted.
            tell: Called before each pause with the error and the pause in seconds.
        """
        grown_s = tenacity.wait_exponential(self.first_pause_s, self.max_pause_s, self.growth)
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            stop=self._is_over,
            wait=lambda state: max(grown_s(state), min(asked_s(_error_of(state)), self.max_pause_s)),
            before_sleep=lambda state: tell(_error_of(state), state.upcoming_sleep),
            reraise=True,
        )

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        if self.attempts is not None and state.attempt_number >= self.attempts:
            return True
        elapsed_s = state.seconds_since_start or 0.0
        return self.total_s is not None and elapsed_s + state.upcoming_sleep > self.total_s


def _error_of(state: tenacity.RetryCallState) -> BaseException:
    # There is one whenever tenacity asks what comes after an attempt.
    return cast(BaseException, state.outcome and state.outcome.exception())


def status_may_pass(status: int) -> bool:
    """Returns whether a server that answered with this HTTP status may answer better a moment later."""
    return status in (408, 429) or (status >= 500 and status not in _LASTING)


ONCE = Patience(attempts=1)
WEB_SERVER = Patience(attempts=4)
MIRROR = Patience(attempts=2)
"""Of one of several: the next may be better."""
UPLOAD = Patience(attempts=3, first_pause_s=2.0, growth=4.0)
"""Of a trial's files; the buckets' libraries have tried for a while by themselves."""
CLUSTER = Patience(total_s=60.0)
UNKNOWN_CLUSTER = Patience(total_s=15.0)
"""Of an address that has never answered: it is wrong, as a rule, and a person waits."""
WATCHED_CLUSTER = Patience(total_s=900.0)
"""For whoever watches a job: an upgrade of the cluster's control plane takes minutes, and a job hours."""
