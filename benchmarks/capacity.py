"""Calculates what a number of recordings a day needs, and checks the formula by a simulation.

A recording passes the gateway and PostgreSQL, then a worker of each pool, in the lane of its length. Each of these is a
station with some servers and one queue. The formula (docs/scaling.md) says how busy its servers are, by Little's law,
and how long a visit takes, by the approximation of Allen and Cunneen for queues with several servers (Allen,
Probability, Statistics, and Queueing Theory, 1990). The simulation plays the events one by one.

Service times are measured ones of docs/benchmarks.md. Prints the tables of docs/scaling.md.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, exp, lgamma, log

from phonoscope.costs import queues_of
from phonoscope.states import TaskName

DAY_S = 86_400.0
PEAK = 2.0
"""The busiest hour's rate, as a multiple of the day's mean."""
BUSY = 0.7
"""The share of the time for which a server may be busy."""
WINDOW_EVERY_S = 2.5
VOLUMES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
TASKS = (TaskName.CLASSIFY, TaskName.EMBED, TaskName.DESCRIBE)
PARTS = ("gateway", "PostgreSQL", "gpu short", "gpu long", "cpu short", "cpu long", "courier")

GATEWAY_S = 0.062
CREATE_S = 0.0043 + 0.0053
CLAIM_S = END_S = 0.00135
WINDOW_S = 0.5 * 320e-6 + 20e-6
EVENT_S = 290e-6
"""Processor time of: all but the worker's pass, by the clock; an upload's and a job's rows; a claim and an end, halved;
a window's row and its place in an index that half of them have; a webhook of the courier."""
WINDOW_BYTES = 1_340 + 47 + 95 + 0.5 * 1_360
AUDIO_BYTES_A_SECOND = 16_000
ARTIFACT_BYTES_A_SECOND = 120e6 / 21_600
CONNECTIONS = {"gateway": 11, "courier": 7}
OF_A_WORKER = 2
"""Connections to PostgreSQL that one process keeps open; under load they can be up to four times as many."""
PUTS, GETS = 6, 2
"""Of objects: the recording and what `describe` makes; each pool reads it once."""


@dataclass(frozen=True)
class Kind:
    """A kind of recording: its share of all, its length, and processor seconds in each pool, on a CPU."""

    share: float
    length_s: float
    gpu_s: float
    cpu_s: float

    @property
    def lanes(self) -> tuple[str, str]:
        """The stations of its passes, as the service chooses them."""
        queues = queues_of(TASKS, self.length_s)
        gpu, cpu = queues[TaskName.CLASSIFY], queues[TaskName.DESCRIBE]
        return f"gpu {gpu.lane.value}", f"cpu {cpu.lane.value}"

    @property
    def windows(self) -> float:
        return max(1.0, self.length_s / WINDOW_EVERY_S)

    @property
    def passes(self) -> tuple[tuple[tuple[str, float], ...], ...]:
        """Of both pools: the visits that follow each other, each a station and its seconds."""
        end = ("PostgreSQL", END_S), ("PostgreSQL", END_S + self.windows * WINDOW_S)
        gpu, cpu = self.lanes
        claim = ("PostgreSQL", CLAIM_S)
        return (claim, (gpu, self.gpu_s), end[1]), (claim, (cpu, self.cpu_s), end[0])

    @property
    def visits(self) -> list[tuple[str, float]]:
        """All of a recording's."""
        first = [("gateway", GATEWAY_S), ("PostgreSQL", CREATE_S), ("courier", EVENT_S)]
        return first + [visit for visits in self.passes for visit in visits]


MIX = (Kind(0.40, 5.0, 0.05, 0.09), Kind(0.58, 133.0, 5.0, 3.45), Kind(0.02, 3_600.0, 41.5, 93.0))
"""Clips, songs and hours."""


@dataclass(frozen=True)
class Visits:
    """What a station does: how busy its servers are, from 0 to 1, and the mean seconds from arrival to end."""

    busy: float
    response_s: float


def cores(mix: tuple[Kind, ...] = MIX) -> dict[str, float]:
    """Processor seconds of each station that one recording of a mix costs, in the mean."""
    found = dict.fromkeys(PARTS, 0.0)
    for kind in mix:
        for station, seconds in kind.visits:
            found[station] += kind.share * seconds
    return found


def servers(rate: float, mix: tuple[Kind, ...] = MIX, busy: float = BUSY) -> dict[str, int]:
    """How many of each a rate of recordings a second needs: ``ceil(rate × cost / busy)``, one at least."""
    return {station: max(1, ceil(rate * cost / busy - 1e-9)) for station, cost in cores(mix).items()}


