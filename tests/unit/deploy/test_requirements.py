"""What images and the local environment install, and that every file of it is checked."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.wheels import required

ROOT = Path(__file__).parents[3]
TORCH = {"torch", "torchaudio", "torchvision"}
LINE = re.compile(r"[a-z0-9.-]+==\S+( ; [^\\]+)? \\")
INSTALLERS = ("Makefile", "deploy/Dockerfile", "deploy/install-torch.sh", "services/web/build.sh")


def printed(*words: str) -> dict[str, list[str]]:
    """The hashes of each package that is printed."""
    command = [sys.executable, "deploy/requirements.py", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=30)
    found: dict[str, list[str]] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("    --hash=sha256:"):
            found[name].append(line.split(":")[1].split()[0])
        else:
            assert LINE.fullmatch(line), line
            name = line.split("==")[0]
            found[name] = []
    return found


@pytest.mark.parametrize(
    "extra", ["gateway", "gpu", "clap", "cpu", "courier", "local", "train", "dev", "build", "otel"]
)
def test_an_extra_comes_with_all_that_it_needs(extra: str) -> None:
    """Nothing is missing that the packages' own metadata name, so pip finds a hash for each file; no name is ours."""
    found = printed(extra)
    whole = required(f"phonoscope[{extra}]") - {"phonoscope"}
    of_torch = set().union(*map(required, TORCH))
    assert whole - found.keys() <= of_torch
    assert "phonoscope" not in found
    assert not TORCH & found.keys()
    assert all(found.values())


def test_torch_comes_with_all_that_it_needs() -> None:
    """Named itself it is printed with CUDA's libraries; for the CPU builds neither is."""
    found, rest = printed(*TORCH), printed("--cpu", *TORCH)
    assert found.keys() >= TORCH
    assert any(name.startswith("nvidia-") for name in found)
    assert rest.keys() >= {"sympy", "networkx", "jinja2"}
    assert not [name for name in rest if name in TORCH or name.startswith(("nvidia-", "cuda-", "triton"))]
    assert all(found.values())


def test_the_gateway_goes_without_torch() -> None:
    """Torch is for the workers that compute with it."""
    said = {
        extra: subprocess.run(
            [sys.executable, "deploy/requirements.py", "--torch", extra], cwd=ROOT, capture_output=True, check=True
        ).stdout.split()
        for extra in ("gateway", "gpu", "cpu", "courier")
    }
    assert said == {"gateway": [], "gpu": [b"torch", b"torchaudio"], "cpu": [b"torch"], "courier": []}


def test_a_package_that_is_not_locked_is_named() -> None:
    """The error says what writes the file anew."""
    command = [sys.executable, "deploy/requirements.py", "left-pad"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, "lacks left-pad; `make lock`" in done.stderr) == (1, True)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Each requirement of pyproject.toml is pinned to a version that satisfies it, and each pin has a hash."""
    lock = (ROOT / "constraints.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    for text in metadata.requires("phonoscope") or ():
        requirement = Requirement(text)
        if requirement.name != "phonoscope":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text
    blocks = re.split(r"\n(?=\w)", lock)
    assert not [block.split("=")[0] for block in blocks[1:] if "--hash=sha256:" not in block]


@pytest.mark.parametrize("file", INSTALLERS)
def test_nothing_is_installed_unchecked(file: str) -> None:
    """Each call of pip checks hashes, or installs the product or torch's CPU build and nothing that they need."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    calls = re.findall(r"(?:pip install|\$\(PIP\)|\$\{pip\[@\]\}\").*", text)
    calls = [call for call in calls if not call.rstrip(")").endswith("--disable-pip-version-check")]
    assert calls
    assert not [call for call in calls if "--require-hashes" not in call and "--no-deps" not in call]
