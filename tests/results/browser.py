"""A headless Chromium that opens pages, and what is asked of a page there."""

import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 180
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_AXE = "axe-core@4.14.1"
_AXE_SHA512 = (
    "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
    "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
)

# Texts that are seen, each with the part of its place that no scrolled box hides.
_OVERLAPS = """
const boxes = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const parent = node.parentElement;
  if (!node.textContent.trim() || parent.closest("script, style, noscript, .skip")) continue;
  if (!parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const svg = parent.closest("text");
  const clip = parent.closest(".scroll, pre")?.getBoundingClientRect();
  for (const rect of svg ? [svg.getBoundingClientRect()] : range.getClientRects()) {
    const left = Math.max(rect.left, clip?.left ?? -1e9), right = Math.min(rect.right, clip?.right ?? 1e9);
    if (right - left > 1 && rect.height > 1) {
      const { top, bottom } = rect;
      boxes.push({ left, right, top, bottom, text: node.textContent.trim(), of: svg ?? parent });
    }
  }
}
boxes.sort((a, b) => a.top - b.top);
const found = [];
boxes.forEach((a, k) => {
  for (const b of boxes.slice(k + 1)) {
    if (b.top >= a.bottom - 2) break;
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - b.top;
    if (a.of !== b.of && wide > 2 && high > 3) found.push(`${a.text} | ${b.text}`);
  }
});
return found;
"""
_DRAWN = """
const shapes = ".point path, path.point, .js-line, .contourfill path, .contourlines path, .hm image";
return [...document.querySelectorAll(".plot")].map((plot) => [plot.id, plot.querySelectorAll(shapes).length]);
"""
# Whether plots have the width and the colours of the page as it now is.
_SETTLED = """
const color = getComputedStyle(document.documentElement).getPropertyValue("--text").trim();
return document.documentElement.dataset.drawn && [...document.querySelectorAll(".plot")].every((plot) =>
  plot._fullLayout && Math.abs(plot._fullLayout.width - plot.clientWidth) < 2
  && plot._fullLayout.font.color === color);
"""


@dataclass(frozen=True)
class Look:
    """A width of the window, in pixels, and a colour scheme."""

    width: int
    scheme: str


LOOKS = [Look(width, scheme) for width in (1280, 360) for scheme in ("light", "dark")]


class Browser:
    """Chromium with a page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, look: Look = LOOKS[0]) -> None:
        """Opens a page and waits until it is drawn."""
        # Empties the logs.
        self.problems()
        self._emulate(look)
        self.driver.get(page.as_uri())
        self._wait_until_settled()

    def show_as(self, look: Look) -> None:
        """Shows the page as it is, in another width or colour scheme."""
        self._emulate(look)
        self._wait_until_settled()

    def _emulate(self, look: Look) -> None:
        metrics = {"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = [{"name": "prefers-color-scheme", "value": look.scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})

    def _wait_until_settled(self) -> None:
        self.wait_for(lambda: self.run(_SETTLED))

    def wait_for(self, condition) -> None:
        """Waits until a condition holds."""
        WebDriverWait(self.driver, PATIENCE_S, 0.05).until(lambda _: condition())

    def run(self, script: str, *arguments):
        """Runs a script in the page; returns what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str):
        """Finds an element."""
        return self.driver.find_element("css selector", selector)

    def problems(self) -> list[str]:
        """Tells errors, warnings and requests since the last time."""
        told = [entry["message"] for entry in self.driver.get_log("browser")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if message["params"].get("type") != "Document" and not url.startswith("data:"):
                    told.append(f"request of {url}")
        return told

    def overlaps(self) -> list[str]:
        """Tells the texts that overlap."""
        return self.run(_OVERLAPS)

    def drawn(self) -> dict[str, int]:
        """Counts the shapes in each plot."""
        return dict(self.run(_DRAWN))

    def too_wide(self) -> int:
        """Counts the pixels by which the page is wider than its window."""
        return self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def faults(self, axe: str) -> list[str]:
        """Tells what axe-core finds serious or critical."""
        self.run(axe)
        script = "const done = arguments[0]; axe.run().then((found) => done(found.violations))"
        self.driver.set_script_timeout(PATIENCE_S)
        violations = self.driver.execute_async_script(script)
        return [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Runs a browser; skips where there is none."""
    binary = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # As root, in containers with a small /dev/shm.
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with contextlib.closing(_Quitting(webdriver.Chrome(options=options, service=Service(driver)))) as running:
        yield Browser(running.driver)


@dataclass
class _Quitting:
    driver: webdriver.Chrome

    def close(self) -> None:
        self.driver.quit()


def axe_core(cache: Path) -> str:
    """Returns axe-core's script, from npm's registry the first time; skips where it cannot be had."""
    kept = cache / f"{_AXE}.tgz"
    if not kept.is_file():
        npm = shutil.which("npm")
        if not npm:
            pytest.skip("needs npm, which fetches axe-core")
        command = [npm, "pack", "--silent", _AXE, "--pack-destination", str(cache)]
        fetched = subprocess.run(command, capture_output=True, text=True, check=False)
        if fetched.returncode:
            pytest.skip(f"npm could not fetch axe-core: {fetched.stderr.strip()[-200:]}")
        (cache / fetched.stdout.split()[-1]).rename(kept)
    content = kept.read_bytes()
    assert hashlib.sha512(content).hexdigest() == _AXE_SHA512, f"{kept} is not {_AXE}"
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()
