"""The capacity model: its formula agrees with a simulation, and docs/scaling.md has its numbers."""

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.unit.deploy.chart import ROOT


def loaded() -> ModuleType:
    """``benchmarks/capacity.py``, by its path: the folder's other modules have names that packages have too."""
    spec = importlib.util.spec_from_file_location("capacity", ROOT / "benchmarks" / "capacity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["capacity"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


capacity = loaded()
RECORDINGS = 12_000
# More long recordings than in the docs, so that few events are enough to know their mean.
MIXED = tuple(
    capacity.Kind(*facts) for facts in ((0.5, 5.0, 0.05, 0.09), (0.2, 133.0, 5.0, 3.45), (0.3, 3_600.0, 41.5, 93.0))
)
ONE_OF_EACH = dict.fromkeys(capacity.PARTS, 1)
COSTS = capacity.cores()


@pytest.mark.parametrize(
    ("rate", "counts"),
    [
        (0.5 / max(capacity.cores(MIXED).values()), ONE_OF_EACH),
        (0.2, capacity.servers(0.2, MIXED)),
        (1.5, capacity.servers(1.5, MIXED)),
    ],
    ids=["a laptop", "a few servers", "many servers"],
)
def test_the_formula_agrees_with_the_simulation(rate: float, counts: dict[str, int]) -> None:
    """To a tenth: how busy each station is, and how long a visit takes with its wait.

    Statements of one recording follow each other, so that they wait for less than strangers would: there the formula
    may say more.
    """
    said, seen = capacity.predict(rate, counts, MIXED), capacity.simulate(rate, counts, RECORDINGS, 7, MIXED)
    for name in capacity.PARTS:
        assert seen[name].busy == pytest.approx(said[name].busy, rel=0.1), name
        if name == "PostgreSQL":
            assert seen[name].response_s <= 1.1 * said[name].response_s
        else:
            assert seen[name].response_s == pytest.approx(said[name].response_s, rel=0.1), name


def test_beyond_its_capacity_a_station_is_always_busy() -> None:
    """The formula names the one that cannot keep up; in the simulation it never rests."""
    busiest = max(COSTS, key=lambda name: COSTS[name])
    rate = 1.3 / COSTS[busiest]
    with pytest.raises(ValueError, match=busiest):
        capacity.predict(rate, {**capacity.servers(rate), busiest: 1})
    seen = capacity.simulate(rate, {**capacity.servers(rate), busiest: 1}, 4_000, 7)
    assert seen[busiest].busy > 0.99


def test_waiting_is_as_the_textbook_has_it() -> None:
    """One server is found busy for its load; two at half load by one visitor in three."""
    assert capacity.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert capacity.erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert capacity.erlang_c(1_000, 700.0) == pytest.approx(0.0, abs=1e-9)


def test_servers_are_busy_as_far_as_they_may_be() -> None:
    """No more of a station than keep it below, and one fewer would not."""
    rate = capacity.PEAK * 1e6 / capacity.DAY_S
    for name, number in capacity.servers(rate).items():
        load = rate * COSTS[name]
        assert load / number <= capacity.BUSY + 1e-9
        assert number == 1 or load / (number - 1) > capacity.BUSY


def test_the_docs_have_what_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line of the tables that follow from the formula alone."""
    capacity.print_costs(capacity.arguments([]))
    capacity.print_volumes()
    capacity.print_first()
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    text = (ROOT / "docs" / "scaling.md").read_text()
    assert len(lines) > 20
    assert [line for line in lines if line not in text] == []
