"""What a page says that hptune prints is what it prints."""

from tests.docs.pages import block_after
from tests.entry_point import call

FAULTY = """\
trainingInput:
  hyperparameters:
    params:
    - parameterName: lr
      type: DOUBLE
      minValue: 0
      maxValue: 1
      scaleType: UNIT_LOG_SCALE
    - {parameterName: depth, type: FLOAT, minValue: 1, maxValue: 9}
"""


def test_all_faults_of_a_job_file_are_told_as_on_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hptune.yaml").write_text(FAULTY)
    result = call("validate hptune.yaml")
    assert (result.code, result.err) == (2, block_after("docs/job-file.md", "reports every fault at once:"))
