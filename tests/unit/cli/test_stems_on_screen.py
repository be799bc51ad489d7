"""Stems as people see them."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from phonoscope.tasks import Separate
from phonoscope_cli.stems import scores_table, sdr_db, stems_table
from tests.unit.fixtures import NOW


def printed(table: Table) -> list[list[str]]:
    console = Console(width=100, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return [line.split() for line in captured.get().splitlines()]


@pytest.mark.parametrize(("error", "decibels"), [(0.1, 20.0), (1.0, 0.0), (2.0, -6.02)])
def test_sdr_is_the_ratio_of_powers(error: float, decibels: float) -> None:
    """Of the part and of what is wrong with the estimate."""
    part = np.ones((2, 1_000), dtype=np.float32)
    assert sdr_db(part, (1.0 - error) * part) == pytest.approx(decibels, abs=0.01)


def test_what_is_missing_at_the_end_counts() -> None:
    """Half of a part is wrong where half of it is silence."""
    part = np.ones((2, 1_000), dtype=np.float32)
    assert sdr_db(part, part[:, :500]) == pytest.approx(3.01, abs=0.01)
    assert sdr_db(part, part) > 100.0


def test_each_stem_is_held_against_its_part() -> None:
    """And against what doing nothing would give."""
    rng = np.random.default_rng(1)
    drums, bass = (rng.normal(size=(2, 10_000)).astype(np.float32) for _ in range(2))
    known = {"drums": drums, "bass": bass}
    table = scores_table("mini", drums + bass, known, {"drums": drums + 0.1 * bass, "bass": bass})
    rows = printed(table)
    assert "mini" in " ".join(rows[0])
    found = {row[0]: row[1:] for row in rows if row and row[0] in ("drums", "bass", "mean")}
    assert float(found["drums"][0]) == pytest.approx(20.0, abs=0.3)
    assert float(found["drums"][2]) == pytest.approx(0.0, abs=0.3)
    assert float(found["bass"][0]) > 100.0
    assert found["mean"][0].startswith("+")


def test_a_separation_names_its_model_and_stems() -> None:
    """With format and loudest sample."""
    link = {"id": "art_1", "name": "a.flac", "url": "/", "expires_at": NOW, "media_type": "audio/flac", "size_bytes": 1}
    stem = {"format": "flac", "duration_s": 1.0, "peak": 0.5, "audio": link}
    result = Separate.read(
        {
            "model": {"name": "htdemucs", "digest": "sha256:0"},
            "sample_rate_hz": 44_100,
            "precision": "fast",
            "stems": [{"name": name} | stem for name in ("drums", "bass")],
        }
    )
    rows = printed(stems_table(result))
    assert rows[0] == ["stems", "by", "htdemucs"]
    assert rows[1:] == [["drums", "flac", "peak", "0.50"], ["bass", "flac", "peak", "0.50"]]
