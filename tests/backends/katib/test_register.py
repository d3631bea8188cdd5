"""The edit of Katib's configuration: what is added and taken away, and that nothing else changes."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hptune.backends.katib.suggestion.registration import SuggestionImage, register, unregister
from hptune.errors import InputError

IMAGE = SuggestionImage("registry.example/hptune:1")

SAMPLE = """\
# Ours: do not touch.
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init:
  controller:
    trialResources:
      - Job.v1.batch   # plain Jobs
runtime:
  suggestions:
    # The first one.
    - algorithmName: "random"
      image: 'example/hyperopt:v1'

    - algorithmName: enas
      image: example/enas:v1
      resources:
        limits: {memory: 400Mi}   # it needs them
      command: [a,
        b]

  # What ends trials early.
  earlyStoppings:
    - algorithmName: medianstop
      image: example/medianstop:v1
"""
HEAD = "kind: KatibConfig\n"
# Unregistered, these are what they were.
REVERSIBLE = {
    "block": SAMPLE,
    "no newline at the end": SAMPLE.rstrip(),
    "CRLF": SAMPLE.replace("\n", "\r\n"),
    "last of the text": HEAD
    + "runtime:\n  suggestions:\n  - algorithmName: a\n    args:\n    - |\n      x\n\n      y\n\n\n",
    "no indentation": HEAD
    + "runtime:\n  suggestions:\n  - algorithmName: a # one\n  metricsCollectors: []\n",
    "list of nothing": HEAD + "runtime:\n  suggestions: # none\n  earlyStoppings: []\n",
    "flow list": HEAD + "runtime:\n  suggestions: [{algorithmName: a}, {algorithmName: b} ] # two\n",
    "empty flow list": HEAD + "runtime: {suggestions: []}\n",
    "JSON": '{"kind": "KatibConfig",\n "runtime": {"suggestions": [{"algorithmName": "a"}]}}',
    "end of document": "---\n" + HEAD + "runtime:\n    suggestions:\n    - algorithmName: a\n...\n",
    "odd items": HEAD + "runtime:\n  suggestions:\n  - null\n  - 7\n  -   # here\n    image: '- x'\n",
    "umlauts": HEAD + "x: \U0001f600ä # ö\nruntime:\n  suggestions:\n  - {algorithmName: ß}\n",
}
# Here a key with nothing in it is left.
GROWN = {
    "no list": HEAD + "runtime:\n  metricsCollectors:\n  - kind: StdOut\n",
    "no runtime": HEAD + "init:\n  controller:\n    webhookPort: 8443",
    "empty runtime": HEAD + "runtime:\n",
    "null": HEAD + "runtime:\n  suggestions: null\n  x: 1\n",
    "tilde": HEAD + "runtime: ~ # nothing\n",
    "empty flow runtime": HEAD + "runtime: {}\n",
    "flow runtime": HEAD + "runtime: {earlyStoppings: []}\n",
    "flow null": '{"kind": "KatibConfig", "runtime": {"suggestions": null}}',
    "flow nothing": "{kind: KatibConfig, runtime: }",
    "JSON without": '{"kind": "KatibConfig"}',
}
ALL = REVERSIBLE | GROWN


def listed(text):
    return (yaml.safe_load(text).get("runtime") or {}).get("suggestions") or []


def others(text):
    data = yaml.safe_load(text)
    data["runtime"] = {**(data.get("runtime") or {})}
    suggestions = data["runtime"].pop("suggestions", None) or []
    return data, [item for item in suggestions if item != IMAGE.entry]


@pytest.mark.parametrize("text", ALL.values(), ids=ALL)
def test_it_is_added_at_the_end_and_once(text):
    registered = register(text, IMAGE)
    assert listed(registered) == [*listed(text), IMAGE.entry]
    assert others(registered) == others(text)
    assert register(registered, IMAGE) == registered


@pytest.mark.parametrize("text", REVERSIBLE.values(), ids=REVERSIBLE)
def test_unregistered_it_is_what_it_was(text):
    assert unregister(register(text, IMAGE)) == text
    assert unregister(text) == text


@pytest.mark.parametrize("text", GROWN.values(), ids=GROWN)
def test_unregistered_it_says_what_it_said(text):
    assert others(unregister(register(text, IMAGE))) == others(text)


@pytest.mark.parametrize("text", ALL.values(), ids=ALL)
def test_every_byte_stays_and_in_order(text):
    rest = iter(register(text, IMAGE))
    changed = text.replace("suggestions: null", "suggestions:").replace("runtime: ~", "runtime:")
    assert all(char in rest for char in changed.replace('"suggestions": null', '"suggestions":'))


def test_lines_are_added_below_the_last_entry():
    before, after = SAMPLE.splitlines(), register(SAMPLE, IMAGE).splitlines()
    at = before.index("        b]") + 1
    count = len(after) - len(before)
    assert after[:at] + after[at + count :] == before
    assert after[at : at + 2] == ["    - algorithmName: gp-bandit", "      image: registry.example/hptune:1"]


def test_a_comment_below_our_entry_outlives_it():
    section = "  # What ends trials early.\n  earlyStoppings:"
    assert section in register(SAMPLE, IMAGE)
    assert section in unregister(register(SAMPLE, IMAGE))


def test_crlf_is_kept_throughout():
    assert "\n" not in register(REVERSIBLE["CRLF"], IMAGE).replace("\r\n", "")


@pytest.mark.parametrize("text", [SAMPLE, REVERSIBLE["flow list"], REVERSIBLE["JSON"]])
def test_an_entry_that_is_there_is_brought_up_to_date_where_it_stands(text):
    once = register(text, IMAGE)
    newer = SuggestionImage("registry.example/hptune:2", "Always")
    updated = register(once, newer)
    assert listed(updated)[-1] == newer.entry
    assert others(updated)[0] == others(text)[0]
    assert register(updated, IMAGE) == once
    assert unregister(updated) == text


def test_entries_written_by_hand_are_replaced_and_doubles_removed():
    ours = "    - image: old\n      algorithmName: gp-bandit\n"
    text = SAMPLE.replace("    # The first one.\n", ours + "    # The first one.\n")
    text = text.replace("    - algorithmName: enas\n", ours + "    - algorithmName: enas\n")
    registered = register(text, IMAGE)
    assert [item["algorithmName"] for item in listed(registered)] == ["gp-bandit", "random", "enas"]
    assert listed(registered)[0] == IMAGE.entry
    assert unregister(text) == unregister(registered) == SAMPLE


def test_the_entry_is_one_that_katib_and_strict_namespaces_take():
    entry = IMAGE.entry
    assert entry["command"] == ["python", "-m", "hptune.backends.katib.suggestion"]
    assert "ports" not in entry
    assert entry["securityContext"]["allowPrivilegeEscalation"] is False
    assert entry["securityContext"]["runAsNonRoot"] is True
    assert entry["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no KatibConfig (its kind is None)"),
        ("[1]", "is no KatibConfig (its kind is None)"),
        ("kind: Deployment", "is no KatibConfig (its kind is 'Deployment')"),
        ("kind: ConfigMap\ndata: {}", "is the whole ConfigMap; what is wanted is the text under its data."),
        ("kind: [", "is not YAML: while parsing a flow"),
        ("kind: KatibConfig\n---\nkind: KatibConfig", "is not YAML: expected a single document"),
        (
            "kind: KatibConfig\nx: !!python/object:os.system {}",
            "is not YAML: could not determine a constructor",
        ),
        ("kind: \x07", "is not YAML: unacceptable character"),
        (HEAD + "runtime: 5", "runtime is not a mapping"),
        (HEAD + "runtime:\n  suggestions: {a: 1}", "runtime.suggestions is not a list"),
        (HEAD + "a: &a [1]\nruntime:\n  suggestions: *a", "has YAML aliases, which cannot be edited safely"),
        (HEAD + "x: " + "[" * 1000, "is not YAML: "),
    ],
)
def test_what_cannot_be_edited_is_refused(text, message):
    for edit in (unregister, lambda text: register(text, IMAGE)):
        with pytest.raises(InputError, match=r"^katib-config.yaml: ") as refused:
            edit(text)
        assert message in str(refused.value)


def test_forms_that_are_too_odd_are_refused_rather_than_damaged():
    text = HEAD + "? runtime\n: ? suggestions\n  : - algorithmName: gp-bandit\n"
    with pytest.raises(InputError, match="edit it by hand"):
        unregister(text)
    with pytest.raises(InputError, match="edit it by hand"):
        unregister("{kind: KatibConfig, runtime: {suggestions: [{algorithmName: gp-bandit},]}}")


@pytest.mark.parametrize(
    ("image", "policy", "faults"),
    [("", "Always", 1), ("a b", "Always", 1), ("a\n", "Always", 1), ("a", "Sometimes", 1), (" ", "never", 2)],
)
def test_images_and_policies_are_checked(image, policy, faults):
    with pytest.raises(InputError) as refused:
        SuggestionImage(image, policy)
    assert len(refused.value.faults) == faults


@pytest.mark.parametrize("image", ["08", "0o17", "1e3", "1_000", "y", "~", "2026-01-01", "1:30"])
def test_an_images_name_is_a_text_to_readers_of_any_yaml(image):
    registered = register(SAMPLE, SuggestionImage(image))
    for read in (yaml.safe_load, YAML(typ="safe", pure=True).load):
        assert read(registered)["runtime"]["suggestions"][-1]["image"] == image


names = st.text(st.characters(categories=["L", "N", "P"]), max_size=4)
values = st.recursive(
    names | st.none() | st.integers() | st.just("two\nlines\n"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(
    items=st.lists(st.dictionaries(names, values, min_size=1, max_size=3), min_size=1, max_size=3),
    after=st.dictionaries(names, values, max_size=2),
    flow=st.sampled_from([True, False, None]),
    indent=st.integers(2, 5),
)
def test_any_configuration_keeps_its_bytes(items, after, flow, indent):
    data = {"kind": "KatibConfig", "runtime": {"a": 1, "suggestions": items, **after}}
    text = yaml.safe_dump(data, default_flow_style=flow, indent=indent, allow_unicode=True, sort_keys=False)
    registered = register(text, IMAGE)
    assert listed(registered) == [*listed(text), IMAGE.entry]
    assert unregister(registered) == text
