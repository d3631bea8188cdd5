"""The comparison of samplers measures what it says."""

import numpy as np
import pytest

from benchmarks.suggest import report, study
from benchmarks.suggest.searchers import OURS
from benchmarks.suggest.tasks import TASKS

DRAWS = 300


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_guess_beats_the_known_best_and_some_are_typical(task, seed):
    problem = TASKS[task](seed)
    points = problem.draws(DRAWS, np.random.default_rng(3))
    assert all(problem.space.contains(values) for values in points)
    truths = np.array([problem.truth(values) for values in points])
    assert truths.max() <= problem.best + 1e-9
    assert truths.min() < problem.typical() < problem.best


@pytest.mark.parametrize("task", ["rosenbrock4", "noisy_levy8", "noisy_momentum", "mixed5"])
def test_the_optimum_is_elsewhere_with_another_seed(task):
    points = TASKS[task](0).draws(DRAWS, np.random.default_rng(3))
    problems = [TASKS[task](seed) for seed in range(3)]
    best = {int(np.argmax([problem.truth(values) for values in points])) for problem in problems}
    assert len(best) > 1


@pytest.mark.parametrize("task", ["mnist", "svm_cancer"])
def test_a_table_gives_its_own_scores_at_its_own_points(task):
    problem = TASKS[task](0)
    best = max(problem.truth(values) for values in problem.draws(5000, np.random.default_rng(0)))
    assert best == pytest.approx(problem.best, abs=0.02)


@pytest.mark.parametrize("searcher", [OURS, "random", "Optuna TPE"])
def test_a_search_never_gets_worse_without_noise_and_repeats_itself(searcher):
    first, again = (study.search("branin", searcher, 4) for _ in range(2))
    assert first == again
    curve = first.curve()
    assert len(curve) == study.TRIALS
    assert (np.diff(curve) <= 0).all()
    assert curve[-1] >= 0


def test_what_was_searched_is_not_searched_again_unless_the_sampler_has_changed(tmp_path):
    results = tmp_path / "results.jsonl"
    todo = study.missing([], ["branin"], ["random"], 2)
    assert todo == [("branin", "random", 0), ("branin", "random", 1)]
    runs = list(study.make(todo, 1, results))
    assert study.load(results) == runs
    assert study.missing(runs, ["branin"], ["random"], 2) == []
    old = [study.Run(**{**vars(run), "version": "0.0"}) for run in runs]
    assert study.missing(old, ["branin"], ["random"], 2) == todo


def test_runs_of_former_code_are_kept_where_the_present_code_finds_the_same(tmp_path):
    results = tmp_path / "results.jsonl"
    runs = list(study.make([("branin", "random", seed) for seed in (0, 1)], 1, results))
    former = results.read_text().replace(f'"version": "{runs[0].version}"', '"version": "former"')
    results.write_text(former)
    assert study.relabel("random", 2, 1, results) == 2
    assert study.load(results) == runs
    results.write_text(former.replace("[1, ", "[2, "))
    with pytest.raises(ValueError, match="random now finds something else in branin, seed "):
        study.relabel("random", 2, 1, results)
    assert {run.version for run in study.load(results)} == {"former"}


def test_worse_than_random_is_found():
    runs = [
        study.Run("t", searcher, seed, "1", "d", [(1, level + seed / 100)])
        for searcher, level in ((OURS, 0.5), ("random", 0.1))
        for seed in range(8)
    ]
    curves = report.Curves(runs, ["t"], [OURS, "random"], 8)
    assert [line.split(" (")[0] for line in report.significantly_worse(curves)] == [
        f"t after {budget} trials" for budget in report.BUDGETS
    ]
    assert curves.mean(OURS)[0] == pytest.approx(0.535)


def test_what_others_take_to_catch_up_and_what_is_complete():
    levels = {OURS: [(1, 0.9), (10, 0.2)], "random": [(1, 0.8), (32, 0.2)], "peer": [(1, 0.3)]}
    runs = [study.Run("t", name, seed, "1", "d", level) for name, level in levels.items() for seed in (0, 1)]
    curves = report.Curves(runs, ["t"], list(levels), 2)
    assert list(report.catching_up(curves, 10)) == ["random 32", f"peer more than {study.TRIALS}"]
    assert report.complete_seeds(runs, ["t"], "peer") == 2
    assert report.complete_seeds(runs, ["t", "u"], "peer") == 0


def test_only_code_makes_another_version_of_the_sampler():
    code = 'from a import b\n\n\ndef f(x):\n    """Returns it."""\n    return b(x)\n'
    same = (
        code.replace("from a", "from c")
        .replace("Returns it.", "Gives it back.")
        .replace("return b", "return  b")
    )
    assert study._code_alone(same) == study._code_alone(code)
    assert study._code_alone(code.replace("b(x)", "b(-x)")) != study._code_alone(code)
