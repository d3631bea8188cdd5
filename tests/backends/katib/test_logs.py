"""Logs of pods, read again and again from a stand-in for the cluster that gives whole seconds."""

from itertools import islice

import pytest
from cluster_objects import experiment_of, pod_of, trial_of, view_of
from submissions import submission

from hptune.backends.katib import logs

RUNNING = {"running": {"startedAt": "2026-11-24T08:00:03Z"}}
ENDED = {"terminated": {"exitCode": 0}}


class Job:
    """A job of one trial, whose log grows from one look to the next."""

    def __init__(self, server):
        self.server = server
        self.job = submission()
        self.trial = f"{experiment_of(self.job)['metadata']['name']}-1"
        self.pod = pod_of(self.trial, RUNNING)
        server.put("pods", self.pod)

    def looks(self, *texts):
        """Has each look at the job find more of the log; the last one finds the trainer ended."""
        following = iter(texts)

        def read():
            self.server.logs[self.pod["metadata"]["name"]] = next(following)
            last = following.__length_hint__() == 0
            pod = pod_of(self.trial, ENDED if last else RUNNING)
            return view_of(experiment_of(self.job), [trial_of(self.job, self.trial, {"lr": 0.1})], [pod])

        return read, lambda _: following.__length_hint__() > 0


@pytest.fixture
def job(server, monkeypatch):
    monkeypatch.setattr(logs, "_POLL_S", 0.01)
    return Job(server)


def line(second, nanoseconds, text, end="\n"):
    return f"2026-11-24T08:00:{second:02}.{nanoseconds:09}Z {text}{end}"


def test_lines_of_one_second_are_told_once_each_however_they_come(job, cluster):
    a, b, c, d = line(1, 5, "a"), line(1, 5, "b"), line(1, 999_999_999, "c"), line(2, 0, "d")
    read, running = job.looks("", a, a + b, a + b + c, a + b + c + d, a + b + c + d)
    assert [each.text for each in logs.follow(cluster, read, running)] == ["a", "b", "c", "d"]


def test_half_a_line_is_told_when_it_is_whole_or_its_trainer_has_ended(job, cluster):
    read, running = job.looks(
        line(1, 0, "ha", ""), line(1, 0, "half"), line(1, 0, "half") + line(1, 1, "e", "")
    )
    assert [each.text for each in logs.follow(cluster, read, running)] == ["half", "e"]


def test_a_line_has_the_time_of_its_printing_and_the_end_of_a_progress_bar(job, cluster):
    read, running = job.looks(line(7, 250_000_000, "1/9\r9/9 done"))
    [found] = islice(logs.follow(cluster, read, running), 1)
    assert (found.trial_id, found.text) == (1, "9/9 done")
    assert found.time.isoformat() == "2026-11-24T08:00:07.250000+00:00"


def test_what_the_node_itself_says_is_passed_on(job, cluster):
    read, running = job.looks("unable to retrieve container logs for containerd://1f")
    [found] = logs.follow(cluster, read, running)
    assert found.text == "unable to retrieve container logs for containerd://1f"


def test_the_tail_is_indented_and_without_times(job, cluster):
    name = job.pod["metadata"]["name"]
    job.server.logs[name] = "".join(line(1, n, f"line {n}") for n in range(30))
    assert logs.tail(cluster, job.pod).splitlines() == [f"    line {n}" for n in range(10, 30)]
    job.server.logs[name] = ""
    assert logs.tail(cluster, job.pod) == "    (empty)"
