"""Write docs/scenario.md from the declarations of the settings: `python -m docs.settings_page`."""

from pathlib import Path

from ftte_lab.simulation import settings_page

PAGE = Path(__file__).with_name("scenario.md")

if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
