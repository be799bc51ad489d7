"""Every task is declared once, and has all that a task needs: handler, options, result, words, documentation."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from phonoscope import states
from phonoscope.contract import JobOptions, JobRequest
from phonoscope.errors import InvalidResult
from phonoscope.states import Pool, TaskName
from phonoscope.tasks import TASKS, AnyResult, Classify, Describe, Explain
from phonoscope.tasks.spec import TaskOptions, TaskResult
from phonoscope.work import Artifact
from phonoscope_cpu import handler as cpu
from phonoscope_gpu import handler as gpu
from phonoscope_worker import Handlers

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "services" / "web" / "src"
HANDLERS: dict[Pool, Handlers[Any]] = {Pool.GPU: gpu.HANDLERS, Pool.CPU: cpu.HANDLERS}
EVERY_TASK = pytest.mark.parametrize("name", TaskName)


@EVERY_TASK
def test_a_task_is_declared(name: TaskName) -> None:
    """Under its own name."""
    assert name in TASKS, f"{name} has no file in phonoscope/tasks, or it is not in TASKS"
    assert TASKS[name].name is name


@EVERY_TASK
def test_a_task_has_a_handler_in_its_pool_alone(name: TaskName) -> None:
    """No other pool runs it."""
    pools = [pool for pool, handlers in HANDLERS.items() if name in handlers.tasks]
    assert pools == [TASKS[name].pool], f"{name} belongs to the {TASKS[name].pool} pool; handlers are in {pools}"


@EVERY_TASK
def test_a_task_has_its_options_in_a_request(name: TaskName) -> None:
    """The field of its name, which may be left out."""
    field = JobOptions.model_fields.get(name)
    assert field is not None, f"JobOptions has no field {name}"
    assert field.annotation is TASKS[name].options, f"JobOptions.{name} is not {TASKS[name].options.__name__}"
    assert issubclass(TASKS[name].options, TaskOptions)
    assert getattr(JobOptions(), name) == TASKS[name].options()


@EVERY_TASK
def test_a_task_s_result_is_told_apart(name: TaskName) -> None:
    """It is one of the kinds of results, and its field ``task`` holds the task's name and nothing else."""
    union, _ = get_args(AnyResult)
    result = TASKS[name].result
    assert result in get_args(union), f"{result.__name__} is not part of AnyResult"
    assert issubclass(result, TaskResult)
    assert get_args(result.model_fields["task"].annotation) == (str(name),)
    assert result.model_fields["task"].default == name


def test_there_are_no_other_options_or_results() -> None:
    """What no task has any more is gone everywhere."""
    assert set(JobOptions.model_fields) == {*TaskName, "audio_track", "no_cache"}
    union, _ = get_args(AnyResult)
    assert len(get_args(union)) == len(TaskName) == len(TASKS)


@EVERY_TASK
def test_the_page_has_a_word_for_a_task(name: TaskName) -> None:
    """What it says while the task runs."""
    assert re.search(rf"^  {name}: \"[^\"]+\",$", _words_of_the_page(), re.MULTILINE), (
        f"the page has no word for {name}; add it to the Record<TaskName, string>"
    )


@EVERY_TASK
def test_a_task_is_documented(name: TaskName) -> None:
    """In a section of its own: its summary, every option, a request that is valid, and fields that the result has."""
    section = _sections().get(name)
    assert section is not None, f"docs/tasks.md has no section {name}"
    assert f"[{name}](#{name})" in _documentation(), f"{name} is not in the table of docs/tasks.md"
    assert section.lstrip().startswith(_summary(name)), f"the section {name} does not begin with: {_summary(name)}"
    for option in TASKS[name].options.model_fields:
        assert f"`{option}`" in section, f"the section {name} does not name the option {option}"
    request, result = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    assert name in JobRequest.model_validate(request).tasks
    for field, value in result.items():
        assert field in TASKS[name].result.model_fields, f"the result of {name} has no field {field}"
        TypeAdapter(TASKS[name].result.model_fields[field].annotation).validate_python(value)


