"""A copy of a recording for browsers.

They pass over gaps, and their clock is wrong from there on; and many containers and codecs they do not play at all.
"""

from __future__ import annotations

from contextlib import ExitStack

from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.work import Artifact
from phonoscope_worker import Work, spool

KIND = "playback"

_FORMAT = FORMATS["opus"]
_RATE_HZ = 48_000


def playback_of(work: Work) -> Artifact:
    """The recording as stereo Opus in Ogg, in which every sample lies where it does for all tasks; gaps are silence.

    Raises ``RecordingError`` when the recording cannot be decoded.
    """
    track = work.claim.track
    work.file.seek(0)
    with ExitStack() as kept, ConfinedRecording(work.file, track.owner_id, work.options.audio_track) as recording:
        file = kept.enter_context(spool())
        with Encoder(file, _RATE_HZ, 2, _FORMAT) as encoder:
            for samples in recording.stereo(_RATE_HZ):
                encoder.write(samples)
                work.report(min(1.0, recording.decoded_s / track.duration_s), "encoding")
        kept.pop_all()
    return Artifact(f"playback{_FORMAT.suffix}", KIND, _FORMAT.media_type, file)
