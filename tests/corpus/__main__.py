"""``python -m tests.corpus``: the table of ``docs/files.md``, made anew."""

from __future__ import annotations

import sys
import tempfile
from itertools import groupby
from pathlib import Path

from tests.corpus.case import NO_FFMPEG, Case, Value, has_ffmpeg
from tests.corpus.cases import CASES


def main() -> int:
    if not has_ffmpeg():
        print(NO_FFMPEG, file=sys.stderr)
        return 1
    wrong = 0
    for section, cases in groupby(CASES, lambda case: case.section):
        print(f"\n### {section}\n\n| input | value | reference | ours |\n| --- | --- | ---: | ---: |")
        wrong += sum(not _print(case) for case in cases)
    return bool(wrong)


def _print(case: Case) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = case.make(Path(folder))
        reference, ours = case.reference(path), case.ours(path)
    holds = case.holds(reference, ours)
    print(f"| {case.name} | {case.value} | {_told(reference)} | {_told(ours)}{'' if holds else ' **wrong**'} |")
    return holds


def _told(value: Value) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
