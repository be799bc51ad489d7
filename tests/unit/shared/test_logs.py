"""Structured logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

import pytest
import structlog

from phonoscope.logs import configure_logs, get_logger

pytestmark = pytest.mark.usefixtures("logging_as_before")


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What went to standard error; standard output stays for results."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_json_has_an_event_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line: the event's stable name, the fields, the logger, the level and a time in UTC."""
    configure_logs("json", "info")
    get_logger("phonoscope.test.json").info("job.created", job_id="job_1", tasks=["classify"])
    (line,) = logged(capsys)
    event = json.loads(line)
    moment = datetime.fromisoformat(event.pop("timestamp"))
    assert moment.utcoffset() == timedelta(0)
    assert event == {
        "event": "job.created",
        "job_id": "job_1",
        "tasks": ["classify"],
        "level": "info",
        "logger": "phonoscope.test.json",
    }


def test_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break in a field forges no second event."""
    configure_logs("json", "info")
    get_logger("phonoscope.test.line").info("track.created", filename='a\n{"event": "forged"}', odd=object())
    (line,) = logged(capsys)
    assert json.loads(line)["filename"].startswith("a\n")


def test_other_libraries_log_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """What comes through the standard library has the same shape; what libraries chatter is left out."""
    configure_logs("json", "info")
    logging.getLogger("uvicorn.error").info("Started %s", "server")
    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("urllib3").warning("trouble")
    events = [json.loads(line) for line in logged(capsys)]
    assert [(event["event"], event["level"], event["logger"]) for event in events] == [
        ("Started server", "info", "uvicorn.error"),
        ("trouble", "warning", "urllib3"),
    ]


def test_less_severe_events_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The level is the least severe one that is logged."""
    configure_logs("json", "warning")
    log = get_logger("phonoscope.test.level")
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in logged(capsys)] == ["loud"]


def test_context_goes_with_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    """What is bound once stands on each event that follows."""
    configure_logs("json", "info")
    with structlog.contextvars.bound_contextvars(job_id="job_7"):
        get_logger("phonoscope.test.context").info("task.started")
        logging.getLogger("phonoscope.test.foreign").info("by another way")
    assert [json.loads(line)["job_id"] for line in logged(capsys)] == ["job_7", "job_7"]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_an_exception_comes_with_its_traceback(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    """From either kind of logger, in either format, and without a warning from the logging itself."""
    configure_logs(log_format, "info")
    for log in (get_logger(f"phonoscope.test.{log_format}"), logging.getLogger("celery")):
        try:
            int("the cause")
        except ValueError:
            log.exception("task.crashed")
        text = "\n".join(logged(capsys))
        assert "task.crashed" in text
        assert "ValueError: invalid literal for int() with base 10: 'the cause'" in text
        assert "Traceback (most recent call last)" in text


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the event and its fields, without colours that a file would keep."""
    configure_logs("text", "info")
    get_logger("phonoscope.test.text").info("worker.ready", device="cpu")
    (line,) = logged(capsys)
    assert "worker.ready" in line
    assert "device=cpu" in line
    assert "\x1b" not in line


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    """An event is not printed twice."""
    configure_logs("json", "info")
    configure_logs("json", "info")
    logging.getLogger("phonoscope.test.twice").info("once")
    assert len(logged(capsys)) == 1


KEY = "psk_k3yid0000000000000aa_c2Vjc-V0_Hh"
SIGNED = "/v1/artifacts/art_1?expires=1700002800&signature=c2lnbmVk-X_0"
SPELLINGS = [
    f"/v1/tracks?key={KEY}",
    f"/v1/tracks/{KEY}/audio",
    f"/v1/tracks?key={KEY.replace('_', '%5F')}&limit=3",
    f"/v1/tracks?key={KEY.replace('_', '%5f')}",
    f"/v1/tracks?key={KEY.replace('_', '%255F')}",
    "/v1/tracks?key=" + "".join(f"%{ord(letter):02x}" for letter in KEY),
    f"https://{KEY}@gateway.test/",
    f"Authorization: Bearer {KEY}",
    f"(b'authorization', b'Bearer {KEY}')",
    "Authorization: Basic cHNrX2szeWlkMDAwMF9jMlZqYy1WMF9IaA==",
    SIGNED,
    SIGNED.replace("signature", "%73ignature"),
    SIGNED.replace("signature", "Signature") + "&further=1",
    SIGNED.replace("signature=", "signature%3D"),
    f"/login?next={SIGNED.replace('&', '%26').replace('=', '%3D')}",
    "https://objects.test/a?X-Amz-Signature=c2lnbmVk-X_0",
]
SECRET_PARTS = ["c2Vjc", "V0_Hh", "k3yid", "c2lnbmVk", "cHNrX2", "6b33", "c2Vjc-V0"]


@pytest.mark.parametrize("text", SPELLINGS)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_key_and_no_signature_is_logged(capsys: pytest.CaptureFixture[str], log_format: str, text: str) -> None:
    """In an event's fields, a library's arguments and a traceback, however it is encoded; the rest of it stays."""
    configure_logs(log_format, "info")
    get_logger("phonoscope.test.secrets").info("request.failed", path=text, headers=[text.encode()])
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", text, "1.1", 200)
    try:
        int(text)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    written = "\n".join(logged(capsys))
    assert not [part for part in SECRET_PARTS if part.lower() in written.lower()]
    assert written.count("…") >= 4
    assert "127.0.0.1:1" in written


def test_what_is_no_secret_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """Words that are like those before secrets, and what follows them."""
    configure_logs("text", "info")
    words = "the signature is wrong; a Bearer key; Basic sounds; psk; trk_1?expires=5&limit=3"
    get_logger("phonoscope.test.words").info(words)
    assert words in logged(capsys)[0]
