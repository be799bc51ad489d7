"""What every source of decoded blocks can do: mono or stereo samples at one rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from phonoscope.audio.axis import Gap
from phonoscope.audio.samples import Block, Resampler, Samples, mono, stereo
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
        """The mean of the channels, resampled; float32 blocks of about a second, finite, within [-32, 32].

        Shape:
            - blocks: ``(samples,)``

        Raises:
            EncryptedRecording: a packet is encrypted.
            UndecodableRecording: no sample could be decoded, or the sampling rate is above 1 MHz.
        """
        resampled = self._resampled(Resampler(sample_rate_hz, "mono"), lambda block: mono(block.channels)[None])
        return (samples[0] for samples in resampled)

    def stereo(self, sample_rate_hz: int) -> Iterator[Samples]:
        """Left and right, resampled, as by ``phonoscope.audio.samples.stereo``. Raises as ``mono`` does.

        Shape:
            - blocks: ``(2, samples)``
        """
        return self._resampled(Resampler(sample_rate_hz, "stereo"), stereo)

    def _resampled(self, resample: Resampler, fold: Callable[[Block], Samples]) -> Iterator[Samples]:
        for block in self.blocks():
            yield from resample(fold(block), block.sample_rate_hz)
        yield from resample.flush()
        if not self.decoded_s:
            raise UndecodableRecording(
                f"no sample of the {self.codec} audio in the {self.container} file can be decoded"
            )
