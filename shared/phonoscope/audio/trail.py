"""Notes, while a recording is decoded, from which of its packets it can be decoded again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from phonoscope.audio.axis import AxisState, Sound
from phonoscope.audio.entries import SETTLED_AFTER_S, VOID_BYTES, Passage, Way, checksum, cluster_before, way_into
from phonoscope.audio.framing import Place
from phonoscope.audio.points import MOST_POINTS, START, Found, SeekPoint, SeekPoints
from phonoscope.audio.samples import Joined

if TYPE_CHECKING:
    from phonoscope.audio.part import Packet, Part
    from phonoscope.audio.speakers import Speakers
    from phonoscope.audio.tags import Span

_APART_S = 10.0


class _Run(NamedTuple):
    """Sounds of one rate, type and speakers.

    Args:
        begun: where the first one lies.
        given: how many samples were given before it.
    """

    form: tuple[int, str, Speakers] | None
    begun: Place
    given: int


class _Step(NamedTuple):
    """A sound that is a point.

    Args:
        apart: whether decoding must begin anew there.
        before: the axis before it is placed.
    """

    apart: bool
    found: Found
    before: AxisState


class Trail:
    """The points of a recording: where each of its parts begins, and one every ten seconds."""

    def __init__(self) -> None:
        self._points: list[SeekPoint] = []
        self._given = self._first_rate_hz = 0
        self._run = _Run(None, Place(0, 0, 0, 0), 0)
        self._leads_on = True

    def table(self) -> SeekPoints | None:
        """Those of all that was decoded; ``None`` where no way leads into a part, or a table would be too long."""
        return SeekPoints(self._given, self._points) if self._points and self._leads_on else None

    def pieces(self, part: Part, span: Span) -> Iterator[Joined]:
        """The samples of a part, and the silence between them.

        Args:
            span: where the part lies in the file.
        """
        steps, after = _Steps(part), part.axis.state
        waits: _Step | None = None
        """That of a sound of which nothing is heard: it is a point for the next one that is heard."""
        for placed in part.axis.placed(part.sounds()):
            before, after = after, part.axis.state
            step = steps.take(placed.sound, before) if self._leads_on else None
            waits = step if waits is None or (step is not None and step.apart) else waits
            self._leads_on = self._leads_on and steps.way is not None
            pieces = placed.pieces()
            first = next(pieces, None)
            if first is None:
                continue
            self._turn(first)
            if waits is not None:
                self._note(waits, len(first.channels), part, span)
                waits = None
            for piece in chain([first], pieces):
                self._given += piece.channels.shape[1]
                yield piece

    def _note(self, step: _Step, channels: int, part: Part, span: Span) -> None:
        place, (apart, found, before) = self._place(), step
        self._points.append(SeekPoint(self._given, place, channels, apart, found, span, part.clock, before))
        self._leads_on = self._leads_on and len(self._points) <= MOST_POINTS

    def _turn(self, piece: Joined) -> None:
        """Counts anew where the rate, the speakers or the type change."""
        channels, speakers, rate_hz = piece
        form = (rate_hz, channels.dtype.str, speakers)
        if form != self._run.form:
            self._first_rate_hz = self._first_rate_hz or rate_hz
            place = self._place()
            in_run = place.in_run if rate_hz == place.rate_hz else 0
            self._run = _Run(form, Place(place.position, rate_hz, in_run, 0), self._given)

    def _place(self) -> Place:
        """Of the next sample."""
        passed = self._given - self._run.given
        return self._run.begun.after(passed, self._first_rate_hz) if passed else self._run.begun


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

    def take(self, sound: Sound, before: AxisState) -> _Step | None:
        """The next sound as a point; ``None`` where it is none."""
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
        return _Step(apart, found, before)

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
        if entry is None or 0 < entry - self._head_bytes < VOID_BYTES:
            return None
        return Found(entry, self._head_bytes, packet.pos, packet.size, checksum(packet))
