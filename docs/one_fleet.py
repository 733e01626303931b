"""Write the table and the chart of "one fleet, looked at closely": `python -m docs.one_fleet`.

It runs the preset `default` on seed 0 (a minute on two cores), prints it into docs/results.md
between two marks, and draws docs/headline.png.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from ftte_lab import charts, headline, preset, table

PAGE = Path(__file__).with_name("results.md")
MARKS = ("<!-- table: python -m docs.one_fleet writes it -->", "<!-- end of table -->")


def with_table(page: str, text: str) -> str:
    """Return the page with the table between its marks, as an indented block."""
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n\n{textwrap.indent(text, '    ')}\n\n{MARKS[1]}{after}"


def main() -> None:
    """Run the comparison, write the table and draw the chart."""
    report = headline(preset("default").runs(seed=0), progress=True, processes=None)
    page = with_table(PAGE.read_text(encoding="utf-8"), table(report))
    PAGE.write_text(page, encoding="utf-8")
    figure = charts.accuracy(report.histories, target=report.target_accuracy)
    figure.save(PAGE.with_name("headline.png"))


if __name__ == "__main__":
    main()