def test_the_readme_links_the_tasks() -> None:
    """Where readers begin."""
    assert "(docs/tasks.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("model", sorted({result for spec in TASKS.values() for result in (spec.result,)}, key=str))
def test_no_part_of_a_result_takes_what_json_cannot_hold(model: type[BaseModel]) -> None:
    """Neither NaN nor infinity, however deep."""
    for part in _parts(model):
        if any("float" in str(field.annotation) for field in part.model_fields.values()):
            assert part.model_config.get("allow_inf_nan") is False, f"{part.__name__} takes NaN"


HEARD: dict[str, Any] = {
    "model": {"name": "environment-50", "digest": "sha256:0"},
    "top": [{"label": "rain", "probability": 0.93}],
    "unknown": False,
    "windows": [],
    "duration_s": 5.0,
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"top": [{"label": "rain", "probability": float("nan")}]}, "top.0.probability"),
        ({"duration_s": float("inf")}, "duration_s"),
        ({"top": []}, "top"),
        ({"model": {"name": "environment-50"}}, "model.digest"),
        ({"unknown": None}, "unknown"),
    ],
)
def test_a_worker_s_wrong_result_is_refused(change: dict[str, Any], field: str) -> None:
    """The problem names the task and the field."""
    Classify.check_body(HEARD)
    with pytest.raises(InvalidResult, match=rf"^classify: {re.escape(field)}: "):
        Classify.check_body(HEARD | change)


def test_a_worker_s_references_are_read_as_links() -> None:
    """An artifact that was not stored yet is as good as a link; one that lacks a fact is refused."""
    reading: dict[str, Any] = {"reading": "", "region": None, "bands": []}
    times = {"start_s": 0.0, "end_s": 1.0, "silent": False, "probability": 0.5}
    model = {"model": HEARD["model"], "method": "grad-cam", "layer": "layer4", "label": "rain", "windows": []}
    heatmap = Artifact("heatmap.npz", "heatmap", "application/x-npz", b"1").reference
    Explain.check_body(reading | times | model | {"heatmap": heatmap})
    del heatmap["size_bytes"]
    with pytest.raises(InvalidResult, match="size_bytes"):
        Explain.check_body(reading | times | model | {"heatmap": heatmap})


@pytest.mark.parametrize("body", [None, [], "rain", 3])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """In the way that every other body is."""
    with pytest.raises(ValidationError):
        Describe.read(body)


def test_a_pool_must_have_a_handler_for_each_of_its_tasks() -> None:
    """One that lacks one, or has one of the other pool, does not start; the error names the task."""
    complete = dict.fromkeys(HANDLERS[Pool.GPU].tasks, _never)
    Handlers(Pool.GPU, complete)
    for wrong in (TaskName.EMBED, TaskName.MAP):
        with pytest.raises(ValueError, match=f"wrong: {wrong}$"):
            Handlers(Pool.GPU, dict.fromkeys(set(complete) ^ {wrong}, _never))


def _never(*_: Any) -> Any:
    raise AssertionError("nothing is run here")


def _parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model, and those that its fields hold."""
    yield model
    for field in model.model_fields.values():
        for kind in _models_in(field.annotation):
            yield from _parts(kind)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _summary(name: TaskName) -> str:
    """The sentence that follows the member."""
    found = re.search(rf'    {name.name} = "{name}"\n    """(.+?)"""', inspect.getsource(states.TaskName))
    assert found is not None, f"TaskName.{name.name} has no sentence"
    return found[1]


@cache
def _documentation() -> str:
    return (ROOT / "docs" / "tasks.md").read_text()


@cache
def _sections() -> dict[str, str]:
    return {title: text for title, _, text in (part.partition("\n") for part in _documentation().split("\n## ")[1:])}


@cache
def _words_of_the_page() -> str:
    (found,) = (text for path in PAGE.rglob("*.ts") if ": Record<TaskName, string> =" in (text := path.read_text()))
    return found.partition(": Record<TaskName, string> =")[2].partition("};")[0]
