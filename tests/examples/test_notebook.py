"""The notebook of examples/, run from its first cell to its last in a kernel of its own."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def shown(cell):
    """What a cell has put out, by kind; of several of a kind the last."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", ())]
    return {kind: text for data in outputs for kind, text in data.items()}


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    home = tmp_path_factory.mktemp("notebook") / "digits"
    shutil.copytree(DIGITS, home, ignore=shutil.ignore_patterns("out", "__pycache__"))
    notebook = nbformat.read(home / "digits.ipynb", 4)
    for cell in notebook.cells:
        cell.outputs = []
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(home)}}).execute()
    return {cell.source.splitlines()[-1]: shown(cell) for cell in notebook.cells if cell.cell_type == "code"}


def test_a_running_job_is_shown_in_its_cell_and_stays_there(cells):
    view = next(output for source, output in cells.items() if source.startswith("study = hptune.run("))
    assert "4/4 trials  best 0." in view["text/plain"]
    assert view["text/html"].startswith("<pre")
    assert "SUCCEEDED" in view["text/html"]


def test_a_study_shows_itself_with_a_plot_and_without_a_script(cells):
    page = cells["study"]["text/html"]
    assert "<svg" in page
    assert page.count("<tr>") == 5
    assert "<script" not in page
    assert "learning-rate" in page


def test_the_other_cells_show_what_they_say(cells):
    assert "'hidden-units'" in cells["study.best.parameters"]["text/plain"]
    assert cells['hptune.describe("out/digits").state.value']["text/plain"] == "'SUCCEEDED'"
    assert (
        "parameter.learning-rate"
        in cells['study.to_dataframe().sort_values("objective", ascending=False)[columns]']["text/plain"]
    )
    assert abs(eval(cells["search.best_params"]["text/plain"])["x"] - 2) < 0.5


def test_the_notebook_is_committed_as_it_ran():
    notebook = nbformat.read(DIGITS / "digits.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code)
    assert "/home/" not in str(notebook)
    assert "site-packages" not in str(notebook)
