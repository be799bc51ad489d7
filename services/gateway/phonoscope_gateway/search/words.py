"""Searches by words: what they mean as labels, or as a vector in a space that sounds and words share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias
from unicodedata import normalize

from sqlalchemy.orm import Session

from phonoscope.contract import NearLabel, SearchRequest, UnderstoodQuery, WeightedLabel
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.reviewed import SaidLabel
from phonoscope.db.search.said import said_labels
from phonoscope.db.search.stored import KnownLabel, covered_by_windows, labels_named
from phonoscope.errors import BodyAbsent, InvalidRequest, ModelError
from phonoscope.tasks.spec import ModelRef
from phonoscope.text import Key, Meant
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of
from phonoscope_gateway.state import State

_BY_SPELLING = "words are compared with labels by their spelling: run `phonoscope models pull minilm`"
_NOTHING_WANTED = "nothing that should be heard is near to a label"
_Thing: TypeAlias = tuple[str, dict[Key, float]]
"""Its words, and the weights of its labels."""


def by_text(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    """A search by words: by CLAP where it is there and all that is embedded has windows in its space, else by labels.

    By labels where these are filtered too, which no window of CLAP's has.
    Words that are a label that the owner confirmed or rejected somewhere are that label.
    By labels, where none is near to the words nothing is found, and the answer says which are nearest.

    Raises:
        InvalidRequest: CLAP is asked for and is not there; the error names the command that fetches it.
        WeightsMismatch, UnreadableWeights: CLAP is asked for, and its text tower cannot be used.
    """
    assert request.text is not None
    if request.way == "clap":
        return _by_clap(state, owner_id, request, filters)
    free = request.way is None and not request.filters.labels
    by_sentence = free and not said_labels(session, owner_id, _spellings(request.text))
    if by_sentence and _all_in_sentences_space(session, state, owner_id, filters.stem):
        with suppress(ModelError, InvalidRequest):
            return _by_clap(state, owner_id, request, filters)
    return _by_labels(session, state, owner_id, request, filters)


def _by_clap(state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    assert request.text is not None
    try:
        space, vector = state.text_tower.vector(request.text)
    except BodyAbsent as error:
        raise InvalidRequest.field("way", error.detail) from error
    understood = UnderstoodQuery(by="text", way="clap", space=ModelRef(name=space.model, digest=space.digest))
    return Query(owner_id, request.unit, filters, understood, space, (vector,), windows=True)


def _all_in_sentences_space(session: Session, state: State, owner_id: str, stem: str) -> bool:
    space = state.text_tower.space
    space_id = None if space is None else space_id_of(session, space)
    if space_id is None:
        return False
    key = owner_id, space, stem, True
    found = state.coverages.of(key, lambda: covered_by_windows(session, owner_id, space_id, stem))
    return 0 < found.tracks == found.embedded


def _by_labels(session: Session, state: State, owner_id: str, request: SearchRequest, filters: Filters) -> Query:
    assert request.text is not None
    meant = state.words.current.of(request.text)
    known = labels_named(session, {label for _, label in meant.weights})
    own = _own(session, owner_id, request.text, meant, {label.label for label in known})
    weights = meant.weights if _is_wanted(meant, own) else {}
    things = _things(request.text, meant, own)
    ids = {label.id: weights[label.key] for label in known if label.key in weights}
    ids |= {id_: own[label.label] for id_, label in _without_models(own).items()}
    known = [label for label in (*known, *_without_models(own).values()) if label.id in ids]
    wanted = {label.id: label for label in known if ids[label.id] > 0.0}
    return Query(
        owner_id,
        request.unit,
        filters,
        _understood(meant, own, things),
        weights=ids,
        wanted=wanted,
        words={id_: _words_for(label, request.text, meant) for id_, label in wanted.items()},
        said=_said(session, owner_id, known),
        things=[{label.id: weights[label.key] for label in known if label.key in weights} for _, weights in things],
    )


def _is_wanted(meant: Meant, own: Mapping[str, float]) -> bool:
    return meant.wanted or any(weight > 0.0 for weight in own.values())


def _things(text: str, meant: Meant, own: Mapping[str, float]) -> list[_Thing]:
    """What should be heard together; nothing where fewer than two things are known, or all words are one label."""
    if _spellings(text) & own.keys():
        return []
    found = [(thing.words, dict(thing.weights) | _spelled(thing.words, own)) for thing in meant.things if thing.wanted]
    known = [(words, weights) for words, weights in found if weights]
    return known if len(known) > 1 else []


def _spelled(words: str, own: Mapping[str, float]) -> dict[Key, float]:
    return {("", label): own[label] for label in sorted(_spellings(words) & own.keys())}


def _own(session: Session, owner_id: str, words: str, meant: Meant, known: Collection[str]) -> dict[str, float]:
    """The weights of labels that the owner confirmed or rejected and that are spelled as all words, or as a thing."""
    wanted = {form: 1.0 for words in (words, *_words_of(meant, wanted=True)) for form in _spellings(words)}
    unwanted = {form: -1.0 for words in _words_of(meant, wanted=False) for form in _spellings(words)}
    weights = {label: weight for label, weight in (unwanted | wanted).items() if label not in known}
    return {label: weights[label] for label in sorted(said_labels(session, owner_id, weights))}


def _words_of(meant: Meant, *, wanted: bool) -> list[str]:
    return [thing.words for thing in meant.things if thing.wanted is wanted]


def _words_for(label: KnownLabel, text: str, meant: Meant) -> list[str]:
    """The words that mean a label, or that it is spelled as."""
    wanted = (thing for thing in meant.things if thing.wanted)
    means = (each.words for each in wanted if label.key in each.weights or label.label in _spellings(each.words))
    found = list(dict.fromkeys(means))
    return found or [" ".join(text.split())]


def _spellings(words: str) -> set[str]:
    """How a label that reads as these words may be written."""
    plain = " ".join(normalize("NFC", words).split())
    cases = plain, plain.lower(), plain.capitalize(), plain.title()
    return {*cases, *(case.replace(" ", "_") for case in cases)}


def _without_models(own: Mapping[str, float]) -> dict[int, KnownLabel]:
    """Labels of the owner's, with ids that no model's label has."""
    return {-number: KnownLabel(-number, "", label) for number, label in enumerate(own, 1)}


def _said(session: Session, owner_id: str, known: Sequence[KnownLabel]) -> list[SaidLabel]:
    there = said_labels(session, owner_id, {label.label for label in known})
    return [SaidLabel(name, frozenset(label.id for label in known if label.label == name)) for name in sorted(there)]


def _understood(meant: Meant, own: Mapping[str, float], things: Sequence[_Thing]) -> UnderstoodQuery:
    weights = {("", label): weight for label, weight in own.items()} | meant.weights
    labels = [WeightedLabel(model=model, label=label, weight=weight) for (model, label), weight in weights.items()]
    nearest = {near.label: near.similarity for near in reversed(meant.near)}
    near = [NearLabel(label=label, similarity=similarity) for label, similarity in reversed(nearest.items())]
    missing = [words for words in meant.missing if not _spellings(words) & own.keys()]
    notes = [] if meant.way == "meaning" else [_BY_SPELLING]
    wanted = _is_wanted(meant, own)
    return UnderstoodQuery(
        by="text",
        way=meant.way,
        labels=labels,
        together=[words for words, _ in things],
        near=near if missing or not wanted else [],
        missing=missing,
        notes=notes if wanted else [*notes, _NOTHING_WANTED],
    )
