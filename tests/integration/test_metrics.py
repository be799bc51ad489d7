"""What a scrape of a running stack says, and that dashboards, rules and documents speak of what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.db.search.recall import measure_recall
from phonoscope.metrics.instruments import Instruments
from phonoscope.states import Lane, Pool
from phonoscope.tasks import Embed
from phonoscope_cli.doctor import metrics_findings
from phonoscope_local.ports import LOOPBACK
from phonoscope_local.processes import wait_until
from tests.separators import network, write_separator
from tests.support import RunningStack, phonoscope, tone_wav

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text()
MOST_SERIES = 15_000
"""Where tests before have asked all routes, with each status and bucket of time."""
LIMIT_S = 60.0

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(stack: RunningStack) -> Samples:
    """Every sample, by its name and labels."""
    with httpx.Client() as http:
        answer = http.get(f"http://{LOOPBACK}:{stack.settings.metrics_port}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    wanted = set(labels.items())
    return sum(value for (known, its), value in samples.items() if known == f"phonoscope_{name}" and wanted <= its)


@pytest.fixture(scope="module")
def worked(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A stack that has done some of everything, and what was recorded of it before."""
    path = tmp_path_factory.mktemp("metrics") / "tone.wav"
    path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=5))
    with stack.client("watched") as client:
        track = client.upload(path)
        for _ in range(2):
            client.wait(client.create_job(track.id, ["classify", "embed"]))
        client.search(text="watched")
        client.webhooks()
        yield client


def test_a_day_s_work_is_counted(stack: RunningStack, worked: Client, tmp_path: Path) -> None:
    """Each thing that is done is seen, in whatever process it was done."""
    before = scraped(stack)
    path = tmp_path / "other.wav"
    path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=6))
    track = worked.upload(path)
    worked.upload(path)
    first = worked.wait(worked.create_job(track.id, ["classify"]))
    worked.wait(worked.create_job(track.id, ["classify"]))
    separator = stack.pulled_models / "tiny"
    if not separator.exists():
        write_separator(separator, network())
    worked.wait(worked.create_job(track.id, ["separate"], {"separate": {"model": separator.name}}))
    worked.search(text="other")
    worked._send("HEAD", f"/v1/jobs/{first.id}")
    with httpx.Client(base_url=stack.url) as http:
        for number in range(5):
            http.get(f"/v1/nothing/{number}")
        http.request("PROPFIND", "/v1/tracks")

    def grown(name: str, **labels: str) -> float:
        return total(scraped(stack), name, **labels) - total(before, name, **labels)

    assert wait_until(lambda: grown("task_duration_seconds_count", task="classify") >= 1, LIMIT_S)
    assert grown("tasks_ended_total", task="classify", status="succeeded") == 1
    assert grown("uploads_total", result="new") == 1
    assert grown("uploads_total", result="known") == 1
    assert grown("upload_bytes_total") == 2 * path.stat().st_size
    assert grown("tasks_asked_total", task="classify", cached="false") == 1
    assert grown("tasks_asked_total", task="classify", cached="true") == 1
    assert grown("attempts_total", pool="gpu", lane="short", end="ended") == 1
    assert grown("task_duration_seconds_count", task="classify") == 1
    assert grown("task_stage_duration_seconds_count", task="classify", stage="fetch") == 1
    for kind in ("body", "separation"):
        assert grown("batch_windows_sum", network=kind, device="cpu") >= 1
        assert grown("device_busy_seconds_total", network=kind, device="cpu") > 0
    assert grown("search_duration_seconds_count", by="text") == 1
    assert grown("store_calls_total", call="put", result="answered") >= 1
    assert grown("http_requests_total", route="/v1/tracks", method="POST", status="2xx") == 2
    assert grown("http_requests_total", route="/v1/jobs/{job_id}", method="HEAD", status="2xx") == 1
    assert grown("http_requests_total", route="unmatched", method="GET", status="4xx") == 5
    assert grown("http_requests_total", method="other") == 1
    assert wait_until(lambda: grown("worker_busy_seconds_total", pool="gpu") > 0, LIMIT_S)
    assert grown("worker_lived_seconds_total", pool="cpu") > 0


def test_each_way_to_search_is_counted(stack: RunningStack, worked: Client, tmp_path: Path) -> None:
    """By a recording, a vector, a file, and what sounds alike."""
    path = tmp_path / "like.wav"
    path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=7))
    options = {"embed": {"return_vector": True}}
    job = worked.wait(worked.analyze(path, ["embed"], options))
    embedded, before = job.result(Embed), scraped(stack)
    worked.search(track_id=job.recording)
    worked.search(vector=embedded.vector, space=embedded.model.name)
    worked.search(like=path)
    worked.similar(job.recording)
    after = scraped(stack)
    for by in ("track", "vector", "file", "similar"):
        labels, name = {"by": by}, "search_duration_seconds_count"
        assert total(after, name, **labels) - total(before, name, **labels) == 1


def test_the_whole_service_is_in_one_scrape(stack: RunningStack, worked: Client) -> None:
    """All programs, the queues with their workers, and every service."""
    assert wait_until(
        lambda: total(scraped(stack), "database_up") == 1 and total(scraped(stack), "store_up") == 1, LIMIT_S
    )
    samples = scraped(stack)
    assert total(samples, "processes", program="gateway") >= 1
    assert total(samples, "processes", program="courier") == 1
    assert total(samples, "processes", program="gpu") == total(samples, "processes", program="cpu") == 2
    for pool in Pool:
        for lane in Lane:
            assert total(samples, "workers", pool=pool, lane=lane) >= 1
            assert total(samples, "queue_tasks", pool=pool, lane=lane) >= 0
    assert total(samples, "stored_tracks") >= 1
    assert total(samples, "models_loaded") >= 1
    assert total(samples, "observed_timestamp_seconds") > 1e9


