"""What a user is told of trials that fail, and of trials that never start."""

import re

from tests.cluster.users import NUMBERED, job_file


def told(text, pattern):
    """How often a text says something."""
    return len(re.findall(pattern, text))


def test_a_job_whose_trainers_all_fail_says_the_cause_and_ends_with_1(user):
    job = user.job("failing", "raise ValueError('no such column: price')\n", job_file(maxTrials=2))
    done = job.submit()
    assert done.code == 1
    assert "no such column: price" in done.err
    assert "Traceback" not in done.out
    assert {trial["state"] for trial in job.trials()} == {"FAILED"}


def test_a_trial_that_fails_among_others_fails_no_job(user):
    trainer = "if trial == 2: raise SystemExit('the disk is full')\nprint(f'score={x}')\n"
    job = user.job("one-fails", trainer, job_file(maxTrials=3, maxParallelTrials=1, maxFailedTrials=3))
    done = job.submit(*NUMBERED)
    assert done.code == 0, done.err
    states = {int(trial["trialId"]): trial["state"] for trial in job.trials()}
    assert states == {1: "SUCCEEDED", 2: "FAILED", 3: "SUCCEEDED"}
    assert "trial 2/3 FAILED" in done.err
    assert "the disk is full" in user.hptune("stream-logs", *job.words).out


def test_a_trial_that_runs_out_of_memory_is_stopped_and_says_so(user):
    trainer = "hoard = []\nwhile True:\n    hoard.append(bytearray(b'x' * 2 ** 20))\n"
    job = user.job("leaks", trainer, job_file(maxTrials=1, maxParallelTrials=1))
    printed = user.hptune("katib", job.folder / "hptune.yaml", "--memory", "200Mi", "--image", user.image,
                          "--module-name", "trainer.task")  # fmt: skip
    # Asked first: without a limit the trainer below would fill the machine.
    assert "limits:" in printed.out
    assert "200Mi" in printed.out.partition("limits:")[2][:80]
    done = job.submit()
    assert done.code == 1
    assert "out of memory" in done.err


def test_an_image_that_does_not_exist_is_told_once_while_the_job_waits(user):
    job = user.job("no-image", "print(f'score={x}')\n", job_file(maxTrials=1, maxParallelTrials=1))
    missing = user.image.rpartition(":")[0] + ":no-such-tag"
    with job.submitted(image=missing) as watched:
        watched.wait_for("told of the image", lambda: re.search(r"trial 1 waits: .*no-such-tag", watched.err))
        assert job.cancel().code == 0
        assert watched.end().code != 0
    assert "no-such-tag" in watched.err
    assert user.kubectl_json("experiments", "--selector", f"hptune.dev/job={job.label}")["items"] == []


def test_a_gpu_that_no_node_has_is_told_while_the_job_waits(user):
    job = user.job("no-gpu", "print(f'score={x}')\n", job_file(maxTrials=1, maxParallelTrials=1))
    with job.submitted("--gpus", "1", "--accelerator", "any") as watched:
        watched.wait_for("told of the GPU", lambda: "trial 1 waits: no node for its pod" in watched.err)
        assert "nvidia.com/gpu" in watched.err
        assert job.cancel().code == 0


def test_a_trial_that_waits_is_told_once(user):
    job = user.job("waits-once", "print(f'score={x}')\n", job_file(maxTrials=1, maxParallelTrials=1))
    with job.submitted("--gpus", "1", "--accelerator", "any") as watched:
        watched.wait_for("told of the GPU", lambda: "trial 1 waits: no node for its pod" in watched.err)
        assert job.cancel().code == 0
        watched.end()
    assert told(watched.err, "trial 1 waits") == 1


def test_a_job_whose_machine_is_larger_than_the_node_says_what_asks_for_less(user):
    content = job_file(maxTrials=1, maxParallelTrials=1)
    content["trainingInput"] |= {"scaleTier": "CUSTOM", "masterType": "n1-highmem-96"}
    job = user.job("too-large", "print(f'score={x}')\n", content)
    with job.submitted(small=False) as watched:
        watched.wait_for("told that no node is that large", lambda: "no node for its pod" in watched.err)
        assert job.cancel().code == 0
        watched.end()
    told = next(line for line in watched.err.splitlines() if "no node for its pod" in line)
    assert "each trial asks for 95.19 CPUs (n1-highmem-96)" in told
    assert "and no node has more than" in told
    assert told.endswith("--cpu, --memory or a smaller machine asks for less")


def test_a_job_that_waits_says_why_whoever_asks(user):
    job = user.job("asked", "print(f'score={x}')\n", job_file(maxTrials=1, maxParallelTrials=1))
    with job.submitted("--gpus", "1", "--accelerator", "any") as watched:
        watched.wait_for("told of the GPU", lambda: "no node for its pod" in watched.err)
        described = user.hptune("describe", *job.words)
        assert "nvidia.com/gpu" in described.out + described.err
        with job.followed() as follower:
            follower.wait_for("told why there are no logs", lambda: "nvidia.com/gpu" in follower.err)
        assert job.cancel().code == 0


def test_a_trial_whose_collector_died_says_so(user):
    trainer = (
        "for process in os.listdir('/proc'):\n"
        "    if process.isdigit() and b'metricscollector' in open(f'/proc/{process}/cmdline', 'rb').read():\n"
        "        os.kill(int(process), signal.SIGKILL)\n"
        "print(f'score={x}')\n"
    )
    job = user.job("no-collector", trainer, job_file(maxTrials=1, maxParallelTrials=1))
    done = job.submit(*NUMBERED)
    assert "collector" in done.err


def test_an_ordinary_job_is_warned_of_nothing(user):
    job = user.job("ordinary", "print(f'score={x}')\n", job_file(maxTrials=2, maxParallelTrials=2))
    done = job.submit(*NUMBERED)
    assert done.code == 0, done.err
    assert "warning" not in done.err
