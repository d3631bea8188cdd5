"""The summary in Markdown, as a renderer takes it."""

from collections import Counter
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from hptune.results.report.facts import About
from hptune.results.report.summary import MAX_ROWS, summarize
from hptune.search.space import Categorical, Double, SearchSpace
from tests.results.studies import DIGITS, accuracy, failed, status, trial

BANDIT = "ALGORITHM_UNSPECIFIED"
MARKUP = {
    *("html_block", "html_inline", "link_open", "image", "code_inline", "fence", "em_open", "strong_open"),
    *("s_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "hr", "hardbreak", "softbreak"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "![x](http://evil.test/x.png)",
    "[x](javascript:alert(1))",
    "a|b",
    "`code` *bold* ~~gone~~ __u__",
    "https://evil.test/ www.evil.test me@evil.test <https://evil.test>",
    "# head",
    "&lt;b&gt;",
    "back\\slash\\|",
    "line\n\n| break |\x1b[31m",
    "$x$ {{ y }}",
    "- item",
    "---",
    "1. one",
    "2) two",
    "+ plus",
    "===",
    "> quoted",
    "```",
    "    code",
]


def digits(count):
    points = [{"num-steps": 400 * number, "lr": 0.02} for number in range(1, count + 1)]
    return [trial(number, values, accuracy(values)) for number, values in enumerate(points, 1)]


def tokens(text):
    """All tokens of the text as GitHub's Markdown reads it, those inside of lines, too."""
    # With HTML, and with links that nobody marked as such.
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [inner for token in found for inner in (token, *(token.children or ()))]


def tables(text):
    """Rows of cells of each table."""
    found, inside = [], ""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and inside in ("td_open", "th_open"):
            found[-1][-1].append("".join(child.content for child in token.children or ()))
        inside = token.type
    return found


def test_the_answer_is_first_and_says_how_much_better_it_is():
    text = summarize(status(digits(4)), DIGITS, BANDIT, About(seed=3))
    lines = text.replace("\\", "").splitlines()
    assert lines[0] == "# digits: accuracy 0.9589"
    assert "Trial 4 of 4 is the best." in lines
    assert "0.01299 higher (1.37 %) than the first trial (1): accuracy 0.9459" in lines
    assert "    --num-steps=1600 --lr=0.02" in text.splitlines()
    best, facts, trials = tables(text)
    assert best[0] == ["parameter", "best (trial 4)", "first (trial 1)"]
    assert best[1:] == [["num-steps", "1600", "400"], ["lr", "0.02", "0.02"]]
    assert ["Seed", "3"] in facts
    assert ["Goal", "maximize accuracy"] in facts
    assert trials[0] == ["trial", "accuracy", "step", "num-steps", "lr", "duration", "state"]
    assert [row[0] for row in trials[1:]] == ["4", "3", "2", "1"]


def test_of_many_trials_the_best_are_shown_and_it_says_so():
    count = MAX_ROWS + 7
    text = summarize(status(digits(count)), DIGITS, BANDIT, About())
    assert len(tables(text)[-1]) == 1 + MAX_ROWS
    assert f"The best {MAX_ROWS} of {count} trials; the HTML page beside has the others." in text


def test_without_an_objective_it_says_why():
    broken = [failed(each, "exited with code 1: KeyError: 'lr'") for each in digits(2)]
    job = replace(status(broken), message="trial 1 failed before any had succeeded")
    text = summarize(job, DIGITS, BANDIT, About())
    assert "No trial has an objective." in text
    assert "trial 1 failed before any had succeeded" in text
    assert "Best parameters" not in text
    assert tables(text)[-1][1][-1] == "exited with code 1: KeyError: 'lr'"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_and_values_show_and_do_nothing(hostile):
    space = SearchSpace((Double(f"x{hostile}", 0.0, 1.0), Categorical("kind", (hostile, "other"))))
    values = {f"x{hostile}": 0.5, "kind": hostile}
    good = trial(1, values, 0.5)
    study = replace(status([good, failed(replace(good, id=2), hostile)]).study, name=hostile, metric=hostile)
    job = replace(status([good]), study=study, message=hostile)
    text = summarize(job, space, BANDIT, About(run=hostile, final={hostile: 0.5}))
    kinds = Counter(token.type for token in tokens(text))
    assert not kinds.keys() & MARKUP
    assert (kinds["heading_open"], kinds["code_block"], kinds["table_open"]) == (4, 1, 3)
    shown = hostile.replace("\n", "\\n").replace("\x1b", "\\x1b").strip()
    best, facts, trials = tables(text)
    assert best[2][:2] == ["kind", shown]
    assert ["Run", shown] in facts
    assert trials[2][-1] == shown
    assert [len(row) for row in trials] == [8, 8, 8]


def test_addresses_are_not_made_links_by_a_renderer_that_looks_for_them():
    space = SearchSpace((Categorical("site", ("https://evil.test", "www.evil.test")),))
    text = summarize(status([trial(1, {"site": "https://evil.test"}, 0.5)]), space, BANDIT, About())
    # The code, which holds what may be pasted, is no text that renderers look into.
    prose = [line for line in text.splitlines() if not line.startswith("    ")]
    assert "https:" not in "\n".join(prose)


def test_a_long_message_is_cut():
    text = summarize(status([failed(digits(1)[0], "no " * 500)]), DIGITS, BANDIT, About())
    assert len(tables(text)[-1][1][-1]) == 120
