"""What ``phonoscope doctor`` says of the metrics."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonoscope.settings import Settings

_ANSWER_S = 10.0


def folder_fault(folder: Path) -> str | None:
    """Why no metrics can be kept in a folder; ``None`` where they can. What is tried is removed again."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return f"nothing can be written in {there}: {error.strerror or error}"


def programs_at(settings: Settings) -> str:
    """The programs whose metrics the port serves. Raises ``LookupError`` with what is wrong there."""
    import httpx
    from prometheus_client.parser import text_string_to_metric_families

    at = f"{_reachable(settings.metrics_host)}:{settings.metrics_port}"
    try:
        # trust_env: a proxy knows nothing of this machine's ports.
        with httpx.Client(trust_env=False, timeout=_ANSWER_S) as http:
            answer = http.get(f"http://{at}/metrics")
        if answer.is_error:
            raise LookupError(f"{at} answers {answer.status_code}: {answer.text.strip()[:200]}")
        families = list(text_string_to_metric_families(answer.text))
    except httpx.HTTPError as error:
        raise LookupError(f"nobody answers at {at} ({type(error).__name__})") from error
    except ValueError as error:
        raise LookupError(f"what answers at {at} is no Prometheus text") from error
    samples = [each for family in families if family.name == "phonoscope_processes" for each in family.samples]
    if not samples:
        raise LookupError(f"another program has {at}: there are no metrics of Phonoscope")
    counted = (f"{each.value:.0f} {each.labels['program']}" for each in samples if each.value)
    return f"{', '.join(sorted(counted))} at {at}"


def _reachable(host: str) -> str:
    """The address at which this machine reaches what listens on a host."""
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004 - IP's
        return host if address.version == 4 else f"[{host}]"  # noqa: PLR2004
    return host
