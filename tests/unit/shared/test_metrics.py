"""The folder of metrics, the port that serves it, and what is recorded: by several processes, that die."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from phonoscope import __version__
from phonoscope.metrics.folder import SIZES, MetricsFolder
from phonoscope.metrics.instruments import Instruments
from phonoscope_local.ports import LOOPBACK, choose_port
from phonoscope_local.processes import wait_until

_STARTED = """
import os, sys
from pathlib import Path
from phonoscope.logs import configure_logs
from phonoscope.metrics import begin_process, recorder, start_metrics
configure_logs("text", "info")
port, folder = int(sys.argv[1]), Path(sys.argv[2])
def say(*words): print(*words, flush=True)
"""
_GATEWAY = """
start_metrics(port, "127.0.0.1", folder, "gateway")
recorder().request_answered("GET", "/v1/jobs/{job_id}", 200, 0.01)
say("ready"); sys.stdin.read()
"""
_WITH_CHILD = """
start_metrics(port, "127.0.0.1", folder, None)
recorder().leases_lost("guardian", 1)
child = os.fork()
if not child:
    begin_process("gpu")
    recorder().tasks_ended([("classify", None), ("embed", "worker_lost")])
    say("child", os.getpid())
    sys.stdin.read()
    os._exit(0)
say("ready"); os.waitpid(child, 0); say("died"); sys.stdin.read()
"""


def run(code: str, port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process that has started by itself, to its end."""
    command = [sys.executable, "-c", _STARTED + code, str(port), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL)


