"""Whatever becomes of a journal's bytes, no trial is lost, doubled or changed in silence."""

import random
import shutil
from itertools import pairwise

import pytest
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from hptune.backends.local.backend import LocalBackend
from hptune.backends.local.journal import Journal, JournalSnapshot, mend
from hptune.backends.local.sealed_lines import DamagedLineError, joined, whole_lines
from hptune.errors import JobDirError

TRIALS = 12


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The bytes of a journal of a few trials."""
    folder = tmp_path_factory.mktemp("journal")
    paths = folder / "study.journal", folder / "study.journal.copy"
    mend(*paths)
    storage = JournalStorage(Journal(*paths))
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "hptune")
    for number in range(TRIALS):
        trial = storage.create_new_trial(study)
        storage.set_trial_user_attr(trial, "note", "é\u2028" * number)
        storage.set_trial_intermediate_value(trial, 1, number / 7)
        storage.set_trial_state_values(trial, TrialState.COMPLETE, [number / 3])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    return paths[0].read_bytes()


@pytest.fixture
def paths(tmp_path, written):
    made = tmp_path / "study.journal", tmp_path / "study.journal.copy"
    for path in made:
        path.write_bytes(written)
    return made


def trials(paths):
    storage = JournalStorage(JournalSnapshot(*paths))
    return [(each.values, each.user_attrs, each.intermediate_values) for each in storage.get_all_trials(0)]


def damaged(content, rng):
    """Changes a byte, a bit or a line, or takes one away, or adds one."""
    at = rng.randrange(len(content))
    kind = rng.randrange(5)
    if kind == 0:
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if kind == 1:
        return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
    if kind == 2:
        return content[:at] + content[at + rng.choice([1, 7, 500]) :]
    if kind == 3:
        return content[:at] + rng.randbytes(rng.choice([1, 30])) + content[at:]
    lines = content.splitlines(keepends=True)
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def content(paths):
    return joined(*map(whole_lines, paths))


@pytest.mark.parametrize("hurt", [0, 1], ids=["the journal", "its copy"])
def test_a_journal_that_is_changed_at_thousands_of_places_is_whole_by_its_copy(paths, written, hurt):
    rng = random.Random(hurt)
    for turn in range(1000):
        paths[hurt].write_bytes(damaged(written, rng))
        assert content(paths) == written
        if turn % 100 == 0:
            mend(*paths)
            assert [path.read_bytes() for path in paths] == [written, written]


def test_one_that_is_changed_together_with_its_copy_is_refused_or_whole(paths, written):
    rng = random.Random(2)
    refused = 0
    for _ in range(1000):
        hurt = damaged(written, rng)
        for path in paths:
            path.write_bytes(hurt)
        try:
            found = content(paths)
        except DamagedLineError:
            refused += 1
        else:
            # A line that was lost at the end is as if it had not been written yet.
            assert found == written or (written.startswith(found) and found.count(b"\n") > 40)
    assert refused > 300


def test_one_that_is_cut_at_every_byte_of_its_last_eight_lines_goes_on_where_it_was(paths, written):
    ends = [i + 1 for i, byte in enumerate(written) if byte == ord("\n")]
    for start, end in pairwise(ends[-9:]):
        for cut in range(start, end):
            paths[0].write_bytes(written[:cut])
            # Killed while it wrote to the journal: the copy has only the line before.
            paths[1].write_bytes(written[:start])
            assert content(paths) == written[:start]
            if cut % 100 == 0:
                assert mend(*paths) == []
                assert paths[0].read_bytes() == paths[1].read_bytes() == written[:start]
                paths[0].write_bytes(written[:cut])
            # Cut later on, by somebody else: the copy has it all.
            paths[1].write_bytes(written)
            assert content(paths) == written


def test_what_was_damaged_is_kept_and_told(paths, written):
    paths[0].write_bytes(b"not a journal")
    assert mend(*paths) == [paths[0]]
    assert paths[0].read_bytes() == written
    assert paths[0].with_name("study.journal.damaged").read_bytes() == b"not a journal"


def test_a_journal_that_was_deleted_is_had_from_its_copy(paths, written):
    as_written = trials(paths)
    assert len(as_written) == TRIALS
    paths[0].unlink()
    assert trials(paths) == as_written
    assert mend(*paths) == []
    assert paths[0].read_bytes() == written


def test_one_from_before_there_were_seals_goes_on_with_them(make_job):
    job = make_job(maxTrials=2)
    job.run()
    journal, copy = (job.root / "hptune" / name for name in ("study.journal", "study.journal.copy"))
    text = journal.read_text()
    plain = "".join(line.partition(',"line":')[0] + "}\n" for line in text.splitlines())
    journal.write_text(plain)
    copy.unlink()
    study = job.changed(maxTrials=2).run()
    assert job.starts == [1, 2]
    assert study == LocalBackend(job.root).describe().study
    assert copy.read_bytes() == journal.read_bytes()


def test_a_job_goes_on_by_the_copy_and_says_so(make_job):
    job = make_job(maxTrials=2)
    study = job.run()
    journal = job.root / "hptune" / "study.journal"
    journal.write_bytes(journal.read_bytes().replace(b"0.", b"0.9", 1))
    said = []
    assert LocalBackend(job.root, said.append).run(job.submission, lambda *_: None).study == study
    assert said[0] == (
        f"{journal} was damaged and is mended from study.journal.copy; it is kept as study.journal.damaged"
    )


def test_a_journal_that_is_damaged_as_is_its_copy_is_refused_by_its_line(make_job):
    job = make_job(maxTrials=1)
    job.run()
    journal, copy = (job.root / "hptune" / name for name in ("study.journal", "study.journal.copy"))
    lines = journal.read_bytes().splitlines(keepends=True)
    hurt = b"".join([*lines[:3], lines[3].replace(b":", b";", 1), *lines[4:]])
    journal.write_bytes(hurt)
    shutil.copy(journal, copy)
    for look in (job.run, job.backend.describe):
        with pytest.raises(
            JobDirError, match=f"{journal}: is damaged, as is its copy: line 4 is not as it was"
        ):
            look()
    assert journal.read_bytes() == hurt
