"""Notes, while a recording is decoded, from which of its packets it can be decoded again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from phonoscope.audio.axis import Placed, Sound
from phonoscope.audio.entries import SETTLED_AFTER_S, Passage, Way, checksum, cluster_before, way_into
from phonoscope.audio.framing import Place
from phonoscope.audio.points import MOST_POINTS, START, Found, SeekPoint, SeekPoints
from phonoscope.audio.samples import Joined, silence

if TYPE_CHECKING:
    from phonoscope.audio.part import Packet, Part
    from phonoscope.audio.speakers import Speakers
    from phonoscope.audio.tags import Span

_APART_S = 10.0


class Trail:
    """The points of a recording: where each of its parts begins, and one every ten seconds."""

    def __init__(self) -> None:
        self._points: list[SeekPoint] = []
        self._given = self._first_rate_hz = 0
        self._begun, self._before = Place(0, 0, 0, 0), 0
        """Where the form began, and how many samples were given before it."""
        self._form: tuple[int, str, Speakers] | None = None
        self._leads_on = True

    def table(self) -> SeekPoints | None:
        """Those of all that was decoded; ``None`` where no way leads into a part, or a table would be too long."""
        return SeekPoints(self._given, self._points) if self._points and self._leads_on else None

    def pieces(self, part: Part, span: Span) -> Iterator[Joined]:
        """The samples of a part, and the silence between them.

        Args:
            span: where the part lies in the file.
        """
        steps = _Steps(part)
        before = part.axis.state
        for placed in part.axis.placed(part.sounds()):
            self._turn(placed.sound)
            step = steps.take(placed.sound) if self._leads_on else None
            if step is not None:
                self._points.append(SeekPoint(self._given, self._place(), *step, span, part.clock, before))
                self._leads_on = len(self._points) <= MOST_POINTS
            self._leads_on = self._leads_on and steps.way is not None
            for piece in _samples(placed):
                self._given += piece.channels.shape[1]
                yield piece
            before = part.axis.state

    def _turn(self, sound: Sound) -> None:
        """Counts anew where the rate, the speakers or the type change."""
        assert sound.piece is not None
        channels, speakers, rate_hz = sound.piece
        form = (rate_hz, channels.dtype.str, speakers)
        if form != self._form:
            place, self._form, self._before = self._place(), form, self._given
            self._first_rate_hz = self._first_rate_hz or rate_hz
            self._begun = Place(place.position, rate_hz, place.in_run if rate_hz == place.rate_hz else 0, 0)

    def _place(self) -> Place:
        """Of the next sample."""
        passed = self._given - self._before
        return self._begun.after(passed, self._first_rate_hz) if passed else self._begun


class _Steps:
    """Which sounds of a part are points, and how the packets are found that they come from.

    Attributes:
        way: ``None`` where no way leads into the part.
    """

    def __init__(self, part: Part) -> None:
        self.way = way_into(part.container, part.codec)
        self._part = part
        self._heard_s = self._noted_s = 0.0
        self._noted = 0
        self._passed: deque[Passage] = deque()
        """What was read up to a second before."""
        self._head_bytes = 0

    def take(self, sound: Sound) -> tuple[int, bool, Found] | None:
        """The next sound's channels, whether decoding must begin anew there, and how its packet is found.

        ``None`` where it is no point.
        """
        at_s, self._heard_s = self._heard_s, self._heard_s + sound.duration_s
        begins_packet = self._pass(sound.packet, at_s)
        first = not self._noted
        # From the start the library leaves out what the container says; from within it may not.
        apart = first or (sound.after_cut and self._noted > 1)
        if not (first or (begins_packet and (apart or at_s >= self._noted_s + _APART_S))):
            return None
        found = START if first or sound.packet is None else self._found(sound.packet)
        if found is None:
            self.way = None
            return None
        self._noted, self._noted_s = self._noted + 1, at_s
        assert sound.piece is not None
        return len(sound.piece.channels), apart, found

    def _pass(self, packet: Packet | None, at_s: float) -> bool:
        """Whether the packet is the first one at its byte."""
        if packet is None or packet.pos is None or (self._passed and packet.pos <= self._passed[-1].position):
            return False
        if self.way is Way.VOID and not self._passed:
            self._head_bytes = cluster_before(self._part.file, packet.pos) or 0
        self._passed.append(Passage(at_s, packet.pos, packet.pts))
        while len(self._passed) > 1 and self._passed[1].at_s <= at_s - SETTLED_AFTER_S:
            self._passed.popleft()
        return True

    def _found(self, packet: Packet) -> Found | None:
        assert packet.pos is not None
        passed = self._passed[0]
        entry = passed.time if self.way is Way.TIME else passed.position
        if self.way is Way.VOID:
            entry = cluster_before(self._part.file, passed.position)
        return None if entry is None else Found(entry, self._head_bytes, packet.pos, packet.size, checksum(packet))


def _samples(placed: Placed) -> Iterator[Joined]:
    """A sound's samples at its place, as pieces."""
    piece = placed.sound.piece
    assert piece is not None
    rate_hz = piece.sample_rate_hz
    yield from silence(round(placed.silence_s * rate_hz), piece)
    if placed.cut_s < 0.0:
        again = piece.channels[:, : round(-placed.cut_s * rate_hz)]
        yield piece._replace(channels=again)
    first, last = max(0, round(placed.cut_s * rate_hz)), round(placed.rest_s * rate_hz)
    kept = piece.channels[:, first : piece.channels.shape[1] - last]
    if kept.shape[1]:
        yield piece._replace(channels=kept)
