"""Places decoded sound on a recording's time axis, by its time stamps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from phonoscope.audio.samples import Joined, silence

if TYPE_CHECKING:
    import av

SHORTEST_GAP_S = 0.1
"""A gap or an overlap that is told."""

_JITTER_S = 0.01
_JUMP_S = 0.02
_AHEAD = 3
_LONGEST_BEFORE_START_S = 10.0
_DRIFT_PER_S = 2.0
_SLOWEST = 0.3
_LONGEST_OVERLAP_S = 1.0
_LONGEST_SURE_S = 10.0
_LONGEST_UNBOUNDED_S = 3_600.0
_MOST_SILENCE_S = 6 * 3_600.0
_SLACK_S = 1.0


class Sound(NamedTuple):
    """The sound of a frame, or of a packet that is not decoded.

    Args:
        start_s: its time stamp in seconds; ``None`` when it has none.
        duration_s: its length in seconds.
        piece: its samples; ``None`` for a packet, whose length is only known by what it states.
        packet: what it was decoded from.
        after_cut: whether its container says to leave out samples of the packet before.
    """

    start_s: float | None
    duration_s: float
    piece: Joined | None = None
    packet: av.Packet[av.AudioStream] | None = None
    after_cut: bool = False


class Placed(NamedTuple):
    """A sound's place: silence before it, then the sound without ``cut_s`` at its start and ``rest_s`` at its end.

    A negative ``cut_s`` lengthens the sound.
    """

    sound: Sound
    silence_s: float
    cut_s: float
    rest_s: float

    def pieces(self) -> Iterator[Joined]:
        """The samples there, of a sound that is decoded."""
        piece = self.sound.piece
        assert piece is not None
        rate_hz = piece.sample_rate_hz
        yield from silence(round(self.silence_s * rate_hz), piece)
        if self.cut_s < 0.0:
            again = piece.channels[:, : round(-self.cut_s * rate_hz)]
            yield piece._replace(channels=again)
        first, last = max(0, round(self.cut_s * rate_hz)), round(self.rest_s * rate_hz)
        kept = piece.channels[:, first : piece.channels.shape[1] - last]
        if kept.shape[1]:
            yield piece._replace(channels=kept)


class Gap(NamedTuple):
    """A stretch without sound, in seconds."""

    start_s: float
    end_s: float


class Clock(NamedTuple):
    """How a container's time stamps are read.

    Args:
        origin_s: the time stamp at which the recording starts.
        stamped: whether later time stamps count too; otherwise sound follows on sound.
        latest_s: where the container says that it ends, on the axis; ``None`` when it does not say.
        leaps: whether long jumps of the time stamps are breaks of the transmission and no time at all; such a container
            has one time stamp for many sounds, and those between are guesses, which may be too early.
        end_s: where the container says to leave out what follows, if it is little.
    """

    origin_s: float = 0.0
    stamped: bool = False
    latest_s: float | None = None
    leaps: bool = False
    end_s: float | None = None


class AxisState(NamedTuple):
    """All that the place of the next sounds depends on, beside the clock."""

    end_s: float
    begun: bool
    exact: bool
    base_s: float
    left_over_s: float
    late_s: float
    silent_s: float


class Axis:
    """Where the sound of one stream lies in time. What has been placed ends at ``end_s``.

    Time stamps are believed when they differ from the sound's own length by more than jitter, and the next sounds
    agree. Later ones mean silence; earlier ones, by up to a second, an overlap that is left out, as is what precedes
    the start. When they drift, single samples are left out or repeated. Other jumps, such as those of a damaged time
    stamp, are no time, nor is more than six hours in all: ``leaps`` counts them. ``gaps`` are the stretches without
    sound of 0.1 s and more, ``overlap_s`` is what was left out.

    Args:
        start_s: the place of the first sound, where that is not the recording's first.
        state: that of another axis, to go on there.
    """

    def __init__(self, clock: Clock, start_s: float = 0.0, state: AxisState | None = None) -> None:
        self.end_s = start_s
        self.gaps: list[Gap] = []
        self.overlap_s = 0.0
        self.leaps = 0
        self._clock = clock
        self._base_s = clock.origin_s
        self._begun = start_s > 0.0
        self._exact = True
        self._left_over_s = 0.0
        self._late_s = 0.0
        self._silent_s = 0.0
        if state is not None:
            self.end_s, self._begun, self._exact, self._base_s, *durations = state
            self._left_over_s, self._late_s, self._silent_s = durations

    @property
    def state(self) -> AxisState:
        """What the place of the next sound depends on."""
        durations = (self._base_s, self._left_over_s, self._late_s, self._silent_s)
        return AxisState(self.end_s, self._begun, self._exact, *durations)

    def placed(self, sounds: Iterable[Sound]) -> Iterator[Placed]:
        """The place of each sound."""
        ahead: deque[Sound] = deque()
        for sound in sounds:
            ahead.append(sound)
            if len(ahead) > _AHEAD:
                yield self._place(ahead)
                ahead.popleft()
        rests = self._rests(ahead)
        while ahead:
            yield self._place(ahead, rests.popleft())
            ahead.popleft()

    def _place(self, ahead: Sequence[Sound], rest_s: float = 0.0) -> Placed:
        sound = ahead[0]
        silence_s = cut_s = 0.0
        if rest_s >= sound.duration_s > 0.0:
            return Placed(sound, 0.0, 0.0, rest_s)
        if self._left_over_s:
            cut_s = min(self._left_over_s, sound.duration_s)
            self._left_over_s -= cut_s
        elif sound.start_s is not None and (self._clock.stamped or not self._begun):
            silence_s, cut_s = self._correction(ahead)
        self._begun = True
        self._exact = sound.piece is not None
        if silence_s >= SHORTEST_GAP_S:
            self.gaps.append(Gap(self.end_s, self.end_s + silence_s))
        self._silent_s += silence_s
        self.end_s += silence_s + sound.duration_s - cut_s - rest_s
        return Placed(sound, silence_s, cut_s, rest_s)

    def _correction(self, ahead: Sequence[Sound]) -> tuple[float, float]:
        """The silence before a sound, and what is cut off it."""
        sound = ahead[0]
        assert sound.start_s is not None
        late_s = self._late(ahead)
        step_s = abs(late_s - self._late_s)
        self._late_s = 0.0
        if abs(late_s) > SHORTEST_GAP_S or (step_s > _JUMP_S and abs(late_s) > _JUMP_S):
            return self._jump(sound, late_s)
        if sound.piece is None or not self._exact:
            return max(late_s, 0.0), max(-late_s, 0.0)
        self._late_s = late_s
        if abs(late_s) <= _JITTER_S:
            return 0.0, 0.0
        rate_hz = sound.piece.sample_rate_hz
        samples = max(1, round((abs(late_s) - _JITTER_S) * _DRIFT_PER_S * sound.duration_s * rate_hz))
        return 0.0, (-samples if late_s > 0 else samples) / rate_hz

    def _late(self, ahead: Sequence[Sound]) -> float:
        """How much later than expected the next sounds are, by the one that is the least early or late, in seconds.

        When they start earlier and earlier, their time stamps are no clock: then 0.
        """
        lates_s: list[float] = []
        expected_s = self._base_s + self.end_s
        for sound in islice(ahead, _AHEAD + 1):
            if sound.start_s is not None:
                lates_s.append(sound.start_s - expected_s)
                if abs(lates_s[-1]) <= _JITTER_S:
                    return lates_s[-1]
            expected_s += sound.duration_s
        slower = len(lates_s) > 1 and lates_s[0] - lates_s[-1] > _SLOWEST * (expected_s - self._base_s - self.end_s)
        return 0.0 if slower and lates_s[0] < 0.0 else min(lates_s, key=abs)

    def _jump(self, sound: Sound, late_s: float) -> tuple[float, float]:
        if -(_LONGEST_OVERLAP_S if self.end_s else _LONGEST_BEFORE_START_S) <= late_s < 0.0:
            return 0.0, self._overlap(sound, -late_s)
        if late_s > 0.0 and self._believes(late_s):
            return late_s, 0.0
        self._base_s += late_s
        self.leaps += 1
        return 0.0, 0.0

    def _overlap(self, sound: Sound, early_s: float) -> float:
        """What is cut off a sound that starts before the last one ended."""
        if self._clock.leaps:
            return 0.0
        self.overlap_s += early_s if self.end_s else 0.0
        cut_s = min(early_s, sound.duration_s)
        self._left_over_s = early_s - cut_s
        return cut_s

    def _believes(self, silence_s: float) -> bool:
        if self._silent_s + silence_s > _MOST_SILENCE_S:
            return False
        if silence_s <= _LONGEST_SURE_S:
            return True
        if self._clock.leaps:
            return False
        if self._clock.latest_s is None:
            return silence_s <= _LONGEST_UNBOUNDED_S
        return self.end_s + silence_s <= self._clock.latest_s + _SLACK_S

    def _rests(self, ahead: Sequence[Sound]) -> deque[float]:
        """What is cut off the end of each of the last sounds, since it is after the end that the container states."""
        rests: deque[float] = deque()
        last_s = sum(sound.duration_s for sound in ahead)
        over_s = 0.0
        if self._clock.end_s is not None:
            over_s = self.end_s + last_s - self._left_over_s - self._clock.end_s
        if over_s > last_s:
            over_s = 0.0
        for sound in reversed(ahead):
            rest_s = min(max(over_s, 0.0), sound.duration_s)
            rests.appendleft(rest_s)
            over_s -= rest_s
        return rests
