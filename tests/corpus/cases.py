"""All cases of the corpus, by section."""

from __future__ import annotations

from tests.corpus import alike, channels, files, music, time
from tests.corpus.case import Case

CASES: tuple[Case, ...] = (*channels.CASES, *time.CASES, *files.CASES, *music.CASES, *alike.CASES)
