"""An accessibility checker finds nothing serious in the Lab: light, dark, narrow, drawers open."""

from typing import Any

import pytest

from tests.browser.driver import Server, Tab
from tests.browser.test_lab_in_browser import MEDIUM, lab_cell, theme

pytestmark = pytest.mark.slow

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
GRAVE = ("serious", "critical")


def findings(tab: Tab) -> list[str]:
    """What axe-core calls serious or critical, in the Lab alone: JupyterLab has its own."""
    options: Any = {"resultTypes": ["violations"]}
    found = axe.Axe().run(tab.page, ".ftte-lab", options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def open_all(tab: Tab) -> None:
    """Open all groups of knobs and show all charts."""
    tab.page.evaluate(
        """() => { for (const closed of document.querySelectorAll(
            'button.ftte-group-title[aria-expanded=false], .ftte-about[aria-expanded=false]'))
              closed.click();
          for (const box of document.querySelectorAll('.ftte-views input[type=checkbox]'))
            if (!box.checked) box.click(); }"""
    )
    tab.until(
        """() => [...document.querySelectorAll('.ftte-panel:not([hidden]) .ftte-chart')]
          .every(box => box.querySelector('svg'))"""
    )


def test_nothing_serious_in_light_and_dark_and_narrow(tab: Tab, server: Server) -> None:
    tab.open(server.write("axe.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    tab.press("pin")
    open_all(tab)
    tab.page.wait_for_timeout(1500)
    assert findings(tab) == []
    theme(tab, "JupyterLab Dark")
    tab.page.wait_for_timeout(1500)
    assert findings(tab) == []
    tab.page.set_viewport_size({"width": 520, "height": 1000})
    tab.page.wait_for_timeout(600)
    assert findings(tab) == []
    theme(tab, "JupyterLab Light")


def test_nothing_serious_in_any_drawer(tab: Tab, server: Server) -> None:
    tab.open(server.write("drawers.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    buttons = tab.page.locator(".ftte-tools button[aria-expanded]")
    names = [b.get_attribute("data-action") for b in buttons.all()]
    assert {"share", "save"} <= set(names)
    for name in names:
        tab.press(str(name))
        tab.page.wait_for_timeout(400)
        assert findings(tab) == [], name
        tab.page.locator(f".ftte-toolbar [data-action={name}]").focus()
        tab.page.keyboard.press("Tab")
        tab.page.keyboard.press("Escape")
        tab.press(str(name)) if tab.page.locator(f".ftte-drawer-{name}").is_visible() else None


def test_an_error_and_a_stopped_run_are_named_too(tab: Tab, server: Server) -> None:
    tab.open(server.write("error-axe.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    tab.press("share")
    entry = tab.page.get_by_label("code to restore")
    entry.fill("ftte1-mistyped")
    entry.press("Enter")
    tab.page.locator(".ftte-head > .ftte-error").wait_for()
    assert findings(tab) == []