def predict(rate: float, counts: Mapping[str, int], mix: tuple[Kind, ...] = MIX) -> dict[str, Visits]:
    """The formula's answer. Raises ``ValueError`` naming a station that cannot keep up."""
    visits: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind in mix:
        for station, seconds in kind.visits:
            visits[station].append((kind.share, seconds))
    return {name: _station(name, rate, counts[name], visits[name]) for name in PARTS}


def _station(name: str, rate: float, count: int, visits: list[tuple[float, float]]) -> Visits:
    each = sum(share for share, _ in visits)
    mean = sum(share * seconds for share, seconds in visits) / each
    square = sum(share * seconds**2 for share, seconds in visits) / each
    load = rate * each * mean
    if load >= count:
        raise ValueError(f"{name}: {load:.2f} servers' work for {count}")
    spread = square / mean**2  # 1 + the squared coefficient of variation
    waiting_s = erlang_c(count, load) * mean / (count - load) * spread / 2
    return Visits(load / count, waiting_s + mean)


def erlang_c(count: int, load: float) -> float:
    """The probability that a visitor waits, where service times are exponential (Erlang, 1917).

    >>> round(erlang_c(1, 0.7), 3), round(erlang_c(2, 1.0), 3)
    (0.7, 0.333)
    """
    full = count * log(load) - lgamma(count + 1) + log(count / (count - load))
    free = sum(exp(n * log(load) - lgamma(n + 1) - full) for n in range(count))
    return 1.0 / (1.0 + free)


_Way = Iterator[tuple[str, float]]
"""The visits that a recording still has to make, one after another."""


@dataclass
class _Queue:
    """Servers of one station, the visitors who wait for them in turn, and what they did while it was counted."""

    servers: int
    at_work: int = 0
    waiting: deque[tuple[float, float, _Way]] = field(default_factory=deque)
    busy_s: float = 0.0
    response_s: float = 0.0
    visits: int = 0


def simulate(
    rate: float, counts: Mapping[str, int], recordings: int, seed: int, mix: tuple[Kind, ...] = MIX
) -> dict[str, Visits]:
    """Plays so many recordings, which arrive at random; the first quarter of the time is not counted.

    Each kind has its exact share, in a random order.
    """
    chance = random.Random(seed)
    kinds = [kind for kind in mix for _ in range(round(kind.share * recordings))]
    chance.shuffle(kinds)
    arrivals = []
    now = 0.0
    for kind in kinds:
        now += chance.expovariate(rate)
        arrivals.append((now, kind))
    return _World(counts, 0.25 * now, now).run(arrivals)


class _World:
    """Events in the order of time, counted between two moments."""

    def __init__(self, counts: Mapping[str, int], counted_from: float, until: float) -> None:
        self._queues = {name: _Queue(count) for name, count in counts.items()}
        self._from, self._until = counted_from, until
        self._events: list[tuple[float, int, str, float, _Way]] = []
        self._numbers = itertools.count()
        self._now = 0.0

    def run(self, arrivals: list[tuple[float, Kind]]) -> dict[str, Visits]:
        for moment, kind in arrivals:
            self._at(moment, self._way(kind))
        while self._events and self._events[0][0] <= self._until:
            self._now, _, left, arrived, way = heappop(self._events)
            if left:
                self._leave(left, arrived)
            if (visit := next(way, None)) is not None:
                self._enter(*visit, way)
        counted_s = self._until - self._from
        return {
            name: Visits(queue.busy_s / counted_s / queue.servers, queue.response_s / max(1, queue.visits))
            for name, queue in self._queues.items()
        }

    def _way(self, kind: Kind) -> _Way:
        """A recording's visits until its job is there; its passes then go their own ways, at the same time."""
        yield "gateway", GATEWAY_S
        yield "PostgreSQL", CREATE_S
        for visits in kind.passes:
            self._at(self._now, iter(visits))
        yield "courier", EVENT_S

    def _at(self, moment: float, way: _Way, left: str = "", arrived: float = 0.0) -> None:
        """At a moment a way is continued, after a visit to a station or at its start."""
        heappush(self._events, (moment, next(self._numbers), left, arrived, way))

    def _enter(self, name: str, seconds: float, way: _Way) -> None:
        queue = self._queues[name]
        queue.waiting.append((seconds, self._now, way))
        if queue.at_work < queue.servers:
            queue.at_work += 1
            self._serve(name)

    def _leave(self, name: str, arrived: float) -> None:
        queue = self._queues[name]
        if arrived >= self._from:
            queue.response_s += self._now - arrived
            queue.visits += 1
        if queue.waiting:
            self._serve(name)
        else:
            queue.at_work -= 1

    def _serve(self, name: str) -> None:
        queue = self._queues[name]
        seconds, arrived, way = queue.waiting.popleft()
        end = self._now + seconds
        queue.busy_s += max(0.0, min(end, self._until) - max(self._now, self._from))
        self._at(end, way, name, arrived)


