"""``phonoscope doctor``: finds faults of an installation and says what to do about them."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from phonoscope.errors import PhonoscopeError, StackError
from phonoscope.errors.base import not_installed
from phonoscope.paths import bundled, pulled_models
from phonoscope.traces import parse_libraries
from phonoscope_cli.connection import DataDirOption, admin_settings
from phonoscope_cli.finding import Finding
from phonoscope_cli.services import services_findings

if TYPE_CHECKING:
    from phonoscope.settings import Settings

_LEAST_FREE_BYTES = 5 << 30
_OLDEST_PYTHON = (3, 11)


def doctor(data_dir: DataDirOption = None) -> None:
    """Checks Python, torch, its device, the sandbox, weights, services and disk; exits with status 1 at a fault."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True)
    all_well = True
    for finding in examine(data_dir):
        all_well = all_well and finding.well
        mark = "[green]ok  [/]" if finding.well else "[bold red]FAULT[/]"
        console.print(f"{mark} {escape(finding.subject)}: {escape(finding.found)}", highlight=False)
        if not finding.well:
            console.print(f"      → {finding.advice}", highlight=False, markup=False, style="yellow")
    raise typer.Exit(0 if all_well else 1)


def examine(data_dir: Path | None) -> Iterator[Finding]:
    """The findings of every check, the cheap checks first."""
    yield _python()
    yield _torch()
    yield from _enclosure()
    try:
        settings = admin_settings(data_dir)
    except StackError as error:
        yield from _weights(pulled_models(), bundled("models"))
        yield Finding("services", False, error.detail, "start the local stack: phonoscope up --detach")
    else:
        yield from _weights(settings.more_models_dir, settings.models_dir)
        yield from services_findings(settings)
        yield from metrics_findings(settings)
        yield sign_in_finding(settings)
        yield traces_finding(settings)
    yield _disk(data_dir)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= _OLDEST_PYTHON, version, "install Python 3.11 or newer")


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("torch", True, "not installed; this machine can be a client or a gateway, not a GPU worker")
    import torch

    from phonoscope_ml.device import choose_device

    device = choose_device().type
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    driver = shutil.which("nvidia-smi") is not None
    advice = "the machine has an NVIDIA driver that torch cannot use: install the CUDA build of torch, then run again"
    return Finding("torch", device != "cpu" or not driver, f"{torch.__version__} on {device} ({name})", advice)


def _enclosure() -> Iterator[Finding]:
    """A line for each measure that keeps strangers' files apart; one that the system lacks is no fault by itself."""
    from phonoscope.audio.attest import measures_in_force
    from phonoscope.confinement import MEASURES

    try:
        in_force = measures_in_force()
    except PhonoscopeError as error:
        yield Finding(
            "sandbox", False, error.detail, "nothing can be uploaded: see that Python can start processes here"
        )
        return
    for name, taken in in_force.items():
        found = f"on ({MEASURES[name]})" if taken else "missing on this system; docs/security.md says what follows"
        yield Finding(f"sandbox: {name}", True, found)
    closed = in_force["no calls"] or in_force["no files"]
    if not closed:
        advice = "use a Linux kernel with seccomp or Landlock, and a container runtime that lets processes use them"
        yield Finding("sandbox", False, "a file that takes its reader over can reach files and the network", advice)