@contextmanager
def running(code: str, port: int, folder: Path, *, logs: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A process that lives until the end of the block; where its logs can be read."""
    command = [sys.executable, "-c", _STARTED + code, str(port), str(folder)]
    written = subprocess.PIPE if logs else None
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str], word: str) -> str:
    """The next line, which starts with a word; what follows it."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith(word), line
    return line.removeprefix(word).strip()


def next_log(process: subprocess.Popen[str], event: str) -> str:
    """The next line of its logs with such an event."""
    assert process.stderr is not None
    return next(line for line in process.stderr if event in line)


def scrape(port: int) -> dict[str, float]:
    """The samples, by name and labels as they are written."""
    with httpx.Client() as http:
        answer = http.get(f"http://{LOOPBACK}:{port}/metrics", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return samples(answer.text)


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def eventually(holds: Callable[[], bool]) -> None:
    """Waits for a minute at most, also while nobody listens."""

    def answered() -> bool:
        with suppress(httpx.TransportError):
            return holds()
        return False

    assert wait_until(answered, 60.0)


@pytest.fixture
def port() -> int:
    return choose_port(0)


REQUESTS = "phonoscope_http_requests_total{method=GET,route=/v1/jobs/{job_id},status=2xx}"
GATEWAYS = f"phonoscope_processes{{program=gateway,version={__version__}}}"


def test_one_process_serves_for_all_and_another_takes_its_place(port: int, tmp_path: Path) -> None:
    """What a process that was killed had counted stays; it no longer counts as a process."""
    with running(_GATEWAY, port, tmp_path) as first, running(_GATEWAY, port, tmp_path) as second:
        read_line(first, "ready")
        read_line(second, "ready")
        found = scrape(port)
        assert (found[REQUESTS], found[GATEWAYS]) == (2, 2)
        first.kill()
        first.wait(60)
        eventually(lambda: scrape(port)[GATEWAYS] == 1)
        assert scrape(port)[REQUESTS] == 2
        owners = {path.name.rpartition("_")[2] for path in tmp_path.glob("*.db")}
        assert owners == {"0.db", f"{second.pid}.db"}


def test_a_port_that_a_stranger_has_is_said_and_waited_for(port: int, tmp_path: Path) -> None:
    """As an error once, while the process goes on recording; it serves when the port is free."""
    with socket.create_server((LOOPBACK, port)) as stranger, running(_GATEWAY, port, tmp_path, logs=True) as process:
        said = next_log(process, "metrics.")
        assert ("metrics.not_served" in said, str(port) in said) == (True, True), said
        read_line(process, "ready")
        stranger.close()
        eventually(lambda: scrape(port)[REQUESTS] == 1)


def test_one_that_does_not_serve_says_who_does(port: int, tmp_path: Path) -> None:
    """Another process of the same folder: no error."""
    with running(_GATEWAY, port, tmp_path) as first:
        read_line(first, "ready")
        eventually(lambda: bool(scrape(port)))
        with running(_GATEWAY, port, tmp_path, logs=True) as second:
            assert "metrics.served_by_another" in next_log(second, "metrics.")


def test_a_fork_counts_for_itself_and_never_keeps_the_port(port: int, tmp_path: Path) -> None:
    """A child records beside its parent; when the parent dies, the port is free though the child lives."""
    failed = "phonoscope_task_failures_total{code=worker_lost}"
    with running(_WITH_CHILD, port, tmp_path) as parent:
        lines = {line.split()[0]: line for line in (read_line(parent, ""), read_line(parent, ""))}
        assert lines.keys() == {"child", "ready"}
        found = scrape(port)
        assert (found[failed], found["phonoscope_lease_losses_total{found_by=guardian}"]) == (1, 1)
        assert found[GATEWAYS.replace("gateway", "gpu")] == 1
        parent.send_signal(signal.SIGKILL)
        parent.wait(60)
        with running(_GATEWAY, port, tmp_path) as other:
            read_line(other, "ready")
            eventually(lambda: scrape(port)[GATEWAYS] == 1)
            assert scrape(port)[failed] == 1


def test_a_process_that_starts_again_goes_on(port: int, tmp_path: Path) -> None:
    """Of a container's main process the id is the same each time: its counters grow on, its gauges begin anew."""
    kept = "phonoscope_lease_losses_total{found_by=sweeper}"
    code = """
start_metrics(port, "127.0.0.1", folder, "courier"); recorder().leases_lost("sweeper", 2)
"""
    run(code, port, tmp_path)
    for path in [*tmp_path.glob("*_[1-9]*.db"), *tmp_path.glob("alive_*")]:
        path.rename(path.with_name(re.sub(r"_\d+", "_1", path.name)))
    again = """
own = os.getpid()
for path in list(folder.glob("*_1*")): path.rename(path.with_name(path.name.replace("_1", f"_{own}")))
start_metrics(port, "127.0.0.1", folder, "gateway"); recorder().leases_lost("sweeper", 1)
sys.stdout.write(recorder().folder.render().decode())
"""
    found = samples(run(again, port, tmp_path).stdout)
    assert found[kept] == 3
    assert found[GATEWAYS] == 1
    assert GATEWAYS.replace("gateway", "courier") not in found


def test_off_is_free(tmp_path: Path) -> None:
    """Without a port the library is not even imported, and calls do nothing."""
    done = run(
        'start_metrics(0, "127.0.0.1", folder, "gateway"); recorder().uploaded("new", 1)\n'
        'say(recorder().on, "prometheus_client" in sys.modules, "http.server" in sys.modules)',
        0,
        tmp_path / "none",
    )
    assert done.stdout.split() == ["False", "False", "False"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("fault", ["a file in its place", "no room"])
def test_a_folder_that_cannot_be_written_stops_nothing(port: int, tmp_path: Path, fault: str) -> None:
    """The process goes on without metrics and says why; on a full disk it must not map what is not there."""
    folder = tmp_path / "metrics"
    before = ""
    if fault == "no room":
        before = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        )
    else:
        folder.write_text("")
    done = run(before + 'start_metrics(port, "127.0.0.1", folder, "gateway"); say(recorder().on)', port, folder)
    assert done.stdout.strip() == "False"
    assert "metrics.off" in done.stderr
    assert str(folder) in done.stderr


def test_nobody_can_make_many_series(port: int, tmp_path: Path) -> None:
    """Whatever is asked for, by whatever method, labels have few values."""
    done = run(
        """
start_metrics(port, "127.0.0.1", folder, "gateway")
for number in range(2_000):
    recorder().request_answered(f"M{number}", f"/{number}", number, 0.1)
    recorder().tasks_ended([("classify", f"code_{number}")])
    recorder().tasks_took(["classify"], 0.1, {f"stage_{number}_s": 0.1})
sys.stdout.write(recorder().folder.render().decode())
""",
        port,
        tmp_path,
    )
    assert len(samples(done.stdout)) < 6_000
    assert "route=other" in "".join(samples(done.stdout))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.db")) <= 3 * sum(SIZES.values())


@pytest.mark.parametrize("damage", [b"", b"\xff" * 4096, b"\x40\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00nonsense"])
def test_a_damaged_file_costs_its_own_values_alone(port: int, tmp_path: Path, damage: bytes) -> None:
    """Of a living process it is left out, of a dead one removed; all else is answered."""
    run(_GATEWAY, port, tmp_path)
    folder = MetricsFolder(tmp_path)
    with running(
        'start_metrics(port, "127.0.0.1", folder, "gpu"); say("ready"); sys.stdin.read()', port, tmp_path
    ) as one:
        read_line(one, "ready")
        living, dead = (tmp_path / f"counter_{pid}.db" for pid in (one.pid, 999_999_999))
        living.write_bytes(damage)
        dead.write_bytes(damage)
        (tmp_path / "notes.db").write_text("not one of ours")
        assert samples(folder.render().decode())[REQUESTS] == 1
        assert (living.exists(), dead.exists()) == (True, False)


def test_another_process_with_the_id_of_a_dead_one_is_not_taken_for_it(port: int, tmp_path: Path) -> None:
    """Ids are used again, after a container's restart at once: what is alive is known by a lock."""
    run(_GATEWAY, port, tmp_path)
    for path in [*tmp_path.glob("*_[1-9]*.db"), *tmp_path.glob("alive_*")]:
        path.rename(path.with_name(re.sub(r"_\d+", "_1", path.name)))
    found = samples(MetricsFolder(tmp_path).render().decode())
    assert found[REQUESTS] == 1
    assert GATEWAYS not in found
    assert not list(tmp_path.glob("*_1*"))


def test_what_is_no_scrape_is_answered_or_left(port: int, tmp_path: Path) -> None:
    """Other paths are not found; clients that send nothing hold no scrape up."""
    with running(_GATEWAY, port, tmp_path) as process, httpx.Client(base_url=f"http://{LOOPBACK}:{port}") as http:
        read_line(process, "ready")
        eventually(lambda: http.get("/metrics").is_success)
        silent = [socket.create_connection((LOOPBACK, port)) for _ in range(4)]
        assert http.get("/").status_code == 404
        assert http.get("/metrics", headers={"Host": "rebound.example"}).status_code == 421
        assert http.get("/metrics", headers={"Host": "[::1"}).status_code == 421
        assert http.get("/metrics", headers={"Host": f"localhost:{port}"}).is_success
        assert http.head("/metrics").content == b""
        assert http.post("/metrics").status_code == 501
        assert scrape(port)[REQUESTS] == 1
        for client in silent:
            client.close()


def test_names_follow_the_conventions() -> None:
    """Base units and suffixes, as Prometheus' own linter wants them, and a sentence for each."""
    made = vars(Instruments()).values()
    for metric in made:
        assert re.fullmatch(r"phonoscope_[a-z]+(_[a-z]+)*", metric._name), metric._name
        assert re.match(r"[A-Z]", metric._documentation), metric._name
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent|total)(_|$)", metric._name), metric._name
        if metric._type == "histogram":
            assert metric._name.endswith(("_seconds", "_windows"))
        assert not {"owner", "owner_id", "track_id", "job_id", "key"} & set(metric._labelnames)
    assert len({metric._name for metric in made}) == len(made)
