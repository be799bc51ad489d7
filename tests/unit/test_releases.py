"""The release before, which the upgrade tests run: nothing is skipped in silence where all must be tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import releases


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
@pytest.mark.parametrize("lacks", ["git", "history"])
def test_a_release_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, ci: str, outcome: type[BaseException]
) -> None:
    """As in a clone without history: at a desk the tests are skipped, in continuous integration they fail."""
    monkeypatch.setenv("CI", ci)
    if lacks == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        monkeypatch.setattr(releases, "BEFORE_COMMIT", "0" * 40)
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match=lacks) as caught:
        releases.release_before(tmp_path)
    assert caught.type is outcome
    assert not list(tmp_path.iterdir())
