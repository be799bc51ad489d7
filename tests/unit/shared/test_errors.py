"""The tree of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pkgutil import iter_modules

import pytest

import phonoscope.client  # noqa: F401 - it adds errors of its own to the tree
from phonoscope import errors
from phonoscope.errors import InvalidRequest, NotFound, PhonoscopeError, RangeNotSatisfiable, StoreUnavailable

_DRAWN = re.compile(r"^(?P<indent>[│ ]*)[├└]── (?P<name>\w+)(?: +(?P<status>\d{3}))?$", re.MULTILINE)


def classes(root: type[PhonoscopeError] = PhonoscopeError) -> Iterator[type[PhonoscopeError]]:
    """All of them, those of other modules too."""
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


def own() -> list[type[PhonoscopeError]]:
    """Those that the package's modules define."""
    modules = [f"{errors.__name__}.{module.name}" for module in iter_modules(errors.__path__)]
    return [error for error in classes() if error.__module__ in modules]


def drawn() -> dict[str, tuple[str, int]]:
    """Each drawn error with its parent and its status, which is the parent's where none is written."""
    found: dict[str, tuple[str, int]] = {}
    above = [("PhonoscopeError", 500)]
    for line in _DRAWN.finditer(errors.__doc__ or ""):
        depth = len(line["indent"]) // 4
        parent, inherited = above[depth]
        status = int(line["status"] or inherited)
        found[line["name"]] = (parent, status)
        above[depth + 1 :] = [(line["name"], status)]
    return found


def test_the_drawn_tree_is_the_real_one() -> None:
    """The package's docstring shows every error below its parent, with the status it is answered with."""
    real = {
        error.__name__: (error.__mro__[1].__name__, error.status) for error in own() if error is not PhonoscopeError
    }
    assert drawn() == real
    assert len(real) > 25
    assert (errors.__doc__ or "").count("── ") == len(real)


def test_the_package_offers_every_error() -> None:
    """Whatever module of it defines an error, others import it from the package, and find it there by its name."""
    assert {name: getattr(errors, name) for name in errors.__all__} == {error.__name__: error for error in own()}


def test_codes_are_stable_names() -> None:
    """Every error has a code of its own, in snake case, made from its name."""
    codes = [error.__new__(error).code for error in classes() if "code" not in vars(error)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)
    assert NotFound("x").code == "not_found"
    assert errors.NotARecording("x").code == "not_a_recording"


@pytest.mark.parametrize("error", list(classes()), ids=lambda error: error.__name__)
def test_every_error_has_a_sentence_for_a_title(error: type[PhonoscopeError]) -> None:
    """Its docstring is the title of its problem: one sentence, without the full stop."""
    assert "__doc__" in vars(error)
    assert re.fullmatch(r"[A-Z][^.\n]+\.", error.__doc__ or "")


@pytest.mark.parametrize("error", list(classes()), ids=lambda error: error.__name__)
def test_only_passing_troubles_may_be_retried(error: type[PhonoscopeError]) -> None:
    """What the client did wrong stays wrong; an outage passes, as the first sending of a request does, and says when to
    ask again.
    """
    passing = error.status in (408, 423, 429, 460, 503, 504) or error is errors.RequestInFlight
    assert passing or not (400 <= error.status < 500 and error.retryable)
    assert (error.retry_after_s is not None) == passing
    if error.retry_after_s is not None:
        assert error.retryable
        assert error.retry_after_s > 0


def test_a_problem_has_the_members_of_the_standard() -> None:
    """RFC 9457's members, and this service's stable code."""
    assert StoreUnavailable("it does not answer").as_problem() == {
        "type": "urn:phonoscope:problem:store_unavailable",
        "title": "The object store is down",
        "status": 503,
        "detail": "it does not answer",
        "code": "store_unavailable",
        "retryable": True,
    }


def test_a_problem_names_the_fields() -> None:
    """An invalid request tells programs which field is wrong, and people in the same words."""
    problem = InvalidRequest.field("tasks.0", "unknown").as_problem()
    assert problem["detail"] == "tasks.0: unknown"
    assert problem["errors"] == [{"field": "tasks.0", "message": "unknown"}]


def test_an_error_reads_as_its_detail() -> None:
    """What is printed of an error is what was found."""
    assert str(NotFound("no track 'trk_1'")) == "no track 'trk_1'"
    error = RangeNotSatisfiable("behind the end", 10)
    assert (str(error), error.size_bytes) == ("behind the end", 10)
