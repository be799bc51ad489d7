"""Colours are matplotlib's."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from matplotlib import colormaps

from phonoscope.contract import ColourMap
from phonoscope.drawing.palette import palette, ramp, with_white


@pytest.mark.parametrize("name", get_args(ColourMap))
def test_every_map_that_can_be_asked_for_is_matplotlibs(name: str) -> None:
    """Step for step, and for any brightness."""
    steps = colormaps[name](np.linspace(0.0, 1.0, 256), bytes=True)[:, :3]
    np.testing.assert_array_equal(ramp(name), steps)
    brightness = np.array([-0.5, 0.0, 0.1234, 0.5, 0.999, 1.0, 2.0])
    wanted = colormaps[name](brightness.clip(0.0, 1.0), bytes=True)[:, :3]
    assert palette(name, brightness) == np.ascontiguousarray(wanted).tobytes()


def test_white_comes_last() -> None:
    """Behind 255 colours."""
    colours = with_white("magma")
    assert len(colours) == 768
    assert colours[-3:] == b"\xff\xff\xff"


def test_the_gateway_draws_without_matplotlib() -> None:
    """It would take a tenth of the gateway's memory for six small tables."""
    code = "import sys, phonoscope_gateway.pictures.drawing, phonoscope.drawing.palette as p; p.ramp('magma')"
    said = subprocess.run(
        [sys.executable, "-c", f"{code}; print('matplotlib' in sys.modules)"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.stdout.strip() == "False"
