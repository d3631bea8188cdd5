import signal

import pytest

from hptune.trial.last_words import explain_exit, find_last_words

TRACEBACK = """\
step 3
Traceback (most recent call last):
  File "/home/u/trainer/task.py", line 3, in <module>
    main()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/home/u/trainer/task.py", line 9, in <module>
    raise ValueError("shapes differ:\\n  (3,) and (4,)")
ValueError: shapes differ:
  (3,) and (4,)
W0000 a library says good-bye
"""


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (TRACEBACK, "ValueError: shapes differ:"),
        ("usage: task.py [-h]\ntask.py: error: unrecognized arguments: --x\n", "task.py: error: "),
        ("epoch 1\rerror: disk full\r\n\n", "error: disk full"),
        ("\x1b[31mFatal\x1b[0m \x1b]0;title\x07alert\x00\n", "Fatal alert"),
        ("loading\naccuracy=0.5\n", ""),
        ("Traceback (most recent call last):\n  File cut off", "File cut off"),
        ("", ""),
    ],
)
def test_the_line_that_says_why_is_found(printed, words):
    found = find_last_words(printed)
    assert found.startswith(words)
    assert found.isprintable()
    assert bool(found) is bool(words)


def test_a_long_line_is_cut():
    assert find_last_words("error " + "x" * 9000) == "error " + "x" * 294 + "..."


def test_every_way_to_end_is_told_with_what_it_usually_means():
    assert explain_exit(3) == "exited with code 3"
    assert explain_exit(-signal.SIGSEGV).startswith("killed by SIGSEGV (an invalid memory access")
    assert explain_exit(128 + signal.SIGILL).startswith(
        "exited with code 132, as after SIGILL (an instruction"
    )
    assert explain_exit(-(signal.SIGRTMIN + 3)) == f"killed by signal {signal.SIGRTMIN + 3}"
    assert explain_exit(255) == "exited with code 255"


def test_the_reason_of_an_error_in_a_graph_is_told_with_it():
    printed = """Traceback (most recent call last):
  File "task.py", line 1, in <module>
tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:

Detected at node 'list_files/Assert' defined at (most recent call last):
    File "task.py", line 1, in <module>
Node: 'list_files/Assert'
assertion failed: [No files matched pattern: data/train-*]
\t [[{{node list_files/Assert}}]]

Original stack trace for 'list_files/Assert':
"""
    assert find_last_words(printed).endswith(
        "Graph execution error: assertion failed: [No files matched pattern: data/train-*]"
    )
