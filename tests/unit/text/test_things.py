"""What a sentence asks for, before any label is looked at."""

from __future__ import annotations

import pytest

from phonoscope.text.things import divides, parts_of


def _said(text: str, *phrases: str) -> list[tuple[str, bool]]:
    return [(part.words, part.wanted) for part in parts_of(text, phrases)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rain without thunder", [("rain", True), ("thunder", False)]),
        ("Rain, no thunder, dogs", [("rain", True), ("thunder", False), ("dogs", True)]),
        ("rain without thunder or wind", [("rain", True), ("thunder", False), ("wind", False)]),
        ("rain without thunder but with wind", [("rain", True), ("thunder", False), ("wind", True)]),
        ("a dog that doesn't bark", [("dog", True), ("bark", False)]),
        ("a dog that doesn\u2019t bark", [("dog", True), ("bark", False)]),
        ("cat -dog bird", [("cat", True), ("dog", False), ("bird", True)]),
        ("neither speech nor music", [("speech", False), ("music", False)]),
        ("no speech", [("speech", False)]),
        ("a half-open door", [("half-open door", True)]),
    ],
)
def test_what_should_not_be_heard_is_told_apart(text: str, expected: list[tuple[str, bool]]) -> None:
    """From the word that says so to the next one that ends it."""
    assert _said(text) == expected


@pytest.mark.parametrize("joint", ["and", "&", "+", "/", ",", "while", "with", "and then", "or", ";"])
def test_several_things_are_told_apart(joint: str) -> None:
    """Whatever is between them."""
    assert _said(f"a dog {joint} the rain") == [("dog", True), ("rain", True)]


@pytest.mark.parametrize(
    "text",
    [
        "the sound of rain",
        "I want to hear some rain",
        "RAIN",
        "  rain\n\t",
        "rain in the background",
        "rain!",
        "\uff52ain",
    ],
)
def test_words_that_say_nothing_are_left_out(text: str) -> None:
    """In any spelling of the rest."""
    assert _said(text) == [("rain", True)]


@pytest.mark.parametrize("text", ["", "   ", "the", "and", "without", ",,;", "in the background", "-", "\u3000"])
def test_a_sentence_without_a_word_asks_for_nothing(text: str) -> None:
    """It is no error."""
    assert _said(text) == []


def test_a_label_is_never_divided() -> None:
    """One that has a joint or says no, but not within another word."""
    phrases = ("drum and bass", "no vocals")
    assert _said("Drum and bass, no vocals", *phrases) == [("drum and bass", True), ("no vocals", True)]
    assert _said("snare drum and bassoon", *phrases) == [("snare drum", True), ("bassoon", True)]
    assert divides("rock and roll")
    assert divides("no vocals")
    assert not divides("cock-a-doodle-doo")


def test_a_part_may_have_pieces() -> None:
    """Whether they are things of their own depends on labels."""
    (part,) = parts_of("a dog barking in the rain near a waterfall")
    assert part.pieces == ("dog barking", "rain", "waterfall")
    assert part.words == "dog barking in the rain near a waterfall"
