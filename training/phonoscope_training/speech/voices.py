"""Where Debian's packages have recordings of speech, and who speaks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_SPEECH = re.compile(r"/silence/|/beep[^/]*$|2tone\.|/tt-monkeys\.|/confbridge-(join|leave)\.|/all\.wav$")
"""Recordings of silence, tones and animals, and one that repeats others."""


@dataclass(frozen=True)
class Voices:
    """The recordings of speech in a package.

    Args:
        collection: the first part of its speakers' names.
        paths: a regular expression for their paths; its groups are the rest of the speaker's name.
        unnamed: the name of a speaker whose paths have no such part.
    """

    package: str
    collection: str
    paths: str
    unnamed: str = ""

    def speaker_of(self, path: str) -> str | None:
        """Who speaks in a file of the package; ``None`` when it is no recording of speech.

        >>> Voices("a-sounds", "a", r"usr/share/a/([a-z]+)/.*[.]ogg").speaker_of("usr/share/a/fr/one.ogg")
        'a-fr'
        """
        found = re.fullmatch(self.paths, path)
        if found is None or _NOT_SPEECH.search(path):
            return None
        return "-".join([self.collection, *(group or self.unnamed for group in found.groups())])


_PROMPTS = r"usr/share/asterisk/sounds/([^/]+)/.+\.wav"
_DIALOGUES = r"usr/share/games/fillets-ng/sound/.+/(cs|nl)/[^/]+-([mv])-[^/]+\.ogg"

VOICES = (
    *(Voices(f"asterisk-core-sounds-{language}-wav", "prompts", _PROMPTS) for language in ("en", "es", "fr", "ru")),
    Voices("asterisk-prompt-it-menardi-wav", "prompts", _PROMPTS),
    Voices("fillets-ng-data-cs", "dialogues", _DIALOGUES),
    Voices("fillets-ng-data-nl", "dialogues", _DIALOGUES),
    Voices("codec2-examples", "sentences", r"usr/share/codec2/wav/([^/]+)\.wav"),
    Voices("pocketsphinx-testdata", "sentences", r"usr/share/pocketsphinx/test/data/(cards|librivox)/[^/]+\.wav"),
    Voices("alsa-utils", "words", r"usr/share/sounds/(alsa)/(?:Front|Rear|Side)_[^/]+\.wav"),
    Voices("ktuberling-data", "words", r"usr/share/ktuberling/sounds/([^/]+)/[^/]+\.(?:ogg|wav)"),
    Voices("klettres-data", "letters", r"usr/share/klettres/([^/]+)/(?:alpha|syllab)/[^/]+\.ogg"),
    Voices("tuxpaint-stamps-default", "names", r"usr/share/tuxpaint/stamps/.+_desc(?:_([^./]+))?\.(?:ogg|wav)", "en"),
)
"""Voice prompts, dialogues of a game, sentences that codecs and recognisers are tried on, words, letters and names."""
