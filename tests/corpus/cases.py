"""All cases of the corpus, by section."""

from __future__ import annotations

from tests.corpus import alike, channels, files, music
from tests.corpus.case import Case

CASES: tuple[Case, ...] = (*channels.CASES, *alike.CASES, *files.CASES, *music.CASES)
