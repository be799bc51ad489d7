"""From a sentence to labels with weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from phonoscope.catalogue import LiveCatalogue
from phonoscope.paths import pulled_models
from phonoscope.text import SENTENCES, Label, Meaning, Meant, Phrases, ServedMeaning
from phonoscope.text.encoder import Array
from phonoscope_cli.pulling import published, pull
from tests.support import MODELS

LABELS = [
    *(
        Label("sounds", label, "general")
        for label in ("Dog", "Bark", "Rain", "Thunder", "Thunderstorm", "Drum and bass")
    ),
    *(Label("few", label, "general") for label in ("dog", "rain", "glass_breaking")),
    *(Label("tags", label, "music") for label in ("guitar", "no vocals", "vocals", "guitar (MTT)")),
]
CONCEPTS = {
    "dog": (1, 0, 0, 0, 0),
    "puppy": (0.9, 0.2, 0, 0, 0),
    "bark": (0.7, 0.7, 0, 0, 0),
    "barking": (0.7, 0.7, 0, 0, 0),
    "rain": (0, 0, 1, 0, 0),
    "thunder": (0, 0, 0.3, 1, 0),
    "thunderstorm": (0, 0, 0.6, 0.8, 0),
    "guitar": (0, 0, 0, 0, 1),
}


def embed(sentences: Sequence[str]) -> Array:
    """Sentences as the sums of what their words mean; words that mean nothing are near to nothing."""
    rows = [sum((np.array(CONCEPTS.get(word, (0,) * 5)) for word in one.split()), np.zeros(5)) for one in sentences]
    return np.array([row / max(float(np.linalg.norm(row)), 1e-9) for row in rows], dtype=np.float32)


@pytest.fixture
def meaning() -> Meaning:
    """Of the few words that ``CONCEPTS`` has."""
    return Meaning(LABELS, Phrases(embed))


def _heaviest(meant: Meant) -> str:
    return next(label for _, label in meant.weights).lower()


def test_labels_that_mean_the_same_have_the_weight(meaning: Meaning) -> None:
    """Those of one body sum to at most 1, the nearest has most, and what is far has none."""
    meant = meaning.of("a puppy")
    assert (meant.way, meant.missing, meant.things[0].words) == ("meaning", (), "puppy")
    assert {label for _, label in meant.weights} == {"Dog", "dog", "Bark"}
    assert sum(meant.weights.values()) == pytest.approx(1.0)
    assert meant.weights["sounds", "Dog"] == meant.weights["few", "dog"] > meant.weights["sounds", "Bark"]


def test_bodies_have_weights_of_their_own(meaning: Meaning) -> None:
    """Their windows are others, so that no window could have all of a sum over both."""
    meant = Meaning([*LABELS, Label("sounds", "Guitar", "general")], Phrases(embed)).of("guitar")
    assert meant.weights == {("sounds", "Guitar"): 1.0, ("tags", "guitar"): 0.5, ("tags", "guitar (MTT)"): 0.5}


def test_two_things_share_the_weight(meaning: Meaning) -> None:
    """Each has half, and both are named."""
    meant = meaning.of("dog barking in the rain")
    assert [thing.words for thing in meant.things] == ["dog barking", "rain"]
    assert meant.weights["sounds", "Rain"] + meant.weights["few", "rain"] == pytest.approx(0.5)
    assert sum(meant.weights.values()) == pytest.approx(1.0)


def test_what_should_not_be_heard_is_subtracted(meaning: Meaning) -> None:
    """A label counts for what it is nearer to: a thunderstorm is no rain without thunder."""
    meant = meaning.of("rain without thunder")
    assert meant.weights["sounds", "Rain"] > 0.0
    assert meant.weights["sounds", "Thunder"] < 0.0
    assert meant.weights.get(("sounds", "Thunderstorm"), 0.0) <= 0.0
    assert meant.wanted
    assert not meaning.of("no thunder").wanted


def test_a_window_scores_by_the_sum(meaning: Meaning) -> None:
    """From 0 to 1; what should not be heard takes all away; a model that is not there says nothing."""
    heard = {"sounds": np.zeros((4, 6), dtype=np.float32), "few": np.zeros((4, 3), dtype=np.float32)}
    heard["sounds"][:, 2] = heard["few"][:, 1] = (1.0, 1.0, 0.0, 0.5)
    heard["sounds"][:, 3] = (0.0, 1.0, 1.0, 0.0)
    scores = meaning.scores(meaning.of("rain without thunder"), heard)
    assert scores[[0, 2, 3]].tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert scores[1] < 0.2
    alone = meaning.scores(meaning.of("rain"), {"sounds": heard["sounds"]})
    assert alone.tolist() == pytest.approx([0.5, 0.5, 0.0, 0.25])


def test_searches_rank_what_has_all_before_one_loud_thing(meaning: Meaning) -> None:
    """By the geometric mean; one thing alone is found too, and what should not be heard is subtracted."""
    heard = {"sounds": np.zeros((4, 6), dtype=np.float32), "few": np.zeros((4, 3), dtype=np.float32)}
    both = meaning.of("dog barking in the rain")
    assert [thing.words for thing in both.together] == ["dog barking", "rain"]
    for label, column in meaning._columns:
        for thing, values in zip(both.together, ((0.3, 0.95, 0.0, 0.0), (0.3, 0.0, 0.2, 0.0)), strict=True):
            if label.key in thing.weights:
                heard[label.model][:, column] = values
    found = meaning.found(both, heard)
    assert found.argsort()[::-1].tolist() == [0, 1, 2, 3]
    assert found[3] == pytest.approx(0.0, abs=1e-6)
    assert meaning.scores(both, heard)[1] > meaning.scores(both, heard)[0]
    one = meaning.of("rain without thunder")
    assert one.together == ()
    np.testing.assert_allclose(meaning.found(one, heard), meaning.scores(one, heard), atol=1e-6)


def test_a_sentence_is_worked_out_once(meaning: Meaning, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page of a search asks for the same."""
    known = meaning.of("dog barking in the rain")
    monkeypatch.setattr(meaning, "_similar", None)
    assert meaning.of("dog barking in the rain") is known


