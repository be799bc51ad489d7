"""What a search found, on the screen."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from phonoscope.contract import SearchAnswer, Track
from phonoscope_cli.found import print_found

LINK = {"url": "/v1/tracks/trk_1/audio#t=2.5,7.5", "expires_at": "2025-03-01T12:00:00Z"}
MOMENT = {"start_s": 2.5, "end_s": 67.5, "audio": LINK}


def printed(**answer: Any) -> str:
    """The answer as it is printed."""
    console = Console(file=io.StringIO(), width=120)
    known = {"unit": "moment", "query": {"by": "text", "way": "meaning"}, "coverage": {"tracks": 3, "of": 3}}
    print_found(console, SearchAnswer.model_validate({"items": [], **known, **answer}), "what was found")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_items_are_shown_with_where_and_why(make_track: Callable[..., Track]) -> None:
    """The moment's times, the file, the similarity, the labels, and copies below."""
    item = {"track": make_track(), "similarity": 0.75, "way": "meaning", "moment": MOMENT}
    labels = [{"model": "environment-50", "label": "rain", "probability": 0.9}]
    copy = {"track": make_track(filename="again.mp3"), "similarity": 0.7}
    shown = printed(items=[{**item, "labels": labels, "copies": [copy]}])
    for words in ("what was found", "0:02.5 – 1:07.5", "rain.flac", "0.750", "rain 90%", "copy: again.mp3", "0.700"):
        assert words in shown
    assert "copy of it: rain.flac" in printed(items=[{**item, "is_copy": True}])
    assert "embed the others again" not in shown


def test_how_words_were_understood_is_said() -> None:
    """The labels with their weights, words that none is near, and how much was searched."""
    labels = [{"model": "m", "label": label, "weight": weight} for label, weight in (("dog", 1.0), ("rain", -0.5))]
    query = {"by": "text", "way": "spelling", "labels": labels, "missing": ["qwx"], "notes": ["a note"]}
    assert "all at once" not in printed(query=query)
    query["together"] = ["a dog", "rain"]
    near = [{"label": "cat", "similarity": 0.4}]
    shown = printed(query={**query, "near": near}, coverage={"tracks": 1, "of": 4})
    for words in ("by labels (spelling): dog +1.00, rain -0.50", "no label is near: qwx", "nearest labels are: cat"):
        assert words in shown
    for words in (
        "a note",
        "all at once: a dog, rain",
        "nothing was found",
        "1 of 4 embedded recordings were searched",
    ):
        assert words in shown