def test_series_are_bounded_and_name_nobody(stack: RunningStack, worked: Client) -> None:
    """No label holds what an owner or a client chose."""
    samples = scraped(stack)
    assert len(samples) < MOST_SERIES
    labels = {name for _, its in samples for name, _ in its}
    assert labels <= {
        *("by", "cached", "call", "code", "device", "end", "found_by", "lane", "le", "method", "model", "network"),
        *("owners", "pool", "program", "reason", "result", "route", "service", "stage", "status", "task", "version"),
        "what",
    }
    values = {value for _, its in samples for _, value in its}
    assert not [value for value in values if re.search(r"(own|trk|job|psk|art)_\w{8}|watched", value)]


def expressions() -> list[tuple[str, str]]:
    """Those of all dashboards and rules, with where they are."""
    found = [(rule["alert"], rule["expr"]) for group in ALERTS["groups"] for rule in group["rules"]]
    for path in DASHBOARDS:
        panels = json.loads(path.read_text())["panels"]
        found += [(f"{path.name}: {panel['title']}", each["expr"]) for panel in panels for each in panel["targets"]]
    return found


def selectors(expression: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The names in a parsed expression, each with the labels that must equal something."""
    if isinstance(expression, promql_parser.VectorSelector):
        assert expression.name is not None
        matchers = expression.matchers.matchers
        yield expression.name, {each.name: each.value for each in matchers if each.op == promql_parser.MatchOp.Equal}
    for name in ("lhs", "rhs", "expr", "vs", "vector_selector"):
        child = getattr(expression, name, None)
        if child is not None and not isinstance(child, str):
            yield from selectors(child)
    for child in getattr(expression, "args", ()):
        yield from selectors(child)


def test_dashboards_and_rules_speak_of_what_is_there(stack: RunningStack, worked: Client) -> None:
    """Every metric that they name is in a scrape, with every label that they ask for or group by."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    measure_recall(database, lambda _: None)
    database.close()
    assert wait_until(lambda: total(scraped(stack), "search_recall_ratio") > 0, LIMIT_S)
    names: dict[str, set[str]] = {}
    values: set[tuple[str, str, str]] = set()
    for name, its in scraped(stack):
        names.setdefault(name, set()).update(label for label, _ in its)
        values |= {(name, label, value) for label, value in its}
    # What has to go wrong first.
    rare = {("phonoscope_http_requests_total", "status", "5xx")}
    for where, text in expressions():
        parsed = promql_parser.parse(text.replace("$__rate_interval", "5m"))
        used = list(selectors(parsed))
        assert used, where
        for name, equal in used:
            assert name in names, (where, name)
            assert {(name, *pair) for pair in equal.items()} - rare <= values, (where, equal)
        grouped = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", text) for label in by.split(",")}
        assert grouped <= set().union(*(names[name] for name, _ in used)), where


def test_every_alert_says_what_to_do() -> None:
    """A row in the document for each, none for what is gone, and what a person reads in each rule."""
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    rows = re.findall(r"^\| `(Phonoscope\w+)` \| (.+) \|$", DOCUMENT, re.MULTILINE)
    assert [rule["alert"] for rule in rules] == [alert for alert, _ in rows]
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules)


def test_no_workers_is_an_alert_only_where_tasks_wait() -> None:
    """An idle pool may have none: KEDA scales it down to nothing."""
    (rule,) = [each for name, each in expressions() if name == "PhonoscopeNoWorkers"]
    parsed = promql_parser.parse(rule)
    assert isinstance(parsed, promql_parser.BinaryExpr)
    assert str(parsed.op) == "and"
    sides = [[name for name, _ in selectors(side)] for side in (parsed.lhs, parsed.rhs)]
    assert sides == [["phonoscope_workers"], ["phonoscope_queue_tasks"]]


def test_every_metric_is_documented() -> None:
    """With its labels, under its name; and nothing else is."""
    made = {}
    for metric in vars(Instruments()).values():
        name = metric._name.removeprefix("phonoscope_") + ("_total" if metric._type == "counter" else "")
        made[name] = set(metric._labelnames)
    documented = {}
    for names, labels in re.findall(r"^\| (`[a-z_`, ]+) \| ([a-z_`, ]*)\|", DOCUMENT, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            documented[name] = set(re.findall(r"`(\w+)`", labels))
    assert documented == made


@pytest.mark.long
def test_the_commands_see_it_too(stack: RunningStack, worked: Client) -> None:
    """``doctor`` says whose metrics are served; ``top`` has the queues and the workers, for people and for programs."""
    found = {each.subject: each for each in metrics_findings(stack.settings)}
    assert all(each.well for each in found.values()), found
    assert found["metrics folder"].found == str(stack.folder / "metrics")
    assert "1 courier" in found["metrics"].found
    shown = phonoscope("top", "--data-dir", stack.folder)
    assert shown.returncode == 0, shown.stderr
    assert all(word in shown.stdout for word in ("gpu.short", "cpu.long", "gpu@", "owner"))
    line = phonoscope("top", "--once", "--json", "--data-dir", stack.folder).stdout
    assert {queue["workers"] for queue in json.loads(line)["queues"]} == {1, 2}