def test_words_that_no_label_is_near_are_said(meaning: Meaning) -> None:
    """With the nearest labels, beside words that are known."""
    meant = meaning.of("quark and rain")
    assert meant.missing == ("quark",)
    assert _heaviest(meant) == "rain"
    nothing = meaning.of("quark")
    assert (nothing.weights, nothing.missing, nothing.wanted) == ({}, ("quark",), False)
    assert len(nothing.near) == 5


def test_one_known_word_saves_a_phrase(meaning: Meaning) -> None:
    """What no label is near to as a whole; the rest is said."""
    assert "yaps" not in CONCEPTS

    def vaguely(words: Sequence[str]) -> Array:
        return embed(words) * np.array([[0.3 if " " in one else 1.0] for one in words], dtype=np.float32)

    vague = Meaning(LABELS, Phrases(vaguely))
    meant = vague.of("puppy yaps")
    assert [thing.words for thing in meant.things] == ["puppy", "yaps"]
    assert (_heaviest(meant), meant.missing) == ("dog", ("yaps",))


def test_a_misspelt_word_is_known_by_its_spelling(meaning: Meaning) -> None:
    """Where it means nothing near."""
    assert _heaviest(meaning.of("tunderstorm")) == "thunderstorm"


def test_more_things_than_can_be_meant_are_said(meaning: Meaning) -> None:
    """A sentence of a thousand things is no work for minutes."""
    meant = meaning.of(", ".join(["rain", *(f"quark{index}" for index in range(999))]))
    assert len(meant.things) == 1000
    assert (_heaviest(meant), len(meant.missing)) == ("rain", 999)


def test_the_nearest_labels_of_several_things_are_in_order(meaning: Meaning) -> None:
    """Each once, as near as it is to the thing that it is nearest to."""
    near = meaning.of("bark, thunder, rain, puppy").near
    assert [one.similarity for one in near] == sorted((one.similarity for one in near), reverse=True)
    assert len({(one.model, one.label) for one in near}) == len(near) == 5
    assert [one.similarity for one in near if one.label in {"Rain", "rain"}] == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("text", ["", "the", "?!", "\u3000", "\U0001f415", "\x00"])
def test_a_sentence_without_words_has_no_weights(meaning: Meaning, text: str) -> None:
    """It is no error here."""
    assert meaning.of(text).weights == {}
    assert Meaning(LABELS).of(text).weights == {}


def test_without_labels_everything_is_missing() -> None:
    """A machine without models."""
    for empty in (Meaning([]), Meaning([], Phrases(embed))):
        meant = empty.of("dog in the rain, no thunder")
        assert (meant.weights, meant.near, len(meant.missing)) == ({}, (), 2)


def test_without_a_model_spelling_decides() -> None:
    """Plurals, capitals, underscores and slips; it is said; words that look alike are not the same."""
    spelled = Meaning(LABELS)
    assert spelled.of("DOGS").way == "spelling"
    slips = {"Dogs": "dog", "glass breaking": "glass_breaking", "guitars": "guitar", "Thundr": "thunder"}
    assert {text: _heaviest(spelled.of(text)) for text in slips} == slips
    train = Meaning([Label("sounds", "Rain", "general"), Label("sounds", "Train", "general")])
    assert list(train.of("rain").weights) == [("sounds", "Rain")]
    assert spelled.of("puppy").missing == ("puppy",)


def test_a_label_that_says_no_is_no_negation(meaning: Meaning) -> None:
    """Nor is one with "and" two things."""
    spelled = Meaning(LABELS).of("drum and bass, no vocals")
    assert spelled.weights["sounds", "Drum and bass"] == pytest.approx(0.5)
    assert spelled.weights["tags", "no vocals"] > 0.0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> ServedMeaning:
    """The published model over the labels of AudioSet and of ESC-50."""
    names = (published.MINILM.file.name, published.MINILM.members[0].pinned.name)
    mirrored = any((MODELS / name).is_file() for name in names)
    if not mirrored and not (pulled_models() / SENTENCES).is_dir():
        pytest.skip(f"no minilm in {MODELS} nor in {pulled_models()}: run `phonoscope models pull minilm`")
    folder = tmp_path_factory.mktemp("models")
    if mirrored:
        pull(SENTENCES, folder, mirror=MODELS)
    else:
        (folder / SENTENCES).symlink_to(pulled_models() / SENTENCES)
    return ServedMeaning(LiveCatalogue(folder, Path(__file__).parents[3] / "models"))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a puppy", "dog"),
        ("infant weeping", "crying_baby"),
        ("someone types on a laptop", "keyboard_typing"),
        ("heavy rain on a roof", "rain"),
        ("chain saws", "chainsaw"),
        ("a woman laughs", "laughing"),
        ("ocean", "sea_waves"),
        ("tunderstorm", "thunderstorm"),
    ],
)
def test_the_published_model_knows_synonyms(real: ServedMeaning, text: str, label: str) -> None:
    """And phrases like a person types."""
    meant = real.current.of(text)
    assert (meant.way, _heaviest(meant), meant.missing) == ("meaning", label, ())


def test_the_published_model_knows_what_is_no_sound(real: ServedMeaning) -> None:
    """It says so in place of the nearest label."""
    assert real.current.of("quantum chromodynamics").missing == ("quantum chromodynamics",)
