"""Let training use a share of each battery, until it is empty and then until it is charged again.

The model (our reconstruction; the paper has no batteries):

* A battery has two parts that nobody can exchange: one for training, as large as `share` says, and
  the rest for whatever else the device does. Training is never paid from the rest, and the rest is
  never paid from training's part. So the base load (screen, sensors, standby) needs no figure.
* Once a day, in a window that is drawn for each device, the device is at its charger. Both parts
  fill at the same pace, so an empty battery is full after `battery_j / charge_w` seconds whatever
  the share is. Charging goes on while the device trains. There are no losses.
* At virtual time 0 a device's charge is anything from empty to full. The windows and the charges
  are drawn from a stream of their own.
* Devices on the mains are never empty.

A virtual run lasts minutes or hours, and a battery holds enough for days of training. With the
complete battery nobody would run empty within a run; nor would anybody let training take it. The
share is the knob that is asked for in practice: training may use one hundredth of the battery
between two charges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ftte_lab._common import integer, number, require
from ftte_lab.devices.fleet import Fleet

Floats = NDArray[np.float64]
DAY_S = 86_400.0
"""Virtual seconds in a day."""
_BATTERY_TAG = 0xBA77E  # keeps the batteries' random stream apart from others of the same seed


@dataclass(frozen=True, eq=False)
class Batteries:
    """Hold training's part of each client's battery, in read-only arrays of shape (clients,).

    Attributes:
        capacity_j: joules when full; `inf`: on the mains.
        start_j: joules at virtual time 0.
        charge_w: watts that flow into this part at the charger.
        plug_s: when the client first comes to the charger, virtual seconds; then once a day.
        plugged_s: how long it stays there, seconds.

    Raises:
        ValueError: arrays that do not fit, or a charge beyond the capacity.
    """

    capacity_j: Floats
    start_j: Floats
    charge_w: Floats
    plug_s: Floats
    plugged_s: Floats

    def __post_init__(self) -> None:
        for f in fields(self):
            column = getattr(self, f.name)
            endless = f.name in ("capacity_j", "start_j")
            fits = column.shape == (len(self),) and bool((column >= 0).all())
            fits = fits and (endless or bool(np.isfinite(column).all()))
            each = f"{len(self)} numbers from 0 upwards, one per client"
            require(fits, f"{f.name} has shape {column.shape} or a negative number", each)
            column.setflags(write=False)
        full = bool((self.start_j <= self.capacity_j).all())
        require(full, "start_j is above capacity_j", "0 to the capacity")
        day = bool((self.plugged_s <= DAY_S).all())
        require(day, "plugged_s is longer than a day", f"0 to {DAY_S:g} seconds")

    def __len__(self) -> int:
        return len(self.capacity_j)

    def after(
        self, client: int | slice, level_j: float | Floats, since_s: float | Floats, at_s: float
    ) -> Floats:
        """Return the joules at a moment, if nothing is taken from an earlier moment on.

        Args:
            client: one, or a slice of them.
            level_j: joules at the earlier moment.
            since_s: the earlier moment, virtual seconds.
            at_s: the moment, not before `since_s`.

        Raises:
            ValueError: seconds that are not finite.

        Example:
            >>> charged = Batteries(*(np.array([x]) for x in (9.0, 4.0, 0.5, 10.0, 6.0)))
            >>> [float(charged.after(0, 4.0, 0.0, t)) for t in (10.0, 12.0, 99.0)]
            [4.0, 5.0, 7.0]
        """
        for moment in (at_s, since_s):
            if isinstance(moment, int | float):
                number("virtual seconds", moment, -math.inf)
            else:
                finite = bool(np.isfinite(moment).all())
                require(finite, "a moment is not finite", "finite virtual seconds")
        plugged = self._plugged(client, at_s) - self._plugged(client, since_s)
        charged = level_j + self.charge_w[client] * plugged
        return np.asarray(np.minimum(self.capacity_j[client], charged))

    def ready_s(self, client: int, level_j: float, since_s: float, need_j: float) -> float:
        """Return when a client will have so many joules, if nothing is taken; `inf`: never.

        Args:
            client: which.
            level_j: joules now.
            since_s: now, virtual seconds.
            need_j: joules that are needed.

        Raises:
            ValueError: joules or seconds that are not finite, or negative joules.

        Example:
            >>> charged = Batteries(*(np.array([x]) for x in (9.0, 4.0, 0.5, 10.0, 6.0)))
            >>> [charged.ready_s(0, 4.0, 0.0, need) for need in (4.0, 5.0, 8.0, 9.5)]
            [0.0, 12.0, 86412.0, inf]
        """
        number("need_j", need_j, 0)
        number("since_s", since_s, -math.inf)
        if level_j >= need_j:
            return since_s
        window, power = float(self.plugged_s[client]), float(self.charge_w[client])
        if need_j > self.capacity_j[client] or window * power == 0:
            return math.inf
        plugged = float(self._plugged(client, since_s)) + (need_j - level_j) / power
        if math.isinf(plugged / window):
            return math.inf
        before = math.ceil(plugged / window) - 1  # complete windows
        at_s = float(self.plug_s[client]) + before * DAY_S + (plugged - before * window)
        return max(since_s, at_s)

    def _plugged(self, client: int | slice, at_s: float | Floats) -> Floats:
        """Return the seconds at the charger from the first time on; negative ones before it."""
        window = self.plugged_s[client]
        days, within = np.divmod(at_s - self.plug_s[client], DAY_S)
        return np.asarray(days * window + np.minimum(within, window))


def draw_batteries(fleet: Fleet, share: float, *, seed: int) -> Batteries:
    """Draw the charge of each client at time 0 and its hour at the charger, both uniformly.

    Args:
        fleet: whose batteries, with how much energy and power.
        share: of each battery that training may use between two charges, above 0 to 1.
        seed: of the draws, in a stream of their own.

    Raises:
        ValueError: a share or seed out of range.

    Example:
        >>> from ftte_lab.devices import sample_fleet
        >>> batteries = draw_batteries(sample_fleet({"watch": 1.0}, 2, seed=0), 0.01, seed=0)
        >>> batteries.capacity_j.round(1).tolist()
        [34.2, 34.2]
    """
    share = number("share", share, 0, 1)
    require(share > 0, "share = 0", "above 0 to 1", "Switch batteries off to ignore them")
    seed = integer("seed", seed, 0)
    rng = np.random.default_rng(np.random.SeedSequence([seed, _BATTERY_TAG]))
    charge, hour = rng.random((2, len(fleet)))
    capacity_j = share * fleet.battery_j
    endless = np.isinf(capacity_j)
    start_j = np.where(endless, capacity_j, charge * np.where(endless, 0.0, capacity_j))
    return Batteries(
        capacity_j, start_j, share * fleet.charge_w, hour * DAY_S, 3600.0 * fleet.charge_h
    )
