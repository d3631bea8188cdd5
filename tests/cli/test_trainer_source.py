from hptune.cli.trainer_source import programs_beside

MAIN = "if __name__ == '__main__':\n    main()\n"
FLAGS = """\
parser.add_argument("--job-dir", required=True)
parser.add_argument("--lr", "-l", type=float, required=True)
parser.add_argument("--steps", required=False)
parser.add_argument("--batch", default=1)
parser.add_argument("data")
parser.add_argument(name, required=True)
"""


def package(folder, **modules):
    folder.mkdir(exist_ok=True)
    for name, text in {"__init__": "", **modules}.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "hptune.yaml"


def test_the_module_that_can_be_run_and_what_it_needs(tmp_path):
    job_file = package(tmp_path / "trainer", data="x = 1", task=FLAGS + 'if "__main__" == __name__:\n  f()\n')
    (program,) = programs_beside(job_file)
    assert program.module == "trainer.task"
    assert program.required_flags == ("--job-dir", "--lr")


def test_several_modules_are_all_named(tmp_path):
    job_file = package(tmp_path / "trainer", b=MAIN, a=MAIN)
    assert [program.module for program in programs_beside(job_file)] == ["trainer.a", "trainer.b"]


def test_source_is_not_run_and_need_not_be_python(tmp_path):
    job_file = package(tmp_path / "trainer", a="raise SystemExit\n" + MAIN, b="print 'two'", c="\0")
    assert [program.module for program in programs_beside(job_file)] == ["trainer.a"]


def test_a_job_file_outside_a_package_has_no_program(tmp_path):
    package(tmp_path / "trainer", task=MAIN)
    (tmp_path / "trainer" / "__init__.py").unlink()
    assert programs_beside(tmp_path / "trainer" / "hptune.yaml") == []