def _weights(pulled: Path, shipped: Path) -> Iterator[Finding]:
    from phonoscope.catalogue import PULLABLE, Catalogue

    advice = f"put the model's folder back, whole: under {shipped}, or under {pulled} with `phonoscope models pull`"
    catalogue = Catalogue(pulled, shipped)
    models = catalogue.models
    if not models and not catalogue.unreadable:
        yield Finding("models", False, f"none in {shipped}", advice)
    for name, error in catalogue.unreadable.items():
        yield Finding(f"model {name}", False, error.detail, advice)
    for name, manifest in models.items():
        try:
            catalogue.check(name)
            yield Finding(f"model {name}", True, f"weights whole, sha256:{manifest.files[0].sha256[:12]}…")
        except PhonoscopeError as error:
            yield Finding(f"model {name}", False, error.detail, advice)
    if catalogue.with_text is not None and importlib.util.find_spec("transformers") is None:
        name, advice = catalogue.with_text.name, "pip install 'phonoscope[clap]' where the GPU workers run"
        yield Finding(
            f"model {name}", False, "transformers is not installed here: recordings get no windows in it", advice
        )
    for one in PULLABLE.values():
        if not set(one.models) <= {*models, *catalogue.unreadable}:
            yield Finding(f"model {one.name}", True, f"not pulled ({one.description}); to pull it: {one.command}")


def metrics_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the folder of metrics can be written, and whose metrics the port serves."""
    if not settings.metrics_port:
        yield Finding("metrics", True, "off; PHONOSCOPE_METRICS_PORT turns them on")
        return
    from phonoscope_cli.metrics import folder_fault, programs_at

    fault = folder_fault(settings.metrics_dir)
    advice = "make it writable, or name another with PHONOSCOPE_METRICS_DIR: processes go on without metrics meanwhile"
    yield Finding("metrics folder", fault is None, fault or str(settings.metrics_dir), advice)
    advice = "see metrics.off and metrics.not_served in the logs; PHONOSCOPE_METRICS_PORT names another port, 0 none"
    try:
        yield Finding("metrics", True, programs_at(settings))
    except LookupError as error:
        yield Finding("metrics", False, str(error), advice)


def sign_in_finding(settings: Settings) -> Finding:
    """Whether the identity provider answers, and as the settings have it."""
    if not settings.oidc_issuer:
        return Finding("sign-in", True, "by API keys alone; PHONOSCOPE_OIDC_ISSUER adds an identity provider")
    advice = "see docs/signing-in.md; the gateway has to reach the provider, and to name its issuer to the letter"
    if importlib.util.find_spec("authlib") is None:
        return Finding("sign-in", False, not_installed("authlib", "sign-in"), advice)
    from phonoscope.sign_in.provider import Provider

    try:
        keys = asyncio.run(Provider(settings).examine())
    except PhonoscopeError as error:
        return Finding("sign-in", False, error.detail, advice)
    found = f"{settings.oidc_issuer} answers, {keys} keys for signatures"
    return Finding("sign-in", bool(keys), found, "only RSA keys of 2048 bits and more and elliptic curves count")


def traces_finding(settings: Settings) -> Finding:
    """Whether traces can be sent from here, with the calls of libraries, and their collector takes them."""
    libraries = parse_libraries(settings.trace_libraries)
    named = " and ".join(libraries)
    if not settings.otlp_endpoint:
        off = f"off, though PHONOSCOPE_TRACE_LIBRARIES names {named}" if named else "off"
        return Finding("traces", True, f"{off}; PHONOSCOPE_OTLP_ENDPOINT turns them on")
    from phonoscope_cli.traces import collector_fault, libraries_fault

    fault = collector_fault(settings.otlp_endpoint) or libraries_fault(libraries)
    if fault is not None:
        return Finding("traces", False, fault.found, fault.advice)
    calls = f", with calls of {named}" if named else ""
    return Finding("traces", True, f"taken by {settings.otlp_endpoint}{calls}")


def _disk(data_dir: Path | None) -> Finding:
    from phonoscope_local.state import default_data_dir

    wanted = data_dir or default_data_dir()
    folder = next(path for path in (wanted, *wanted.absolute().parents) if path.exists())
    free = min(shutil.disk_usage(folder).free, shutil.disk_usage(tempfile.gettempdir()).free)
    advice = f"make room in {folder} or {tempfile.gettempdir()}: uploads are spooled before they are stored"
    return Finding("disk", free >= _LEAST_FREE_BYTES, f"{free / (1 << 30):.1f} GiB free", advice)
