"""Results as people see them, recorded as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from phonoscope.contract import Copy, Job, Neighbour, Task, Track
from phonoscope.states import Status, TaskName
from phonoscope_cli.render import print_analysis, where_the_time_went
from phonoscope_cli.tables import clock


@pytest.fixture
def shown() -> Callable[..., str]:
    """What is printed about a job, as plain text."""

    def show(track: Track, job: Job, *neighbours: Neighbour) -> str:
        console = Console(record=True, width=120, quiet=False, file=None, force_terminal=False)
        with console.capture() as captured:
            print_analysis(console, track, job, neighbours)
        return captured.get()

    return show


MODEL = {"name": "environment-50", "digest": "sha256:0"}


def window(start_s: float, label: str, chance: float = 0.8, **changes: Any) -> dict[str, Any]:
    top = [{"label": label, "probability": chance}]
    return {"start_s": start_s, "end_s": start_s + 5.0, "top": top, "unknown": False, "silent": False} | changes


def classified(*windows: dict[str, Any], unknown: bool = False, **changes: Any) -> dict[str, Any]:
    top = [{"label": "rain", "probability": 0.75}, {"label": "sea_waves", "probability": 0.125}]
    found = {"top": top, "unknown": unknown, "windows": list(windows), "warnings": []}
    return found | {"model": MODEL, "duration_s": 15.0} | changes


def rows(text: str, title: str) -> list[list[str]]:
    """The rows below a table's title, as words."""
    lines = text.split(title, 1)[1].splitlines()[1:]
    found = []
    for line in lines:
        if not line.startswith("  ") or "from request to result" in line:
            break
        found.append(line.split())
    return found


