from hptune.runtimes.overlay import Plan, plan

HAVE = {"tensorflow-cpu": "2.15.1", "pandas": "2.3.3", "six": "1.17.0"}


def test_what_is_there_is_not_installed_again():
    assert plan(["six", "Pandas>=2", "tensorflow-cpu==2.15.1"], HAVE, fixed=False) == Plan(())


def test_a_runtime_keeps_its_tensorflow_whatever_is_asked_for():
    asked = ["tensorflow-gpu==1.8.0", "tensorflow==1.15", "keras", "tensorflow_cpu<2"]
    found = plan(asked, HAVE, fixed=False)
    assert found.missing == ()
    assert found.kept == ("tensorflow-cpu 2.15.1, where tensorflow_cpu<2 is asked for",)


def test_another_version_is_installed_but_into_a_managed_environment():
    assert plan(["pandas==0.24", "attrs"], HAVE, fixed=False).missing == ("pandas==0.24", "attrs")
    managed = plan(["pandas==0.24", "attrs"], HAVE, fixed=True)
    assert managed == Plan(("attrs",), ("pandas 2.3.3, where pandas==0.24 is asked for",))


def test_a_marker_that_does_not_hold_asks_for_nothing():
    assert plan(['attrs; python_version < "3"'], HAVE, fixed=False) == Plan(())


def test_options_alone_install_nothing_and_addresses_are_left_to_pip():
    assert plan(["--extra-index-url https://x"], HAVE, fixed=False) == Plan(())
    asked = ["--extra-index-url https://x", "git+https://x/y.git"]
    assert plan(asked, HAVE, fixed=False).missing == tuple(asked)
