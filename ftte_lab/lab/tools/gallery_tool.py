"""The gallery of a page: a card per fleet, with its question and its share code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice
from ftte_lab.charts import kind_styles
from ftte_lab.experiments import GALLERY, Entry
from ftte_lab.lab.settings import settings_of
from ftte_lab.lab.tools.host import Host


class GalleryTool:
    """Show the fleets of the gallery, and go to the one that is chosen."""

    name = "gallery"

    def __init__(self, host: Host) -> None:
        self._host = host
        cards = [_card(name, entry) for name, entry in GALLERY.items()]
        host.publish(self.name, "cards", cards=cards)

    def receive(self, content: Mapping[str, Any]) -> None:
        """Go to a fleet, or leave its question.

        Raises:
            ValueError: an unknown fleet.
        """
        name = content.get("fleet")
        if name is None:
            self._host.publish(self.name, "chosen", fleet="", question="")
            return
        choice("fleet", name, GALLERY)
        entry = GALLERY[str(name)]
        self._host.apply(settings_of(str(name)))
        self._host.publish(
            self.name, "chosen", fleet=str(name), title=entry.title, question=entry.question
        )

    def settings_changed(self) -> None:
        """Keep the question: it is the same fleet with a knob turned."""

    def run_changed(self) -> None:
        """Do nothing: a card holds no result."""

    def close(self) -> None:
        """Do nothing: nothing runs."""


def _card(name: str, entry: Entry) -> dict[str, Any]:
    """Return what the page draws of a fleet: the mix and the share that is slow."""
    scenario = entry.comparison.scenario
    styles = kind_styles(list(scenario.mix))
    return {
        "fleet": name,
        "title": entry.title,
        "question": entry.question,
        "about": entry.about,
        "code": settings_of(name).code(),
        "devices": scenario.clients,
        "slow": scenario.straggler_share,
        "factor": scenario.straggler_factor,
        "kinds": [
            {
                "name": kind,
                "share": share,
                "colour": styles[kind].colour,
                "shape": styles[kind].shape,
            }
            for kind, share in scenario.mix.items()
        ],
    }
