"""Recordings of speech are cut from packages, the same ones each time."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from phonoscope.audio.decode import Recording
from phonoscope_training.__main__ import main
from phonoscope_training.errors import InvalidDataset
from phonoscope_training.speech import write_speech
from phonoscope_training.speech.voices import VOICES, Voices
from tests.support import tone_wav

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb")

TALK = Voices("talk", "talk", r"usr/share/talk/([^/]+)/.+\.wav")
SPOKEN = {
    "asterisk-core-sounds-en-wav": (
        "usr/share/asterisk/sounds/en_US_f_Allison/agent-pass.wav",
        "prompts-en_US_f_Allison",
    ),
    "asterisk-core-sounds-es-wav": (
        "usr/share/asterisk/sounds/es_MX_f_Allison/digits/1.wav",
        "prompts-es_MX_f_Allison",
    ),
    "asterisk-core-sounds-fr-wav": ("usr/share/asterisk/sounds/fr_CA_f_June/letters/a.wav", "prompts-fr_CA_f_June"),
    "asterisk-core-sounds-ru-wav": (
        "usr/share/asterisk/sounds/ru_RU_f_Ivr/at-tone-time-exactly.wav",
        "prompts-ru_RU_f_Ivr",
    ),
    "asterisk-prompt-it-menardi-wav": ("usr/share/asterisk/sounds/it_IT_f_Menardi/beep-no.wav.wav", None),
    "fillets-ng-data-cs": ("usr/share/games/fillets-ng/sound/share/borejokes/cs/bj-m-pozor.ogg", "dialogues-cs-m"),
    "fillets-ng-data-nl": ("usr/share/games/fillets-ng/sound/key/nl/1st-v-dost.ogg", "dialogues-nl-v"),
    "codec2-examples": ("usr/share/codec2/wav/hts1a.wav", "sentences-hts1a"),
    "pocketsphinx-testdata": ("usr/share/pocketsphinx/test/data/librivox/sense.wav", "sentences-librivox"),
    "alsa-utils": ("usr/share/sounds/alsa/Front_Center.wav", "words-alsa"),
    "ktuberling-data": ("usr/share/ktuberling/sounds/sr@latin/nose.ogg", "words-sr@latin"),
    "klettres-data": ("usr/share/klettres/en_GB/alpha/a-0.ogg", "letters-en_GB"),
    "tuxpaint-stamps-default": ("usr/share/tuxpaint/stamps/animals/birds/owl_desc_fr.ogg", "names-fr"),
}
"""A path in each package, and who speaks there."""


def spoken(seconds: float, number: int = 0) -> bytes:
    """A recording unlike those with other numbers."""
    return tone_wav(seconds, 200.0 + 10 * number, 16_000, seed=number)


def build(folder: Path, name: str, files: dict[str, bytes], version: str = "1.2-3") -> Path:
    """Writes ``<name>_<version>.deb`` with some files."""
    root = folder / f"{name}-{version}"
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: sounds\n"
    )
    target = folder / f"{name}_{version}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", str(root), str(target)], check=True, capture_output=True
    )
    shutil.rmtree(root)
    return target


def length_s(path: Path) -> float:
    with path.open("rb") as file, Recording(file) as recording:
        list(recording.pieces())
        return recording.decoded_s


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One speaker with 15 long and 33 short recordings, and what is no speech; another one with too little."""
    folder = tmp_path_factory.mktemp("packages")
    talk = "usr/share/talk/ann"
    files = {f"{talk}/long-{number:02}.wav": spoken(2.5 + 0.1 * number, number) for number in range(15)}
    files |= {f"{talk}/short-{number:02}.wav": spoken(0.7, 20 + number) for number in range(33)}
    files[f"{talk}/again.wav"] = files[f"{talk}/long-01.wav"]
    files |= {
        f"{talk}/{name}.wav": spoken(3.0, 60) for name in ("silence/3", "beeperr", "descending-2tone", "tt-monkeys")
    }
    files[f"{talk}/empty.wav"] = tone_wav(0.0, 200.0, 16_000)
    files |= {"usr/share/talk/bob/short.wav": spoken(2.0, 61), "usr/share/talk/ann/read.me": b"words"}
    build(folder, "talk", files)
    return folder


def test_a_speaker_has_utterances_and_rows_of_words(packages: Path, tmp_path: Path) -> None:
    """Up to 12 that last 2.5 s, and 4 of 5 s; a speaker of whom there is too little is left out."""
    speakers = write_speech(packages, tmp_path / "speech", [TALK])
    written = sorted(path.name for path in (tmp_path / "speech" / "talk-ann").iterdir())
    assert written == [f"utterance-{n:02}.wav" for n in range(1, 13)] + [f"words-{n}.wav" for n in range(1, 5)]
    lengths = {name: length_s(tmp_path / "speech" / "talk-ann" / name) for name in written}
    assert all(length >= 2.5 for name, length in lengths.items() if name.startswith("utterance"))
    assert {length for name, length in lengths.items() if name.startswith("words")} == {5.0}
    assert [speaker.name for speaker in speakers] == ["talk-ann"]
    assert not (tmp_path / "speech" / "talk-bob").exists()


