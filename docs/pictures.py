"""Take the README's pictures of the Lab again, in a real browser: `make pictures`."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser.driver import Tab, browse, serve

HERE = Path(__file__).parent
_LAB = "from ftte_lab.lab import Lab\nlab = Lab()\nlab"
_DARK = """() => window.jupyterapp.commands
  .execute('apputils:change-theme', { theme: 'JupyterLab Dark' }).then(() => null)"""
_REPLAY = """t => {
  const s = document.querySelector('.ftte-scrub');
  s.value = t;
  s.dispatchEvent(new Event('input'));
}"""
_PROGRESS = "Number(document.querySelector('.ftte-stage').dataset.progress)"


def keep(tab: Tab, name: str) -> None:
    """Save a picture of the Lab as it is, with all its colours (fewer would merge two methods)."""
    box: Any = tab.page.locator(".ftte-lab").first
    picture = Image.open(io.BytesIO(box.screenshot())).convert("RGB")
    picture.save(HERE / name, optimize=True)
    width, height = picture.size
    print(f"{name}: {width} x {height}, {(HERE / name).stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Take the four pictures: during a run, pinned, dark, and narrow."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(Path(home) / "s") as server,
        browse(server, Path(home) / "p", 1440, 1250) as tab,
    ):
        tab.open(server.write("lab.ipynb", _LAB))
        tab.until(f"() => {_PROGRESS} > 0.6", None, 120)
        tab.page.evaluate(_REPLAY, 170.0)
        keep(tab, "lab.png")
        tab.phase("done", 120)
        tab.press("pin")
        tab.drag("buffer capacity K", 0.6)
        tab.until(f"() => {_PROGRESS} < 0.1")
        tab.until(f"() => {_PROGRESS} > 0.5", None, 120)
        keep(tab, "lab_pinned.png")
        tab.phase("done", 120)
        tab.page.evaluate(_DARK)
        tab.page.wait_for_timeout(3000)
        keep(tab, "lab_dark.png")
        tab.page.set_viewport_size({"width": 500, "height": 4200})
        tab.page.wait_for_timeout(1500)
        keep(tab, "lab_narrow.png")


if __name__ == "__main__":
    main()
