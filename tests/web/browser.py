"""Owns a person at a real browser: finds things by the words on the page, types and clicks."""

from __future__ import annotations

import base64
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

SCREENS = Path(".cache/screens")
PHONE, DESK = 360, 1280
_HEIGHT = 800
_TALLEST = 6000
_PATIENCE_S = 20
_ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars
--disable-dev-shm-usage
--disable-background-networking --disable-component-update --disable-sync
--ignore-certificate-errors
"""


class Person:
    """Somebody who reads the page and uses its words."""

    def __init__(self, driver: Chrome, home: str) -> None:
        self._driver = driver
        self._home = home
        self._look_at(DESK, _HEIGHT)

    def visit(self, path: str = "/") -> None:
        self._driver.get(f"{self._home}{path}")

    def fill(self, label: str, text: str) -> None:
        """Type a text into the field of that label, in the place of what was there."""

        def type_in() -> None:
            field = self._field(label)
            field.clear()
            field.send_keys(text)

        self._looking_again(type_in)

    def attach(self, label: str, file: Path) -> None:
        """Pick a file in the field of that label."""
        self._field(label).send_keys(str(file))

    def choose(self, label: str, option: str) -> None:
        Select(self._field(label)).select_by_visible_text(option)

    def tick(self, label: str) -> None:
        self._driver.find_element(
            By.XPATH, f"//label[contains(normalize-space(.), {label!r})]"
        ).click()

    def enter(self, label: str) -> None:
        """Press the enter key in the field of that label."""
        self._field(label).send_keys(Keys.ENTER)

    def press(self, words: str) -> None:
        """The button or link of these words, which must be within reach."""
        said = f"contains(normalize-space(.), {words!r})"

        def press() -> None:
            found = self._driver.find_elements(By.XPATH, f"//button[{said}] | //a[{said}]")
            shown = [element for element in found if element.is_displayed()]
            assert shown, f"nothing to press says {words!r} on:\n{self.reads()}"
            shown[0].click()

        self._looking_again(press)

    def open(self, summary: str) -> None:
        """Unfold what is folded up under these words."""
        self._driver.find_element(By.XPATH, f"//summary[contains(., {summary!r})]").click()

    def sees(self, words: str) -> None:
        """Wait until the page says so; it may have to change by itself."""
        with suppress(TimeoutException):
            WebDriverWait(self._driver, _PATIENCE_S, 0.1).until(lambda _: words in self.reads())
        assert words in self.reads(), f"the page says: {self.reads()}"

    def reads(self) -> str:
        """All that is visible, white space as one space."""
        text: str = self._driver.execute_script("return document.body.innerText")
        return " ".join(text.split())

    def sees_pictures(self) -> list[int]:
        """Wait until every picture is there; how wide they are, the box's own sign aside."""
        self._driver.execute_script("for (const i of document.images) i.loading = 'eager'")
        with suppress(TimeoutException):
            WebDriverWait(self._driver, _PATIENCE_S, 0.1).until(lambda _: not self._missing())
        assert not self._missing()
        widths: list[int] = self._driver.execute_script(
            "return [...document.querySelectorAll('main img')].map(i => i.naturalWidth)"
        )
        return widths

    def _missing(self) -> list[str]:
        is_missing = "i => !i.complete || !i.naturalWidth"
        found: list[str] = self._driver.execute_script(
            f"return [...document.images].filter({is_missing}).map(i => i.src)"
        )
        return found

    def complaints(self) -> list[str]:
        """What the browser did not like: scripts that fail, what the security policy stopped.

        That a form was refused is none of it.
        """
        entries = self._driver.get_log("browser")  # type: ignore[no-untyped-call]
        errors = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
        return [error for error in errors if "a status of 422" not in error]

    def photograph(self, name: str) -> None:
        """The page as a phone and as a desk show it; neither may have to scroll sideways."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        for width in (PHONE, DESK):
            self._look_at(width, _HEIGHT)
            size = self._driver.execute_script(
                "const all = document.documentElement; return [all.scrollWidth, all.scrollHeight]"
            )
            assert size[0] <= width, f"{name} is {size[0]} wide at {width}"
            self._look_at(width, min(max(_HEIGHT, size[1]), _TALLEST))
            self._driver.save_screenshot(str(SCREENS / f"{name}-{width}.png"))
        self._look_at(DESK, _HEIGHT)

    def prints(self, name: str) -> int:
        """The page on paper, as a file too; how many sheets."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        answer = self._driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        content = base64.b64decode(answer["data"])
        (SCREENS / f"{name}.pdf").write_bytes(content)
        return len(re.findall(rb"/Type\s*/Page\b", content))

    def _looking_again(self, act: Callable[[], None]) -> None:
        """Do it; once more where the page was replaced between the look and the deed."""
        patience = WebDriverWait(
            self._driver, _PATIENCE_S, 0.1, ignored_exceptions=[StaleElementReferenceException]
        )

        def is_done(_: Chrome) -> bool:
            act()
            return True

        patience.until(is_done)

    def _field(self, label: str) -> WebElement:
        found = self._driver.find_element(
            By.XPATH, f"//label[normalize-space(text()) = {label!r}]"
        )
        return self._driver.find_element(By.ID, str(found.get_attribute("for")))

    def _look_at(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width == PHONE}
        )


@contextmanager
def browser(profile: Path, home: str) -> Iterator[Person]:
    """A Chromium with the empty folder `profile` to itself, at the page `home`."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in [*_ARGUMENTS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        yield Person(driver, home)
    finally:
        driver.quit()