def test_evidence_is_told_in_words_and_bars(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Each band with its span and share, the sentence, and the trust where it was measured."""
    bands = [
        {"name": "mid", "low_hz": 500.0, "high_hz": 2_000.0, "share": 0.75},
        {"name": "brilliance", "low_hz": 6_000.0, "high_hz": None, "share": 0.25},
    ]
    figures = ("deletion", "insertion", "random_deletion", "random_insertion", "randomised")
    trust = dict.fromkeys(figures, 0.25)
    told = {"label": "dog", "method": "grad-cam", "layer": "layer4", "reading": "Most of it.", "bands": bands}
    place = {"start_s": 0.0, "end_s": 5.0, "silent": False, "probability": 0.9}
    nothing: dict[str, Any] = {"region": None, "windows": []}
    result = {"model": MODEL} | told | place | nothing
    text = shown(make_track(), make_job(make_task(name=TaskName.EXPLAIN, result=result | {"trust": trust})))
    first, second, *_ = rows(text, "why dog (grad-cam, layer4)")
    assert first == ["mid", "500", "–", "2000", "Hz", "█" * 18 + "·" * 6, "75.0%"]
    assert second[:4] == ["brilliance", "6000", "–", "up"]
    assert "Most of it." in text
    assert "deletion 0.25" in text
    of_a_part = result | {"stretch": {"start_s": 65.0, "end_s": 70.0}, "start_s": 65.0, "end_s": 70.0}
    text = shown(make_track(), make_job(make_task(name=TaskName.EXPLAIN, result=of_a_part | {"trust": None})))
    assert "why dog (grad-cam, layer4, 1:05.0 – 1:10.0)" in text
    flat = result | {"cell_bands": 1, "trust": None}
    over_time = shown(make_track(), make_job(make_task(name=TaskName.EXPLAIN, result=flat)))
    assert "why dog (grad-cam, layer4)" in over_time
    assert "Most of it." in over_time
    assert "brilliance" not in over_time
    assert "deletion" not in shown(
        make_track(), make_job(make_task(name=TaskName.EXPLAIN, result=result | {"trust": None}))
    )


def test_labels_stand_with_their_chances(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """The likeliest first, with a bar as long as its chance."""
    text = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain")))))
    (label, bar, chance), second, *_ = rows(text, "what it hears")
    assert (label, chance, bar.count("█"), len(bar)) == ("rain", "75.0%", 18, 24)
    assert (second[0], second[2], second[1].count("█")) == ("sea_waves", "12.5%", 3)
    assert "rain.flac" in text
    assert "1:04.3 · 44.1 kHz · mono · flac" in text


def test_the_timeline_joins_neighbours_of_one_label(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """One row for each change of label, with the mean chance; overlapping windows are parted in the middle."""
    windows = [
        window(0.0, "rain", 0.9),
        window(2.5, "rain", 0.7),
        window(5.0, "dog", 0.6),
        window(7.5, "rain", 0.5, silent=True, unknown=True),
        window(10.0, "rain", 0.2, unknown=True),
    ]
    text = shown(make_track(duration_s=15.0), make_job(make_task(result=classified(*windows))))
    assert rows(text, "over time") == [
        ["0:00.0", "–", "0:06.2", "rain", "80.0%"],
        ["0:06.2", "–", "0:08.7", "dog", "60.0%"],
        ["0:08.7", "–", "0:11.2", "silence"],
        ["0:11.2", "–", "0:15.0", "unknown"],
    ]


def test_each_model_s_answer_has_a_table(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """The kind, then the model that counts, then the others: of several labels at once those above their thresholds."""
    tags = {"folk": (0.5, 0.2), "guitar": (0.4, 0.3), "loud": (0.25, 0.3)}
    several = {
        "model": MODEL | {"name": "music-100"},
        "top": [{"label": label, "probability": chance} for label, (chance, _) in tags.items()],
        "thresholds": [least for _, least in tags.values()],
        "unknown": False,
        "several": True,
    }
    result = classified(window(0.0, "rain"), kind="music")
    counting = {name: result[name] for name in ("model", "top", "unknown")} | {
        "several": False,
        "thresholds": [0.3, 0.3],
    }
    text = shown(make_track(), make_job(make_task(result=result | {"answers": [counting, several]})))
    assert rows(text, "what it hears: music")[0][0] == "rain"
    assert [row[0] for row in rows(text, "also, by music-100")] == ["folk", "guitar"]
    none = several | {"thresholds": [0.9] * 3, "unknown": True}
    text = shown(make_track(), make_job(make_task(result=result | {"answers": [counting, none]})))
    assert [row[0] for row in rows(text, "also, by music-100 (unknown: none is likely enough)")] == list(tags)


def test_the_timeline_shows_the_kind_of_each_stretch(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """A row for each change of label or kind; silence is one kind, whatever is nearest to it."""
    windows = [
        window(0.0, "jazz", kind="music", model="genre-10"),
        window(5.0, "jazz", kind="singing", model="genre-10"),
        window(10.0, "Speech", kind="speech", model="audioset-527"),
        window(15.0, "Speech", kind="silence", model="audioset-527", unknown=True),
    ]
    text = shown(make_track(), make_job(make_task(result=classified(*windows, kind="music"))))
    assert [row[3:] for row in rows(text, "over time")] == [
        ["jazz", "80.0%", "music"],
        ["jazz", "80.0%", "singing"],
        ["Speech", "80.0%", "speech"],
        ["silence"],
    ]


def test_what_is_unknown_is_called_so(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """The likeliest labels are still shown, but nobody takes them for an answer."""
    known = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain")))))
    unknown = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain"), unknown=True))))
    assert "unknown" not in known
    assert "what it hears (unknown: none is likely enough)" in unknown
    assert "75.0%" in unknown


def test_warnings_are_shown(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Those of the upload and those of the pass, word for word, brackets too."""
    result = classified(window(0.0, "rain"), warnings=["damaged from 3.00 s on: [/aac] could not be read"])
    text = shown(make_track(warnings=["the file ends early [mp3]"]), make_job(make_task(result=result)))
    assert "warning: the file ends early [mp3]" in text
    assert "warning: damaged from 3.00 s on: [/aac] could not be read" in text


def test_a_failed_task_says_why(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Its detail is shown, and the results of the others stay readable."""
    failed = make_task(TaskName.DESCRIBE, Status.FAILED, error={"detail": "no samples [/] decoded", "code": "x"})
    text = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain"))), failed))
    assert "describe: failed: no samples [/] decoded" in text
    assert rows(text, "what it hears")[0][0] == "rain"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.CANCELLED])
def test_a_task_without_result_says_how_it_stands(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
    status: Status,
) -> None:
    """A job may be printed before its end."""
    assert f"classify: {status}" in shown(make_track(), make_job(make_task(status=status)))


def test_neighbours_stand_with_their_likeness(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Name, label and similarity; a track without label is unknown."""
    near = Neighbour(track=make_track(filename="storm.wav"), similarity=0.9876)
    far = Neighbour(track=make_track(filename="saw.wav", label=None), similarity=-0.25)
    text = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain")))), near, far)
    assert rows(text, "sounds like") == [["storm.wav", "rain", "0.988"], ["saw.wav", "unknown", "-0.250"]]


def test_copies_stand_before_what_sounds_like_it(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """The recording's own have a table; those of a neighbour are listed below it."""
    own = Neighbour(track=make_track(filename="storm.mp3"), similarity=0.9, is_copy=True)
    copy = Copy(track=make_track(filename="saw.flac"), similarity=0.4)
    near = Neighbour(track=make_track(filename="saw.wav"), similarity=0.5, copies=[copy])
    text = shown(make_track(), make_job(make_task(result=classified(window(0.0, "rain")))), own, near)
    assert rows(text, "copies of this recording")[0] == ["storm.mp3", "rain", "0.900"]
    assert rows(text, "sounds like") == [["saw.wav", "rain", "0.500"], ["copy:", "saw.flac", "rain", "0.400"]]
    assert text.index("storm.mp3") < text.index("sounds like") < text.index("saw.wav")


def test_silence_is_said(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """In place of neighbours."""
    silent = {"model": MODEL, "dim": 512, "silent": True}
    text = shown(make_track(), make_job(make_task(TaskName.EMBED, result=silent)))
    assert "silent: it sounds like nothing, and has no embedding" in text


def test_names_are_shown_as_they_are(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Square brackets in a file's name or a label are no markup: nothing vanishes and nothing breaks."""
    result = classified(window(0.0, "[bold]dog"), top=[{"label": "[/dog]", "probability": 0.5}])
    near = Neighbour(track=make_track(filename="b [live] [/].wav", label="[red]rain"), similarity=0.5)
    text = shown(make_track(filename="a [remix] [/bold].wav"), make_job(make_task(result=result)), near)
    for name in ("a [remix] [/bold].wav", "b [live] [/].wav", "[red]rain", "[/dog]", "[bold]dog"):
        assert name in text


def test_a_description_has_its_units(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """What could not be measured is a dash, not a zero."""
    shares = dict.fromkeys(("tempo_confidence", "key_confidence", "silence_share", "clipping_share"), 0.5)
    lists: dict[str, Any] = {"bands": [], "levels": [], "warnings": []}
    figures = {"true_peak_dbfs": None, "centroid_hz": None, "duration_s": 5.0}
    measured = {"tempo_bpm": 120.04, "key": "A minor", "loudness_lufs": None, "onset_rate_hz": 2.0}
    more = {
        "tempo_candidates": [{"bpm": 120.04, "strength": 0.6}, {"bpm": 60.02, "strength": 0.3}],
        "metre": "3/4",
        "beat_count": 30,
        "key_runner_up": {"name": "C major", "strength": 0.2},
        "tuning_cents": -31.8,
    }
    result = shares | lists | figures | measured | more
    text = shown(make_track(), make_job(make_task(TaskName.DESCRIBE, result=result)))
    assert rows(text, "how it sounds") == [
        ["tempo", "120.0", "BPM", "or", "60"],
        ["key", "A", "minor", "or", "C", "major"],
        ["loudness", "—", "LUFS"],
        ["onset", "2.0", "onsets/s"],
        ["metre", "3/4", "30", "beats"],
        ["tuning", "-32", "cents"],
    ]


def test_the_time_is_accounted_for(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> None:
    """The whole, then for each pool once: its device, how long the job waited, and the stages in their order."""
    timings = {"fetch_s": 0.01, "model_s": 0.25}
    job = make_job(
        make_task(TaskName.CLASSIFY, timings=timings, device="cuda"),
        make_task(TaskName.EMBED, timings=timings, device="cuda"),
        make_task(TaskName.DESCRIBE, timings={"describe_s": 0.125}),
    )
    assert where_the_time_went(job) == (
        "500 ms from request to result (gpu pool on cuda: waited 30 ms, fetch 10 ms, model 250 ms; "
        "cpu pool on cpu: waited 30 ms, describe 125 ms)"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0:00.0"), (59.99, "0:59.9"), (60.0, "1:00.0"), (3_661.5, "61:01.5")]
)
def test_the_clock(seconds: float, shown: str) -> None:
    """Minutes and seconds, cut and never rounded up into the next minute."""
    assert clock(seconds) == shown


def test_what_the_owner_said_is_told(
    shown: Callable[..., str],
    make_track: Callable[..., Track],
    make_job: Callable[..., Job],
    make_task: Callable[..., Task],
) -> None:
    """Of the recording, and whether a neighbour's label is confirmed; without markup."""
    track = make_track(label="[red]", label_confirmed=True, confirmed=["[red]", "rain"], rejected=["sea"])
    job = make_job(make_task(result=classified(window(0.0, "rain"))))
    text = shown(track, job, Neighbour(track=track, similarity=0.5))
    assert "confirmed by you: [red], rain; rejected by you: sea" in text
    assert rows(text, "sounds like") == [["rain.flac", "[red]", "(confirmed)", "0.500"]]
    assert "by you" not in shown(make_track(), job)