def test_what_is_no_speech_is_left_out_and_a_copy_counts_once(packages: Path, tmp_path: Path) -> None:
    """The origin names the package's version, and each path that was cut."""
    write_speech(packages, tmp_path / "speech", [TALK])
    origin = json.loads((tmp_path / "speech" / "origin.json").read_text())
    assert origin["packages"] == {"talk": "1.2-3"}
    paths = [Path(path).name for each in origin["recordings"].values() for path in each["paths"]]
    assert len(paths) == len(set(paths))
    assert {"again.wav", "long-00.wav", "short-00.wav"} <= set(paths)
    assert not {"long-01.wav", "3.wav", "beeperr.wav", "descending-2tone.wav", "tt-monkeys.wav", "empty.wav"} & set(
        paths
    )
    first = origin["recordings"]["talk-ann/words-1.wav"]
    assert first == {"package": "talk", "paths": [f"usr/share/talk/ann/short-{n:02}.wav" for n in range(8)]}


def test_the_same_packages_give_the_same_recordings(packages: Path, tmp_path: Path) -> None:
    """Byte by byte."""
    for name in ("one", "two"):
        write_speech(packages, tmp_path / name, [TALK])
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 17


def test_every_named_package_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command finds the speaker of each, and says which versions there were."""
    assert list(SPOKEN) == [voices.package for voices in VOICES]
    for number, (name, (path, _)) in enumerate(SPOKEN.items()):
        build(tmp_path, name, {path: spoken(3.0, number)}, version=f"7.{number}")
    monkeypatch.setattr("sys.argv", ["phonoscope-train", "speech", str(tmp_path), "--to", str(tmp_path / "speech")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    wanted = {speaker for _, speaker in SPOKEN.values() if speaker}
    assert {path.name for path in (tmp_path / "speech").iterdir() if path.is_dir()} == wanted
    printed = " ".join(capsys.readouterr().out.split())
    assert "12 recordings of 12 speakers" in printed
    assert "7.12" in printed


def test_a_file_is_no_folder_to_write_to(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so before it reads a package."""
    (tmp_path / "speech").write_bytes(b"a file")
    monkeypatch.setattr("sys.argv", ["phonoscope-train", "speech", str(packages), "--to", str(tmp_path / "speech")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "'--to'" in capsys.readouterr().err
    assert (tmp_path / "speech").read_bytes() == b"a file"


def test_a_name_without_a_language_is_english() -> None:
    """Tux Paint's own descriptions have no suffix."""
    assert VOICES[-1].speaker_of("usr/share/tuxpaint/stamps/animals/owl_desc.ogg") == "names-en"
    assert VOICES[-1].speaker_of("usr/share/tuxpaint/stamps/animals/owl.ogg") is None


def test_missing_packages_are_named_with_the_command(tmp_path: Path) -> None:
    """Nothing is written."""
    build(tmp_path, "talk", {"usr/share/talk/ann/a.wav": spoken(3.0)})
    others = [TALK, Voices("chat", "chat", "(.*)"), Voices("gossip", "gossip", "(.*)")]
    with pytest.raises(InvalidDataset, match="lacks packages; fetch them there with: apt-get download chat gossip"):
        write_speech(tmp_path, tmp_path / "speech", others)
    assert not (tmp_path / "speech").exists()


def test_two_versions_of_a_package_are_refused(tmp_path: Path) -> None:
    """Which one was meant is not known."""
    for version in ("1.0", "2.0"):
        build(tmp_path, "talk", {"usr/share/talk/ann/a.wav": spoken(3.0)}, version)
    with pytest.raises(InvalidDataset, match=r"has talk twice: talk_1.0.deb and talk_2.0.deb"):
        write_speech(tmp_path, tmp_path / "speech", [TALK])


def test_a_folder_with_files_is_not_written_to(packages: Path, tmp_path: Path) -> None:
    """They might be another version's."""
    (tmp_path / "old.wav").write_bytes(b"old")
    with pytest.raises(InvalidDataset, match="is not empty"):
        write_speech(packages, tmp_path, [TALK])


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.98])
def test_a_damaged_package_is_named(packages: Path, tmp_path: Path, kept: float) -> None:
    """Wherever it ends."""
    whole = next(packages.glob("*.deb")).read_bytes()
    (tmp_path / "talk.deb").write_bytes(whole[: round(kept * len(whole))])
    with pytest.raises(InvalidDataset, match=r"talk\.deb: "):
        write_speech(tmp_path, tmp_path / "speech", [TALK])


def test_a_recording_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    """With its path in the package."""
    build(tmp_path, "talk", {"usr/share/talk/ann/a.wav": b"this is no recording of anything at all"})
    with pytest.raises(InvalidDataset, match=r"usr/share/talk/ann/a\.wav: "):
        write_speech(tmp_path, tmp_path / "speech", [TALK])


def test_without_dpkg_the_error_says_what_to_install(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages are read by its own program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidDataset, match="install dpkg"):
        write_speech(packages, tmp_path / "speech", [TALK])
