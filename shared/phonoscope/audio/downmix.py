"""Mixes recordings to mono so that channels which invert one another do not cancel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.samples import LOUDEST, Block, Samples, mono
from phonoscope.audio.speakers import Speakers, mono_shares

Weights = NDArray[np.float64]

_HOP_S = 0.5
_HOP_VALUES = 1 << 18
_SHORT, _LONG = 5, 40
"""Hops in a short window (2.5 s) and in a long one (20 s)."""
_LEAST_IN_HOP, _LEAST_IN_SHORT, _LEAST_IN_LONG = 0.1, 0.35, 0.75
"""Real mixes keep more: 96 songs 0.36, 0.6 and 0.84; with a channel inverted 93 in 100 keep less than 0.75."""
_CONTEXT = _LONG + _SHORT
"""Hops before and after one that what it is mixed to depends on."""
_KEPT = 0.5
_BETTER = 0.5
_CORRELATED = 0.3
_RAMP_S = 0.05
_LEAST_SHARE = 0.03
"""What a channel without a share in the mix counts when its energy is compared: 30 dB less."""
_SILENT_POWER = 1e-12


class MonoDownmix:
    """Mixes blocks down to the mean of left and right; where channels would cancel each other, to what does not.

    The energy of the mix is compared with that of the channels, as they are and by their first differences, in which
    treble counts as much as bass. Channels cancel where the mix keeps less than 0.1 of either in half a second, less
    than 0.35 in 2.5 s, or less than 0.75 of both in 20 s. There channels are inverted so that they add up; where that
    is no better, the strongest channel alone is taken. Weights change over 50 ms. Elsewhere the mix is the plain mean
    to the bit. What comes out depends on the samples alone, not on how they are cut into blocks; 20 s of them are held.

    Attributes:
        cancelled_s: the duration of all that is not mixed plainly, in seconds; ``first_s`` is where it starts.
    """

    def __init__(self) -> None:
        self.cancelled_s = self.first_s = 0.0
        self._form: tuple[int, Speakers, str] | None = None
        self._hops: _Hops | None = None
        self._mixed_s = 0.0

    def __call__(self, block: Block) -> Iterator[tuple[Samples, int]]:
        """The mixed samples that are ready, ``(samples,)``, each with their sampling rate."""
        form = (block.sample_rate_hz, block.speakers, block.channels.dtype.str)
        if form != self._form:
            yield from self.flush()
            self._form, self._hops = form, _Hops(block.sample_rate_hz, block.speakers)
        if len(block.channels) == 1:
            yield self._counted(_Mixed(mono(block.channels), cancelled=False), block.sample_rate_hz), form[0]
            return
        assert self._hops is not None
        parts = [self._counted(hop, block.sample_rate_hz) for hop in self._hops.add(block.channels)]
        if parts:
            yield np.concatenate(parts), block.sample_rate_hz

    def flush(self) -> Iterator[tuple[Samples, int]]:
        """The rest of the mixed samples."""
        if self._form is not None and self._hops is not None:
            for hop in self._hops.flush():
                yield self._counted(hop, self._form[0]), self._form[0]
        self._form = self._hops = None

    @property
    def warnings(self) -> list[str]:
        """What is not mixed plainly."""
        if not self.cancelled_s:
            return []
        where = f"from {self.first_s:.2f} s on, for {self.cancelled_s:.2f} s in all"
        return [f"channels cancel each other in mono {where}: there they are inverted, or one is taken alone"]

    def _counted(self, hop: _Mixed, sample_rate_hz: int) -> Samples:
        if hop.cancelled:
            self.first_s = self.first_s if self.cancelled_s else self._mixed_s
            self.cancelled_s += len(hop.samples) / sample_rate_hz
        self._mixed_s += len(hop.samples) / sample_rate_hz
        return hop.samples


def hop_samples(sample_rate_hz: int, channels: int) -> int:
    """How many samples are mixed with the same weights; hops are counted from where rate and speakers begin."""
    return max(1, min(int(_HOP_S * sample_rate_hz), _HOP_VALUES // channels))


def context_samples(sample_rate_hz: int, channels: int) -> int:
    """How many samples before one, at most, what it is mixed to depends on; none of a single channel."""
    return 0 if channels == 1 else (_CONTEXT + 1) * hop_samples(sample_rate_hz, channels)


class _Mixed(NamedTuple):
    samples: Samples
    cancelled: bool


@dataclass
class _Hop:
    """Half a second of channels.

    Shape:
        - channels: ``(channels, samples)``, of the decoder's type
        - products: ``(2, channels, channels)``: sums of products of channels, plain and of first differences
    """

    channels: NDArray[Any]
    products: Weights
    cancels: bool = False


class _Hops:
    """Mixes channels of one form, a long window late."""

    def __init__(self, sample_rate_hz: int, speakers: Speakers) -> None:
        self._size = hop_samples(sample_rate_hz, len(speakers))
        self._ramp = int(_RAMP_S * sample_rate_hz)
        self._plain = mono_shares(speakers)
        self._even = bool((self._plain == 1.0 / len(speakers)).all())
        self._weights = self._plain
        self._begun = False
        self._rest: list[NDArray[Any]] = []
        self._before: deque[_Hop] = deque(maxlen=_SHORT - 1)
        self._waiting: deque[_Hop] = deque()

    def add(self, channels: NDArray[Any]) -> Iterator[_Mixed]:
        self._rest.append(channels)
        if sum(part.shape[1] for part in self._rest) < self._size:
            return
        held = np.concatenate(self._rest, axis=1)
        whole = held.shape[1] // self._size * self._size
        self._rest = [held[:, whole:]]
        for start in range(0, whole, self._size):
            self._append(held[:, start : start + self._size])
            if len(self._waiting) == _LONG:
                self._judge(_LONG)
                yield self._next()

    def flush(self) -> Iterator[_Mixed]:
        held = np.concatenate(self._rest, axis=1) if self._rest else np.zeros((0, 0))
        self._rest = []
        if held.size:
            self._append(held)
        if not self._begun or len(self._waiting) == _LONG:
            self._judge(_LONG)
        while self._waiting:
            yield self._next()

    def _append(self, channels: NDArray[Any]) -> None:
        self._waiting.append(_Hop(channels, _products(channels)))
        self._judge(1)
        if len(self._waiting) >= _SHORT:
            self._judge(_SHORT)

    def _judge(self, count: int) -> None:
        """Marks the last hops when they lose energy together in the plain mix."""
        window = list(self._waiting)[-count:]
        kept = self._kept(self._plain, sum(hop.products for hop in window)) if window else np.ones(2)
        least = {1: _LEAST_IN_HOP, _SHORT: _LEAST_IN_SHORT, _LONG: _LEAST_IN_LONG}[count]
        lost = (kept.mean() if count == _LONG else kept.min()) < least
        for hop in window if lost else []:
            hop.cancels = True

    def _next(self) -> _Mixed:
        hop = self._waiting.popleft()
        weights = self._chosen(hop) if hop.cancels else self._plain
        before = self._weights if self._begun else weights
        self._weights, self._begun = weights, True
        self._before.append(hop)
        samples = self._mixed(hop.channels, weights)
        if not np.array_equal(before, weights):
            head = hop.channels[:, : self._ramp]
            rest = np.linspace(1.0, 0.0, head.shape[1], endpoint=False)
            samples[: self._ramp] += (rest * (self._mixed(head, before) - samples[: self._ramp])).astype(np.float32)
        return _Mixed(samples, weights is not self._plain)

    def _mixed(self, channels: NDArray[Any], weights: Weights) -> Samples:
        if weights is self._plain and self._even:
            return mono(channels)
        samples = Block(channels, (), 0).samples
        mixed: Samples = (weights @ samples.astype(np.float64)).clip(-LOUDEST, LOUDEST).astype(np.float32)
        return mixed

    def _chosen(self, hop: _Hop) -> Weights:
        """The weights that lose the least around this hop; the plain ones where they are better in the hop itself."""
        around = (*self._before, hop, *islice(self._waiting, _SHORT - 1))
        near = sum(
            other.products for other in around if other.cancels and self._kept(self._plain, other.products).min() < 1.0
        )
        if not np.any(near):
            return self._plain
        weights = self._plain * _signs(near, self._plain)
        if self._kept(weights, near).min() < _KEPT:
            weights = np.zeros_like(self._plain)
            weights[_relative(near).diagonal().argmax()] = 1.0
        plain, other = (self._kept(each, hop.products).min() for each in (self._plain, weights))
        return self._plain if plain > other + _BETTER or np.array_equal(weights, self._plain) else weights

    def _kept(self, weights: Weights, products: Any) -> Weights:
        """The energy of a mix as a share of what channels without correlation would give. Shape: ``(2,)``."""
        counted = np.maximum(np.abs(self._plain), _LEAST_SHARE) ** 2
        apart = products.diagonal(axis1=1, axis2=2) @ counted
        mixed = np.einsum("c,kcd,d->k", weights, products, weights)
        kept: Weights = np.where(apart > _SILENT_POWER, mixed / np.maximum(apart, _SILENT_POWER), 1.0)
        return kept


def _products(channels: NDArray[Any]) -> Weights:
    samples = Block(channels, (), 0).samples
    centred = samples - samples.mean(axis=1, keepdims=True)
    steps = np.diff(samples, axis=1)
    return np.stack([centred @ centred.T, steps @ steps.T]).astype(np.float64)


def _relative(products: Any) -> Weights:
    """Both kinds of products as shares of their energy, added."""
    energy = np.trace(products, axis1=1, axis2=2)[:, None, None]
    found: Weights = (products / np.maximum(energy, _SILENT_POWER)).sum(axis=0)
    return found


def _signs(products: Any, shares: Weights) -> Weights:
    """Which channels to invert so that they add up, the strongest first; the first channel stays as it is."""
    counted = _relative(products) * np.outer(shares, shares)
    signs = np.zeros(len(shares))
    for channel in (-counted.diagonal()).argsort(kind="stable"):
        with_sum = counted[channel] @ signs
        scale = np.sqrt(counted[channel, channel] * max(signs @ counted @ signs, 0.0))
        signs[channel] = -1.0 if with_sum < -_CORRELATED * scale else 1.0
    found: Weights = signs * signs[0]
    return found
