"""What every source of decoded blocks can do: mono or stereo samples at one rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from phonoscope.audio.axis import Gap
from phonoscope.audio.downmix import MonoDownmix
from phonoscope.audio.samples import Block, Resampler, Samples, stereo
from phonoscope.errors import UndecodableRecording


class BlockSource(ABC):
    """A recording that gives decoded blocks, once. ``container`` and ``codec`` are its format.

    Blocks follow on one another without a gap: where the file's time stamps leave one there is silence. After the last
    block, ``gaps`` are these stretches of 0.1 s and more, and ``warnings`` says what was lost.
    """

    container: str
    codec: str
    warnings: list[str]
    gaps: list[Gap]

    @property
    @abstractmethod
    def decoded_s(self) -> float:
        """The duration of the samples given so far, gaps included, in seconds."""

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Decoded frames joined to blocks of about a second; a change of rate, type or layout ends a block.

        Raises:
            EncryptedRecording: a packet is encrypted.
        """

    def mono(self, sample_rate_hz: int) -> Iterator[Samples]:
        """One channel, mixed down by ``MonoDownmix`` and resampled; float32 blocks of about a second, within [-32, 32].

        The mean of left and right. Where channels would cancel each other they are not summed, which ``warnings`` says
        after the pass.

        Shape:
            - blocks: ``(samples,)``

        Raises:
            EncryptedRecording: a packet is encrypted.
            UndecodableRecording: no sample could be decoded, or the sampling rate is above 1 MHz.
        """
        downmix = MonoDownmix()
        resampled = self._resampled(Resampler(sample_rate_hz, "mono"), self._mixed_down(downmix))
        yield from (samples[0] for samples in resampled)
        self.warnings += downmix.warnings

    def stereo(self, sample_rate_hz: int) -> Iterator[Samples]:
        """Left and right, resampled, as by ``phonoscope.audio.samples.stereo``. Raises as ``mono`` does.

        Shape:
            - blocks: ``(2, samples)``
        """
        mixed = ((stereo(block), block.sample_rate_hz) for block in self.blocks())
        return self._resampled(Resampler(sample_rate_hz, "stereo"), mixed)

    def _mixed_down(self, downmix: MonoDownmix) -> Iterator[tuple[Samples, int]]:
        for block in self.blocks():
            yield from ((samples[None], rate_hz) for samples, rate_hz in downmix(block))
        yield from ((samples[None], rate_hz) for samples, rate_hz in downmix.flush())

    def _resampled(self, resample: Resampler, mixed: Iterator[tuple[Samples, int]]) -> Iterator[Samples]:
        for samples, rate_hz in mixed:
            yield from resample(samples, rate_hz)
        yield from resample.flush()
        if not self.decoded_s:
            raise UndecodableRecording(
                f"no sample of the {self.codec} audio in the {self.container} file can be decoded"
            )
