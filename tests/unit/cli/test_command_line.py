"""The command line, without a service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from phonoscope import __version__, commands
from phonoscope.errors import StackError
from phonoscope_cli.analyze import read_options, with_models
from phonoscope_cli.app import app

COMMANDS = [
    "up", "down", "demo", "analyze", "keys", "labels", "models", "sessions", "uploads", "usage", "audit", "top",
    "doctor",
]  # fmt: skip
HEAVY = ["torch", "celery", "sqlalchemy", "minio", "av", "numpy", "fastapi", "alembic"]


@pytest.mark.parametrize(
    "command",
    [
        [],
        *[[name] for name in COMMANDS],
        ["keys", "create"],
        ["models", "verify"],
        ["sessions", "end"],
        ["uploads", "cancel"],
    ],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    """``--help`` works everywhere, and the first one names all commands."""
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    if not command:
        assert all(name in result.output for name in COMMANDS)


def test_the_version_is_said() -> None:
    """As ``phonoscope --version``, with no command."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"phonoscope {__version__}\n")


def test_help_is_quick() -> None:
    """Asking for help imports nothing heavy: neither networks nor stores nor decoders."""
    script = (
        "import sys\n"
        "from phonoscope_cli import main\n"
        "sys.argv = ['phonoscope', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert "Listens to audio and shows its work." in done.stdout
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_an_unknown_command_is_an_error() -> None:
    """It is named, and the status is the shell's for wrong use."""
    result = CliRunner().invoke(app, ["listen"])
    assert result.exit_code == 2
    assert "listen" in result.output


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["no_cache=true"], {"no_cache": True}),
        (["classify.model=genre-10", "classify.top_k=3"], {"classify": {"model": "genre-10", "top_k": 3}}),
        (
            ["mixdown.gains_db.vocals=-60", "explain.label=a=b"],
            {"mixdown": {"gains_db": {"vocals": -60}}, "explain": {"label": "a=b"}},
        ),
    ],
)
def test_options_are_given_by_name(words: list[str], options: dict[str, Any]) -> None:
    """A dot goes into a task's options, and a value is JSON where it can be."""
    assert read_options(words) == options


@pytest.mark.parametrize(
    ("models", "asked"), [(["auto"], "auto"), (["genre-10", "music-100"], ["genre-10", "music-100"])]
)
def test_models_are_named_by_an_option_of_their_own(models: list[str], asked: Any) -> None:
    """One as a name, several as a list; other options of ``classify`` are kept."""
    assert with_models({"classify": {"top_k": 5}}, models) == {"classify": {"top_k": 5, "model": asked}}
    assert with_models({"no_cache": True}, []) == {"no_cache": True}


def test_models_are_named_in_one_place(tmp_path: Path) -> None:
    """By ``--model`` or by ``-o``: both at once is a mistake, told before anything is sent."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    given = ["--model", "auto", "-o", "classify.model=genre-10"]
    words = ["analyze", str(tmp_path / "a.wav"), *given, "--url", "http://127.0.0.1:1"]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "not both" in result.output


@pytest.mark.parametrize("words", [["classify"], ["classify.model"], ["classify=1", "classify.model=genre-10"]])
def test_an_option_that_cannot_be_read_is_named(tmp_path: Path, words: list[str]) -> None:
    """Before anything is sent, with an example of a right one."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    given = [part for word in words for part in ("-o", word)]
    result = CliRunner().invoke(app, ["analyze", str(tmp_path / "a.wav"), *given, "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "classify.model=genre-10" in result.output


def test_a_known_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes to standard error, word for word, without a traceback; the status is 1."""

    def fail() -> None:
        raise StackError("no stack has run in [/tmp/x]: `phonoscope up --detach`")

    failing = typer.Typer()
    failing.command()(fail)
    monkeypatch.setattr("sys.argv", ["phonoscope"])
    with pytest.raises(SystemExit) as end:
        commands.run(lambda: failing)
    captured = capsys.readouterr()
    assert end.value.code == 1
    assert captured.out == ""
    assert captured.err == "The local stack cannot run: no stack has run in [/tmp/x]: `phonoscope up --detach`\n"


@pytest.mark.parametrize(
    ("module", "extra"), [("sqlalchemy.orm", "stores"), ("pyrage", "stores"), ("torch", "local"), ("av", "local")]
)
def test_a_package_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str, extra: str
) -> None:
    """The client alone is installed with few packages: what needs more says how to get them, however deep it is."""

    def load() -> typer.Typer:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    with pytest.raises(SystemExit) as end:
        commands.run(load)
    package = module.partition(".")[0]
    assert end.value.code == 1
    wanted = f"{package} is not installed here: run `pip install 'phonoscope[{extra}]'`"
    assert capsys.readouterr().err == f"A package is not installed: {wanted}\n"


def test_a_module_of_ours_that_is_missing_is_a_fault() -> None:
    """No package would bring it."""

    def load() -> typer.Typer:
        raise ModuleNotFoundError("No module named 'phonoscope.lost'", name="phonoscope.lost")

    with pytest.raises(ModuleNotFoundError):
        commands.run(load)


def test_without_a_stack_analyze_says_what_to_do(tmp_path: Path) -> None:
    """Neither options nor a stack: the error tells both ways out."""
    result = CliRunner().invoke(
        app, ["analyze", __file__, "--data-dir", str(tmp_path)], env={"PHONOSCOPE_URL": "", "PHONOSCOPE_API_KEY": ""}
    )
    assert isinstance(result.exception, StackError)
    assert "phonoscope up --detach" in result.exception.detail
    assert "--url and --api-key" in result.exception.detail


def test_a_file_that_is_not_there_is_named() -> None:
    """Nothing is asked of any service for it."""
    result = CliRunner().invoke(
        app, ["analyze", "/nowhere/at/all.wav", "--url", "http://127.0.0.1:1", "--api-key", "k"]
    )
    assert result.exit_code == 1
    assert "/nowhere/at/all.wav: cannot be read or saved: No such file" in result.output
