"""How long CLAP's towers take, and how much memory: on random weights of the true configuration.

Speed and memory do not depend on what the weights are. Processor time is given beside the clock's, since other programs
may run on the machine.
"""

from __future__ import annotations

import argparse
import gc
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch
from safetensors.torch import save_file
from transformers import ClapConfig, ClapModel
from transformers.initialization import no_init_weights

from phonoscope.text.clap import ClapText
from phonoscope.text.encoder import Encoder
from phonoscope.text.mapped import map_tensors
from phonoscope.text.tokens import Batch, Tokens
from phonoscope_ml.bodies import Body
from phonoscope_ml.device import choose_device
from phonoscope_ml.frontends import ClapSettings, build_front_end
from phonoscope_ml.networks import build_network

AUDIO = {"depths": [2, 2, 12, 2], "hidden_size": 1024, "patch_embeds_hidden_size": 128}


class Given(Tokens):
    """A sentence of so many tokens."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, sentences: Sequence[str], padding: int = 0) -> Batch:
        ids = np.random.default_rng(padding).integers(4, 50_000, (len(sentences), self._length))
        return Batch(ids, np.ones_like(ids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    device = choose_device(asked.device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.safetensors"
        before = rss_mb()
        body = random_body(device, path)
        gc.collect()
        print(f"audio tower in memory: {rss_mb() - before:.0f} MB; {torch.get_num_threads()} threads; {device.type}")
        sounds = torch.from_numpy(np.random.default_rng(0).normal(0.0, 0.1, (8, 480_000)).astype(np.float32)).to(device)
        for windows in (1, 8):
            part = sounds[:windows]
            show(f"audio, {windows} windows of 10 s", asked.repeats, windows, lambda part=part: hear(body, part))  # type: ignore[misc]
        before = rss_mb()
        tensors = map_tensors(path, "text_model.")
        encoder = Encoder(tensors, heads=12, first_position=2)
        for length in (8, 20, 77):
            tower = ClapText(Given(length), encoder, map_tensors(path, "text_projection."), 1.0)
            show(f"text, a sentence of {length} tokens", asked.repeats, 1, lambda tower=tower: tower(["a"]))  # type: ignore[misc]
        print(f"text tower in memory, shared by processes: {rss_mb() - before:.0f} MB")
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def random_body(device: torch.device, text: Path) -> Body:
    """The audio tower with random weights; the text tower's go to a file."""
    with no_init_weights():
        model = ClapModel(ClapConfig(text_config={}, audio_config=AUDIO)).eval()
    for value in model.parameters():
        value.detach().uniform_(-0.03, 0.03)
    kept = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    save_file({name: value.contiguous() for name, value in kept.items() if name.startswith("text_")}, text)
    network = build_network("clap", AUDIO).eval().requires_grad_(requires_grad=False)
    network.load_state_dict({name: value for name, value in kept.items() if name.startswith("audio_")})
    return Body("clap", "random", build_front_end(ClapSettings()).on(device), network.to(device), device)


@torch.inference_mode()
def hear(body: Body, samples: torch.Tensor) -> None:
    body.network(body.spectrograms(samples)).embedding.cpu()


def show(what: str, repeats: int, count: int, run: Callable[[], object]) -> None:
    """Prints the median of the clock's time and of the processor's, for each of so many."""
    run()
    clocks, processors = [], []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        run()
        clocks.append(time.perf_counter() - clock)
        processors.append(time.process_time() - processor)
    clock, processor = float(np.median(clocks)) / count, float(np.median(processors)) / count
    print(f"{what}: {1e3 * clock:.0f} ms each, {1e3 * processor:.0f} ms of a processor")


def rss_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


if __name__ == "__main__":
    main()
