"""The answers to Katib's two questions. Nothing is kept between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import quote

import grpc
from optuna.trial import FrozenTrial, TrialState

from hptune.backends.katib.suggestion import api_pb2 as api
from hptune.backends.katib.suggestion.api_pb2_grpc import SuggestionServicer
from hptune.backends.katib.suggestion.open_suggestions import OpenSuggestions, Texts
from hptune.backends.katib.suggestion.problem import Problem, read_problem
from hptune.backends.katib.suggestion.settings import HANDED_OUT
from hptune.backends.katib.suggestion.trials import frozen, in_order, is_finished, texts_of, unmeasured
from hptune.errors import Fault, InputError

MAX_BATCH = 1000
# At once: one is answered, another waits. Katib asks one at a time, and again after a failure.
MAX_QUESTIONS = 2
_WAIT_S = 0.5
# A refusal is sent as a header, in URL encoding; gRPC bounds all headers together at 8 KiB.
_MAX_HEADER_BYTES = 6000


class SuggestionService(SuggestionServicer):
    """Katib's suggestion service with our bandit in it."""

    def __init__(self) -> None:
        # One suggestion at a time: a process has the memory for one, and health checks must not wait for it.
        self._lock = threading.Lock()
        self._admitted = threading.BoundedSemaphore(MAX_QUESTIONS)

    def ValidateAlgorithmSettings(  # noqa: N802  the name on the wire
        self, request: api.ValidateAlgorithmSettingsRequest, context: grpc.ServicerContext
    ) -> api.ValidateAlgorithmSettingsReply:
        """Refuses an Experiment that cannot be tuned, with all that is wrong with it."""
        with self._admit(context):
            read_problem(request.experiment)
        return api.ValidateAlgorithmSettingsReply()

    def GetSuggestions(  # noqa: N802
        self, request: api.GetSuggestionsRequest, context: grpc.ServicerContext
    ) -> api.GetSuggestionsReply:
        """Makes as many suggestions as are asked for."""
        with self._admit(context):
            return suggestions(request, context.is_active)

    @contextmanager
    def _admit(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Answers one question at a time, and refuses what would leave no thread for the health checks."""
        if not self._admitted.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "is busy with other questions; ask again")
        try:
            while not self._lock.acquire(timeout=_WAIT_S):
                if not context.is_active():
                    context.abort(grpc.StatusCode.CANCELLED, "nobody waits for this any more")
            try:
                yield
            except InputError as error:
                _refuse(context, error)
            finally:
                self._lock.release()
        finally:
            self._admitted.release()


def _refuse(context: grpc.ServicerContext, error: InputError) -> NoReturn:
    # In one line, because Katib shows it as the message of a condition.
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, _in_one_header([str(fault) for fault in error.faults]))


def _in_one_header(faults: Sequence[str]) -> str:
    """Joins as many faults as a refusal may have, and the first in any case, though not all of its text."""
    text = faults[0]
    while len(quote(text)) > _MAX_HEADER_BYTES:
        text = f"{text[: len(text) // 3]} ... {text[-len(text) // 3 :]}"
    for told, fault in enumerate(faults[1:], 1):
        if len(quote(f"{text}; {fault}")) > _MAX_HEADER_BYTES:
            return f"{text}; and {len(faults) - told} more"
        text += f"; {fault}"
    return text


def suggestions(
    request: api.GetSuggestionsRequest, wanted: Callable[[], bool] = lambda: True
) -> api.GetSuggestionsReply:
    """Answers a request; the same request has the same answer.

    Args:
        request: Katib's request.
        wanted: Asked before each suggestion; where it says no, the rest is left out.

    Raises:
        InputError: The Experiment cannot be tuned, or too many are asked for.
    """
    count = request.current_request_number
    if not 0 <= count <= MAX_BATCH:
        raise InputError(Fault("current_request_number", f"{count} is not from 0 to {MAX_BATCH}"))
    problem = read_problem(request.experiment)
    trials = in_order(request.trials)
    handed_out = _open_suggestions(request, problem, trials)
    study = _study(request, problem, trials, handed_out)
    sampler = problem.sampler()
    reply = api.GetSuggestionsReply()
    for _ in range(count):
        if not wanted():
            break
        values = {}
        if problem.search_space:
            values = sampler.suggest(
                study, number=handed_out.last, direction=problem.direction, search_space=problem.search_space
            )
        texts = problem.write(values)
        handed_out = handed_out.with_next(texts)
        study.append(_numbered(unmeasured(texts, problem, TrialState.RUNNING), len(study)))
        _add(reply, texts, f"{problem.name}-{handed_out.last}" if problem.settings.numbered else "")
    reply.algorithm.algorithm_name = request.experiment.spec.algorithm.algorithm_name
    reply.algorithm.algorithm_settings.add(name=HANDED_OUT, value=str(handed_out))
    return reply


def _open_suggestions(
    request: api.GetSuggestionsRequest, problem: Problem, trials: Sequence[api.Trial]
) -> OpenSuggestions:
    """Returns the open suggestions that came with the request, up to date with its trials.

    Where they were lost - a Suggestion deleted by hand begins anew - numbers still go on after those in use.
    """
    handed_out = OpenSuggestions.parse(problem.settings.handed_out)
    handed_out = handed_out.without([texts_of(trial) for trial in trials if is_finished(trial)])
    numbers = [_number(trial.name, problem.name) for trial in trials if problem.settings.numbered]
    return OpenSuggestions(
        max(handed_out.last, _count_so_far(request), len(trials), *numbers), handed_out.open
    )


def _count_so_far(request: api.GetSuggestionsRequest) -> int:
    """Returns how many suggestions Katib has from before."""
    return request.total_request_number - request.current_request_number


def _number(trial_name: str, experiment_name: str) -> int:
    """Returns the number in a name that the service gave; 0 in others."""
    suffix = trial_name.removeprefix(f"{experiment_name}-")
    return int(suffix) if suffix.isascii() and suffix.isdigit() and len(suffix) < 10 else 0


def _study(
    request: api.GetSuggestionsRequest,
    problem: Problem,
    trials: Sequence[api.Trial],
    handed_out: OpenSuggestions,
) -> list[FrozenTrial]:
    """Makes a study of all trials; those that Katib keeps to itself count as failed.

    They are in the order of their suggestions, as on one machine: the same sums in another order differ in
    their last digits. Where Katib named them that order is not known, and those kept back are last.
    """
    kept_back = _count_so_far(request) - len(trials)
    unseen = handed_out.unseen([texts_of(trial) for trial in trials], kept_back)
    study = [(_number(trial.name, problem.name), frozen(trial, problem)) for trial in trials]
    study += [(number, unmeasured(texts, problem, TrialState.FAIL)) for number, texts in unseen.items()]
    if problem.settings.numbered:
        study.sort(key=lambda numbered: numbered[0])
    return [_numbered(trial, place) for place, (_, trial) in enumerate(study)]


def _numbered(trial: FrozenTrial, number: int) -> FrozenTrial:
    trial.number = number
    return trial


def _add(reply: api.GetSuggestionsReply, texts: Texts, trial_name: str) -> None:
    added = reply.parameter_assignments.add(trial_name=trial_name)
    for name, text in texts.items():
        added.assignments.add(name=name, value=text)