def main() -> None:
    given = arguments()
    print_costs(given)
    print_volumes()
    print_first()
    print_check(given.recordings, given.seed)


def print_costs(prices: argparse.Namespace) -> None:
    """What a million recordings cost."""
    hours = {name: 1e6 * cost / 3_600 for name, cost in cores().items()}
    length_s = sum(kind.share * kind.length_s for kind in MIX)
    stored = 1e6 * length_s * (AUDIO_BYTES_A_SECOND + ARTIFACT_BYTES_A_SECOND)
    rows = 1e6 * sum(kind.share * kind.windows for kind in MIX) * WINDOW_BYTES
    print("| a million recordings | amount | price of one | cost |\n| --- | ---: | ---: | ---: |")
    for name, amount in hours.items():
        _print_cost(f"{name}, core-hours", amount, prices.core_hour)
    if prices.gpu_faster:
        on_gpu = (hours["gpu short"] + hours["gpu long"]) / prices.gpu_faster
        _print_cost("in place of gpu short and long: GPU-hours", on_gpu, prices.gpu_hour)
    _print_cost("recordings and artifacts, GB for a month", stored / 1e9, prices.gb_month)
    _print_cost("rows and indexes of windows, GB for a month", rows / 1e9, prices.database_gb_month)
    print()


def _print_cost(name: str, amount: float, price: float) -> None:
    print(f"| {name} | {amount:,.1f} | {price:g} | {amount * price:,.2f} |")


def print_volumes() -> None:
    """What each volume needs, and what is busiest then."""
    names = [name for name in PARTS if name != "PostgreSQL"]
    heads = ["recordings a day", "a second, at the peak", *names, "PostgreSQL, cores", "connections", "windows a day"]
    heads += ["store, MB/s", "objects/s", "store, GB a day", "database, GB a day"]
    print(f"| {' | '.join(heads)} |\n|{' ---: |' * len(heads)}")
    length_s = sum(kind.share * kind.length_s for kind in MIX)
    windows = sum(kind.share * kind.windows for kind in MIX)
    written = length_s * (AUDIO_BYTES_A_SECOND + ARTIFACT_BYTES_A_SECOND)
    moved = written + GETS * length_s * AUDIO_BYTES_A_SECOND
    for volume in VOLUMES:
        rate = PEAK * volume / DAY_S
        need = servers(rate)
        connections = sum(need[name] * CONNECTIONS.get(name, OF_A_WORKER) for name in names)
        cells = [f"{volume:,}", f"{rate:.2f}", *(f"{need[name]:,}" for name in (*names, "PostgreSQL"))]
        cells += [f"{connections:,}", f"{volume * windows:,.0f}", f"{rate * moved / 1e6:,.1f}"]
        cells += [f"{rate * (PUTS + GETS):,.1f}", f"{volume * written / 1e9:,.1f}"]
        print(f"| {' | '.join(cells)} | {volume * windows * WINDOW_BYTES / 1e9:,.2f} |")
    print()


def print_first() -> None:
    """With one server of each: the recordings a day at which each is as busy as it may be, the first one first."""
    print("| one of each, on a core of its own | recordings a day at which another is needed |\n| --- | ---: |")
    for name, cost in sorted(cores().items(), key=lambda item: -item[1]):
        print(f"| {name} | {BUSY / cost * DAY_S / PEAK:,.0f} |")
    print()


def print_check(recordings: int, seed: int) -> None:
    """Formula and simulation side by side."""
    print("| recordings a day | station | servers | busy, formula | simulated | a visit, formula | simulated |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for volume in VOLUMES[1:]:
        rate = PEAK * volume / DAY_S
        counts = servers(rate)
        said, seen = predict(rate, counts), simulate(rate, counts, recordings, seed)
        for name in PARTS:
            print(
                f"| {volume:,} | {name} | {counts[name]:,} | {said[name].busy:.3f} | {seen[name].busy:.3f}"
                f" | {said[name].response_s:.4g} s | {seen[name].response_s:.4g} s |",
                flush=True,
            )


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What the command line says; without words, this program's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=200_000, help="that each simulation plays")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--gpu-hour", type=float, default=2.0, help="price of a GPU for an hour")
    parser.add_argument("--gpu-faster", type=float, default=0.0, help="how many cores' work a GPU does; 0: no GPU")
    parser.add_argument("--gb-month", type=float, default=0.02, help="price of a GB in the store for a month")
    parser.add_argument("--database-gb-month", type=float, default=0.1, help="price of a GB of the database's disk")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
