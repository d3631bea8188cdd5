"""Arguments, packages and uploads, with a server that speaks S3 and real files."""

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hptune.errors import JobFailed, StorageError, UsageError
from hptune.job.submission import Program
from hptune.retry import UPLOAD
from hptune.storage.job_dir import JobDir
from hptune.trial.pod.inputs import Inputs, Package, add_packages, patiently, upload
from hptune.trial.pod.packages import pack_package, sha256_of

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def inputs(tmp_path):
    return Inputs(tmp_path / "inputs")


def localized(inputs, *arguments):
    return [inputs.localize(argument) for argument in arguments]


@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_files_that_exist_are_fetched(bucket, inputs, scheme):
    bucket["data/train é.npz"] = b"train"
    uri = f"{scheme}://bucket/data/train é.npz"
    flag, plain, joined, key = localized(inputs, "--train", uri, f"--train={uri}", f"data.train={uri}")
    assert flag == "--train"
    assert Path(plain).read_bytes() == b"train"
    assert Path(plain).name == "train é.npz"
    assert joined == f"--train={plain}", "fetched once"
    assert key == f"data.train={plain}"


def test_a_directory_is_fetched_with_all_that_is_below_it(bucket, inputs):
    bucket["data/"] = b""
    bucket["data/a.txt"] = b"a"
    bucket["data/sub/b.txt"] = b"b"
    bucket["database"] = b"another"
    (path,) = localized(inputs, "s3://bucket/data/")
    assert path.endswith("/data/")
    found = {file.relative_to(path).as_posix() for file in Path(path).rglob("*") if file.is_file()}
    assert found == {"a.txt", "sub/b.txt"}


