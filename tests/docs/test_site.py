"""The site of `make docs`: README.md and docs/, the commands' help, what `import hptune` has."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import hptune
from hptune.cli.app import COMMANDS
from tests.docs.pages import ROOT, page_names

ASKS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
"""Elements that a browser fetches something for, and the attribute that names it."""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds the site; returns its directory, and what mkdocs said."""
    folder = tmp_path_factory.mktemp("site")
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--config-file", "docs/site/mkdocs.yml"]
    done = subprocess.run(
        [*mkdocs, "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "REPOSITORY_URL": "https://repository.test/hptune"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


@pytest.fixture(scope="module")
def site(build):
    return build[0]


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def elements(path):
    return Elements(path.read_text(encoding="utf-8")).found


def test_the_site_is_built_without_a_warning(build):
    assert "WARNING" not in build[1]


def test_the_first_page_is_the_readme(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "Runs Cloud ML Engine (AI Platform Training) hyperparameter tuning jobs" in text
    assert "images/live.svg" in text


def test_every_page_is_there(site):
    written = {name for name in page_names() if not name.startswith(("components/", "tests/fixtures/"))}
    titles = {name: (ROOT / name).read_text(encoding="utf-8").partition("\n")[0] for name in written}
    shown = "\n".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    headings = set(re.findall(r"<h1 [^>]*>([^<]*)", shown))
    missing = [name for name, title in titles.items() if title.removeprefix("# ") not in headings]
    assert missing == [], "docs/site/hook.py and docs/site/mkdocs.yml name the pages"


def test_every_command_is_there_with_its_options(site):
    text = (site / "commands.html").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f'id="hptune-{command}"' in text
    assert "--cluster-size" in text


def test_every_name_of_the_library_is_there(site):
    headings = re.findall(r'<h2 id="hptune\.([\w.]+)"', (site / "python.html").read_text(encoding="utf-8"))
    names = {heading.rpartition(".")[2] for heading in headings}
    assert names == {name for name in hptune.__all__ if not name.startswith("_")}


def test_links_to_what_is_no_page_lead_to_the_repository(site):
    links = {attributes.get("href") for tag, attributes in elements(site / "index.html") if tag == "a"}
    assert "https://repository.test/hptune/blob/HEAD/examples/digits/digits.ipynb" in links
    assert "deploy.html" in links


def test_links_between_pages_lead_somewhere(site):
    for page in site.rglob("*.html"):
        for tag, attributes in elements(page):
            target = attributes.get("href", "") if tag == "a" else ""
            if page.name != "404.html" and target and not re.match(r"https?:|#|mailto:", target):
                assert (page.parent / target.partition("#")[0]).resolve().exists(), f"{page.name}: {target}"


def test_a_page_asks_nobody_else_for_anything(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        asked = [attributes.get(ASKS[tag]) or "" for tag, attributes in elements(page) if tag in ASKS]
        assert [each for each in asked if re.match(r"(https?:)?//", each)] == []
