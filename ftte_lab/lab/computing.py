"""Compute the record of a Lab's run, event by event."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from ftte_lab.experiments import TimedEvent, interleave
from ftte_lab.lab.board import Board
from ftte_lab.lab.display import Display
from ftte_lab.simulation import Prepared, keep_prepared, prepare


def compute(
    board: Board, display: Display, on_prepared: Callable[[Mapping[str, Prepared]], None]
) -> Iterator[TimedEvent | None]:
    """Compute a board, seed by seed. A newer request can take over at every `yield`.

    Args:
        board: what is asked for, and where the events go.
        display: shows the board from now on.
        on_prepared: called once with the runs of the first seed, before any training.
    """
    with display.lock:
        display.board = board
    if display.live:
        keep_prepared()
    for k in range(board.settings.seeds):
        prepared: dict[str, Prepared] = {}
        for name, scenario in board.settings.runs(k).items():
            prepared[name] = prepare(scenario)
            yield None
        with display.lock:
            board.begin_seed(prepared, board.settings.seeds - 1 - k)
        # Workers begin at once, while the first charts are drawn here.
        events = interleave(prepared, processes=None if display.live else 1)
        with contextlib.closing(events):
            if k == 0:
                on_prepared(prepared)
            for timed in events:
                with display.lock:
                    board.record(k, timed, prepared[timed.name])
                yield timed
