"""The timing of whole jobs stops at the target, and says where a job did not reach it."""

import sys

import pytest

from benchmarks.job import OURS, Contender, Run, peer_accuracies, run, table

WRITES = """
import sys, time
with open(f"{sys.argv[1]}/accuracies", "a") as file:
    for accuracy in sys.argv[2:]:
        print(accuracy, file=file, flush=True)
"""
STAYS = "time.sleep(600)"
FAILS = "sys.exit('no such data')"


def contender(ending, *accuracies):
    return Contender(
        lambda _data, folder, _seed: [sys.executable, "-c", WRITES + ending, str(folder), *accuracies],
        peer_accuracies,
    )


def test_a_job_is_stopped_when_a_trial_has_the_target(tmp_path):
    reached = run(contender(STAYS, "0.5", "0.99"), tmp_path, 0, 0.98)
    assert (reached.trials, reached.best, reached.reached) == (2, 0.99, True)


def test_a_job_that_ends_without_the_target_did_not_reach_it(tmp_path):
    ended = run(contender("", "0.5", "0.9"), tmp_path, 0, 0.98)
    assert (ended.trials, ended.best, ended.reached) == (2, 0.9, False)


def test_a_job_that_fails_says_what_it_said(tmp_path):
    with pytest.raises(RuntimeError, match="no such data"):
        run(contender(FAILS), tmp_path, 0, 0.98)


def test_ratios_compare_the_same_seed_and_name_what_was_not_reached():
    runs = {OURS: [Run(10, 1, 0.99, True), Run(20, 2, 0.99, True)]}
    runs["peer"] = [Run(30, 3, 0.99, True), Run(100, 10, 0.9, False)]
    assert table(runs)[-1] == "| peer | 65 | 30, 100 (not reached) | 3, 10 | 4.0 (3.0 to 5.0) |"
