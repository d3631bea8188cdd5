"""The report in a real browser, as its readers have it."""

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.alert import Alert
from selenium.webdriver.common.keys import Keys

from hptune.results.report.facts import About
from hptune.results.report.page import render
from hptune.search.space import Categorical, Double, SearchSpace
from tests.results.browser import LOOKS, axe_core, chromium
from tests.results.studies import STUDIES, measured, status, suggest

MAX_BYTES = 5_500_000
COMMAND = "hptune run digits --config trainer/hptune.yaml --package-path trainer --job-dir out/digits"
ABOUT = About(seed=0, command=COMMAND, directory="./")


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """Writes the page of a study, once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name):
        page = folder / f"{name}.html"
        if not page.exists():
            page.write_text(render(*STUDIES[name](), about=ABOUT), encoding="utf-8")
        return page

    return write


@pytest.fixture(scope="module")
def axe(request):
    return axe_core(request.config.cache.mkdir("axe-core"))


@pytest.mark.parametrize("name", STUDIES)
def test_a_page_is_whole_on_a_screen_and_a_phone_light_and_dark(browser, page_of, name):
    browser.open(page_of(name))
    assert page_of(name).stat().st_size < MAX_BYTES
    for look in LOOKS:
        browser.show_as(look)
        empty = [plot for plot, shapes in browser.drawn().items() if not shapes]
        assert (empty, browser.overlaps(), browser.too_wide()) == ([], [], 0), look
    assert browser.problems() == []


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[-1]], ids=str)
@pytest.mark.parametrize("name", ["with_failures", "five_hundred"])
def test_axe_finds_no_serious_fault(browser, page_of, axe, name, look):
    browser.open(page_of(name), look)
    assert browser.faults(axe) == []


def test_the_slider_goes_through_the_trials_by_keyboard(browser, page_of):
    browser.open(page_of("digits"))
    slider, count = browser.find("#seen"), browser.find("#seen-count")
    curve = (
        "return document.getElementById('posterior-curve').data.find((each) => each.name === 'expected').y"
    )
    assert count.text == "10 of 10"
    last = browser.run(curve)
    slider.send_keys(Keys.HOME)
    assert count.text == "2 of 10"
    assert browser.run(curve) != last
    assert "Tried next, by trial 3" in browser.find("#posterior-words").text
    slider.send_keys(Keys.ARROW_RIGHT)
    assert count.text == "3 of 10"
    points = "return document.getElementById('posterior-mean').data.slice(1).flatMap((each) => each.x).length"
    assert browser.run(points) == 3 + 1
    slider.send_keys(Keys.END)
    assert browser.run(curve) == last


def test_play_shows_each_position_and_can_be_paused(browser, page_of):
    browser.open(page_of("digits"))
    play, count = browser.find("#play"), browser.find("#seen-count")
    play.click()
    assert play.get_attribute("aria-pressed") == "true"
    browser.wait_for(lambda: count.text == "4 of 10")
    play.send_keys(Keys.ENTER)
    assert (play.text, play.get_attribute("aria-pressed")) == ("Play", "false")


def column(browser, index):
    rows = "[...document.querySelectorAll('#table tbody tr')]"
    return browser.run(f"return {rows}.map((row) => row.cells[arguments[0]].textContent)", index)


def test_the_table_sorts_by_mouse_and_keyboard_with_what_is_missing_last(browser, page_of):
    browser.open(page_of("with_failures"))
    header = browser.find("#table th:nth-child(2)")
    button = header.find_element("css selector", "button")
    assert header.get_attribute("aria-sort") == "descending"
    button.click()
    objectives = column(browser, 1)
    numbers = [float(each) for each in objectives if each != "-"]
    assert numbers == sorted(numbers)
    assert objectives[len(numbers) :] == ["-"] * (16 - len(numbers)) != []
    assert header.get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert [float(each) for each in column(browser, 1)[: len(numbers)]] == numbers[::-1]
    browser.find("#table th:nth-child(1) button").send_keys(Keys.SPACE)
    assert column(browser, 0) == [str(number) for number in range(1, 17)]
    assert header.get_attribute("aria-sort") is None


def test_a_long_table_is_folded_and_a_reason_leads_to_its_row(browser, page_of):
    browser.open(page_of("five_hundred"))
    rows = "[...document.querySelectorAll('#table tbody tr')]"
    seen = f"return {rows}.filter((row) => row.checkVisibility()).length"
    assert browser.run(seen) == 20
    link = browser.find("#reasons a")
    number = link.text.removeprefix("trial ")
    link.send_keys(Keys.ENTER)
    browser.wait_for(lambda: browser.find(f"#trial-{number}").is_displayed())
    browser.find("#unfold").send_keys(Keys.ENTER)
    assert browser.run(seen) == 500


def test_a_point_tells_its_trial(browser, page_of):
    browser.open(page_of("with_failures"))
    texts = """
      const traces = document.getElementById("history").data.filter((each) => each.hovertext);
      return Object.fromEntries(traces.map((each) => [each.name, each.hovertext[0]]));
    """
    told = browser.run(texts)
    assert "reason: exited with code 1: ValueError: the loss is NaN" in told["failed"]
    assert "num-steps: " in told["best"]


def test_nothing_uploads(browser, page_of):
    browser.open(page_of("digits"))
    assert browser.run("return document.querySelectorAll('.modebar-btn').length") == 0
    server = "return [...document.querySelectorAll('.plot')].map((plot) => plot._context.plotlyServerURL)"
    assert set(browser.run(server)) == {""}


EVIL = "<script>alert(1)</script>"
QUOTED = "\"a\" 'b' `c` \\ </script><img src=x onerror=alert(2)> <b>{{ 7 * 7 }}</b> ${alert(3)} %{x}"


@pytest.mark.parametrize("metric", ["accuracy", EVIL])
def test_names_and_values_that_look_like_markup_just_show(browser, tmp_path, metric):
    space = SearchSpace((Double(EVIL, 0.0, 1.0), Categorical("kind", (QUOTED, "b"))))
    trials = suggest(space, measured(lambda values: values[EVIL] + 0.1 * (values["kind"] == QUOTED)), 6)
    page = tmp_path / "page.html"
    job = status(trials, name=QUOTED, metric=metric, message=QUOTED)
    page.write_text(render(job, space, about=About(command=QUOTED)), encoding="utf-8")
    browser.open(page)
    with pytest.raises(NoAlertPresentException):
        _ = Alert(browser.driver).text
    assert browser.problems() == []
    assert browser.driver.find_elements("css selector", "img, h3 b, td b, text b") == []
    texts = browser.run("return [...document.querySelectorAll('h3')].map((each) => each.textContent)")
    assert f"Along {EVIL}" in texts
    assert QUOTED in column(browser, 4)
    assert (browser.overlaps(), browser.too_wide()) == ([], 0)
