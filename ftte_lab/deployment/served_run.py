"""Serve one run: send jobs, take updates, step; the same for every carrier and both orders."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields

from ftte_lab.deployment.members import Member
from ftte_lab.deployment.messages import Job, Update, Welcome
from ftte_lab.deployment.orders import Order, Start
from ftte_lab.deployment.reception import Incident, Reception
from ftte_lab.deployment.records import JobRecord, Noticed, RealRun
from ftte_lab.deployment.served_model import ServedModel
from ftte_lab.simulation import Evaluated, Prepared, Stepped

RunEvent = Noticed | Stepped | Evaluated | RealRun

_LOOK_S = 0.05  # how long to wait for messages at once
_PATIENCE = 3.0  # times the expected duration that a node may be silent
_OVERDUE = 6.0  # times what a node may be silent, after which a job is given up all the same


@dataclass(frozen=True, eq=False)
class _Flight:
    """Hold a job that is under way."""

    start: Start
    record: JobRecord


class ServedRun:
    """Serve one run to the nodes that are there.

    Args:
        mode: "locked" or "free".
        prepared: the prepared run.
        order: who starts, and what a step takes.
        reception: the server's end.
        numbers: of the jobs; no two runs of a reception share one.
        scale: real seconds that a virtual second takes.
        watch: called again and again; it may raise an error to end the run.
    """

    def __init__(
        self,
        mode: str,
        prepared: Prepared,
        order: Order,
        reception: Reception,
        numbers: Iterator[int],
        scale: float = 0.0,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.mode, self.prepared, self.order, self.scale = mode, prepared, order, scale
        self.reception, self.numbers, self._watch = reception, numbers, watch
        self.model = ServedModel(prepared, order)
        self.flights: dict[str, _Flight] = {}
        self.records: list[JobRecord] = []
        self.noticed: list[Noticed] = []
        self._shown = 0
        self._counted = reception.counts.copy()
        self._zero = time.monotonic()

    def events(self) -> Iterator[RunEvent]:
        """Yield what happens; last of all the record of the run."""
        self.reception.begin(self._welcome)
        self._zero = time.monotonic()
        try:
            yield self.model.evaluate(0.0)
            while not self.order.ended():
                self.order.hold(self.reception.paused)
                self._send_jobs()
                for incident in self.reception.receive(_LOOK_S):
                    self._take(incident)
                self._give_up()
                self._watch()
                yield from self._fresh()
                yield from self._steps()
            yield from self._fresh()
            yield from self._last_point()
        finally:
            self.reception.welcome = None
        yield self._real_run()

    def clients_of(self, seat: int) -> tuple[int, ...]:
        """Return the clients that the node in a seat plays."""
        return tuple(range(seat, self.prepared.scenario.clients, self.reception.members.seats))

    def _welcome(self, member: Member) -> Welcome:
        tiers = self.prepared.tiers
        union = tiers.union.subset.to_json() if len(tiers) > 1 else ""
        return Welcome(self.prepared.scenario.to_json(), self.clients_of(member.seat), union)

    def _send_jobs(self) -> None:
        """Send jobs to idle nodes as long as somebody may start."""
        while not self.reception.paused:
            idle = {
                client: member
                for name, member in self.reception.members.present.items()
                if name not in self.flights
                for client in self.clients_of(member.seat)
            }
            start = self.order.start(sorted(idle))
            if start is None:
                return
            self._send(idle[start.client], start)

    def _send(self, member: Member, start: Start) -> None:
        whole = start.client not in member.supplied
        parts = self.model.parts(start, whole)
        number = next(self.numbers)
        at_once = self.prepared.tiers.tiers[start.tier].bill.micro_batch or 0
        job = Job(number, start.client, start.visit, start.together, start.pace, parts, at_once)
        framed = self.reception.carrier.send(member.key, job)
        member.supplied.add(start.client)
        record = JobRecord(
            number,
            start.participation,
            member.name,
            start.client,
            start.visit,
            start.version,
            whole,
            self._now_s(),
            pace_download_s=start.pace[0],
            pace_compute_s=start.pace[1],
            pace_upload_s=start.pace[2],
            payload_down_bytes=job.payload_bytes,
            framed_down_bytes=framed,
        )
        self.records.append(record)
        self.flights[member.name] = _Flight(start, record)
        self._notice("sent", member.name, start.participation)

    def _take(self, incident: Incident) -> None:
        """Take an update, or a change of who is there."""
        name, flight = incident.name, self.flights.get(incident.name)
        if incident.update is None:
            if incident.what in ("joined", "left", "lost"):
                self._void(name, "void" if incident.what == "joined" else "lost")
            self._notice(incident.what, name)
        elif flight is None or flight.record.number != incident.update.number:
            self.reception.counts["late"] += 1
            self._notice("late", name)
        else:
            self._arrive(flight, incident.update, incident.framed_bytes)

    def _arrive(self, flight: _Flight, update: Update, framed: int) -> None:
        start, record = flight.start, flight.record
        try:
            row = self.model.read(start, update)
        except ValueError:
            self.reception.counts["unreadable"] += 1
            self._void(record.node, "unreadable")
            return
        del self.flights[record.node]
        record.arrived_s = self._now_s()
        record.download_s, record.compute_s, record.upload_s = update.seconds
        record.payload_up_bytes, record.framed_up_bytes = len(update.payload), framed
        record.tensor_peak_bytes, record.process_growth_bytes, record.micro_batch = update.held
        record.outcome = self.order.arrived(start.participation, update.seconds)
        if record.outcome == "buffered":
            self.model.keep(start.participation, row, update)
        self._notice("arrived", record.node, start.participation)

    def _void(self, name: str, outcome: str) -> None:
        """Give up the job of a node, if it has one."""
        flight = self.flights.pop(name, None)
        if flight is not None:
            flight.record.outcome = outcome
            self.order.lost(flight.start.participation)
            self._notice("void", name, flight.start.participation)

    def _give_up(self) -> None:
        """Give up nodes that are silent, and those whose job takes far too long."""
        for incident in self.reception.give_up(self._allowed_s):
            self._take(incident)
        for name, flight in list(self.flights.items()):
            most_s = _OVERDUE * max(self.reception.lost_s, self._allowed_s(name))
            if self._now_s() - flight.record.sent_s > most_s:
                self._take(self.reception.gone("lost", name))

    def _allowed_s(self, name: str) -> float:
        flight = self.flights.get(name)
        return 0.0 if flight is None else _PATIENCE * flight.start.expected_s

    def _steps(self) -> Iterator[RunEvent]:
        """Make the server steps that are due, and evaluate where it is time."""
        while (members := self.order.due()) is not None:
            stepped, late = self.model.step(members)
            for name, flight in list(self.flights.items()):
                if flight.start.participation in late:
                    flight.record.outcome = "aborted"
                    del self.flights[name]
            yield stepped
            if self.order.evaluates():
                yield self.model.evaluate(stepped.sim_seconds)

    def _last_point(self) -> Iterator[Evaluated]:
        """Evaluate the end of a run that lasts beyond its last evaluation."""
        now_s = self.order.end_s()
        if self.model.evaluated_s < now_s:
            yield self.model.evaluate(now_s)

    def _fresh(self) -> Iterator[Noticed]:
        fresh, self._shown = self.noticed[self._shown :], len(self.noticed)
        yield from fresh

    def _notice(self, what: str, name: str, participation: int = -1) -> None:
        self.noticed.append(Noticed(what, name, participation, self._now_s()))

    def _now_s(self) -> float:
        return time.monotonic() - self._zero

    def _real_run(self) -> RealRun:
        import pandas as pd  # here: a node imports this file and never needs it

        columns = [field.name for field in fields(JobRecord)]
        return RealRun(
            self.mode,
            self.prepared,
            self.order.prepared,
            self.model.history(),
            self.model.params,
            pd.DataFrame([asdict(record) for record in self.records], columns=columns),
            pd.DataFrame([asdict(one) for one in self.noticed]),
            Counter(self.reception.counts - self._counted),
            self.scale,
            self._now_s(),
        )