@pytest.mark.parametrize(
    "argument",
    [
        "s3://bucket/models/new",
        "--out=s3://bucket/models/",
        "s3://no-such-bucket/x",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/*.npz",
        "--name",
        "value",
        "",
        "text with s3://bucket/data.npz in it",
        "https://example.invalid/",
        "https://example.invalid/api/v1.0",
        "http://127.0.0.1:9/data.npz",
        "/local/path",
        "file:///local/path",
        "gs:/typo",
    ],
)
def test_what_does_not_exist_or_is_no_address_stays_as_it_is(bucket, inputs, argument):
    bucket["data.npz"] = b"data"
    assert localized(inputs, argument) == [argument]


def test_what_is_too_large_stays_an_address(bucket, inputs, monkeypatch, capsys):
    bucket["data/a"] = b"123"
    bucket["data/b"] = b"123"
    monkeypatch.setattr(f"{Inputs.__module__}.MAX_INPUT_BYTES", 5)
    assert localized(inputs, "s3://bucket/data") == ["s3://bucket/data"]
    monkeypatch.setattr(f"{Inputs.__module__}.MAX_INPUT_BYTES", 6)
    monkeypatch.setattr(f"{Inputs.__module__}.MAX_INPUT_FILES", 1)
    assert localized(inputs, "s3://bucket/data/") == ["s3://bucket/data/"]
    assert "6 bytes in 2 files, more than" in capsys.readouterr().err


def test_a_key_that_leads_out_of_its_directory_is_refused(bucket, inputs, tmp_path):
    bucket["data/a"] = b"a"
    bucket["data/../../../outside"] = b"x"
    with pytest.raises(StorageError, match="would lie outside"):
        inputs.localize("s3://bucket/data")
    assert not (tmp_path / "inputs").exists()


@pytest.mark.usefixtures("bucket")
def test_a_server_that_is_not_there_is_an_error(inputs, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match=r"s3://bucket/data\.npz"):
        inputs.localize("s3://bucket/data.npz")


def test_what_the_trainer_writes_to_a_fetched_place_goes_back(bucket, inputs, capsys):
    bucket["models/old.h5"] = b"old"
    bucket["models/kept.h5"] = b"kept"
    bucket["one.h5"] = b"one"
    models, one = map(Path, localized(inputs, "s3://bucket/models/", "s3://bucket/one.h5"))
    inputs.put_back()
    assert capsys.readouterr().err.count("has written") == 0
    (models / "sub").mkdir()
    (models / "sub" / "new.h5").write_bytes(b"new")
    (models / "old.h5").write_bytes(b"rewritten")
    one.write_bytes(b"one more")
    inputs.put_back()
    assert bucket["models/old.h5"] == b"rewritten"
    assert bucket["models/sub/new.h5"] == b"new"
    assert bucket["one.h5"] == b"one more"
    assert bucket.keys() == {"models/old.h5", "models/kept.h5", "models/sub/new.h5", "one.h5"}
    assert capsys.readouterr().err.count("has written") == 3


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("gs://bucket/x.tar.gz", Package("gs://bucket/x.tar.gz", None)),
        (f"gs://bucket/x.tar.gz#sha256={DIGEST}", Package("gs://bucket/x.tar.gz", DIGEST)),
        (f"/mnt/x y.whl#sha256={DIGEST}", Package("/mnt/x y.whl", DIGEST)),
    ],
)
def test_packages_are_read(text, package):
    assert Package.parse(text) == package


@pytest.mark.parametrize(
    "end", ["#", "#sha256=", f"#sha256={DIGEST[1:]}", f"#md5={DIGEST}", f"#sha256={DIGEST}#"]
)
def test_packages_with_another_end_are_refused(end):
    with pytest.raises(UsageError, match="64 digits"):
        Package.parse(f"gs://bucket/x.tar.gz{end}")


def test_a_packed_directory_and_a_wheel_are_both_found(bucket, tmp_path):
    source = tmp_path / "source" / "trainer"
    source.mkdir(parents=True)
    (source / "__init__.py").touch()
    (source / "task.py").write_text("import other_lib\nprint(other_lib.NAME)")
    digest = pack_package(source, tmp_path / "packed.tar.gz")
    wheel = write_wheel(tmp_path)
    bucket["job/packed"] = (tmp_path / "packed.tar.gz").read_bytes()
    packages = (Package("s3://bucket/job/packed", digest), Package(wheel.as_uri(), sha256_of(wheel)))
    program = add_packages(Program("trainer.task", python_path=("/given",)), packages, tmp_path / "packages")
    assert program.python_path[-1] == "/given"
    environment = {"PYTHONPATH": os.pathsep.join(program.python_path)}
    command = [sys.executable, "-P", "-m", "trainer.task"]
    result = subprocess.run(command, env=environment, capture_output=True, check=True, cwd=tmp_path)
    assert result.stdout == b"from the wheel\n"


def write_wheel(directory):
    info = "other_lib-1.0.dist-info"
    path = directory / "other_lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other_lib/__init__.py", "NAME = 'from the wheel'")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: other_lib\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_a_package_that_was_changed_is_not_used(tmp_path):
    wheel = write_wheel(tmp_path)
    with pytest.raises(JobFailed, match=f"its SHA-256 is {sha256_of(wheel)}, not {DIGEST}"):
        add_packages(Program("x"), (Package(str(wheel), DIGEST),), tmp_path / "packages")
    assert not (tmp_path / "packages" / "installed").exists()


def test_no_packages_change_nothing(tmp_path):
    program = Program("trainer.task", python_path=("/given",))
    assert add_packages(program, (), tmp_path / "packages") == program


def test_what_a_trial_leaves_goes_to_its_place(bucket, tmp_path):
    trial = JobDir(tmp_path).trial(7)
    for path in (
        trial.output / "model" / "weights",
        trial.log,
        trial.outcome,
        trial.measurements,
        trial.metric_file,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    upload(trial, "7", "minio://bucket/jobs/mnist/")
    state = "jobs/mnist/hptune/trials/7"
    kept = {f"{state}/log.txt", f"{state}/outcome.json", f"{state}/measurements.jsonl"}
    assert bucket.keys() == kept | {"jobs/mnist/7/model/weights"}


def test_an_upload_is_tried_again(capsys):
    patience = replace(UPLOAD, first_pause_s=0.0)
    failures = [StorageError("lost"), StorageError("lost again")]

    def action():
        if failures:
            raise failures.pop(0)

    patiently(action, patience)
    assert "lost again; trying again" in capsys.readouterr().err
    failures = [StorageError(str(i)) for i in range(3)]
    with pytest.raises(StorageError, match="2"):
        patiently(action, patience)
