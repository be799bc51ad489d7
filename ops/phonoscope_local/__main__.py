"""The supervisor of a detached stack: ``python -m phonoscope_local --data-dir DIR [--port N]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from phonoscope.errors import StackError
from phonoscope_local.files import resolved
from phonoscope_local.stack import run_stack
from phonoscope_local.standard import server_stack, standard_stack


def main() -> int:
    """Runs a stack until it must stop; writes lines of JSON about its start to the report's descriptor."""
    parser = argparse.ArgumentParser(prog="python -m phonoscope_local", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--servers-only", action="store_true", help="no gateway, no workers")
    parser.add_argument("--report", type=int, help="file descriptor for lines about the start")
    options = parser.parse_args()
    report = _Report(options.report)
    design = server_stack if options.servers_only else standard_stack
    folder = resolved(options.data_dir)
    try:
        mine = run_stack(folder, options.port, _say, lambda url: report.send("url", url), design, report.notice)
    except StackError as error:
        _say(error.detail)
        report.send("error", error.detail)
        return 1
    if not mine:
        report.send("busy", "another process runs this stack")
    return 0


class _Report:
    """Notices, then one last line, to the process that started this one."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)

    def notice(self, text: str) -> None:
        _say(text)
        self._write("notice", text)

    def send(self, kind: str, value: str) -> None:
        self._write(kind, value)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, kind: str, value: str) -> None:
        if self._descriptor is not None:
            try:
                os.write(self._descriptor, (json.dumps({kind: value}) + "\n").encode())
            except BrokenPipeError:
                _say("the process that started this stack has ended; the stack runs on")


def _say(message: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
