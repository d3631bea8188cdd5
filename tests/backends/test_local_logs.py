"""A trial's log as it is followed, whatever its trainer writes there."""

from hptune.backends.local.logs import follow
from hptune.storage.job_dir import JobDir


def test_a_line_that_does_not_end_is_told_in_pieces_of_bounded_size(tmp_path):
    job = JobDir(tmp_path)
    log = job.trial(1).log
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 200_000)
    running = iter([True, False])
    lines = follow(job, lambda: next(running))
    told = [next(lines).text for _ in range(3)]
    log.write_bytes(b"x" * 200_000 + b"y\nend\n")
    told += [line.text for line in lines]
    assert max(map(len, told)) < 100_000
    assert "".join(told) == "x" * 200_000 + "yend"
    assert told[-1] == "end"
