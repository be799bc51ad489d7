"""Settings: required, refused, described, documented."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from phonoscope.settings import DEVELOPMENT_SECRET, Settings, get_settings

ROOT = Path(__file__).parents[3]
GIVEN = {
    "DATABASE_URL": "postgresql+psycopg2://phonoscope:xyzzy-one@127.0.0.1/phonoscope",
    "BROKER_URL": "redis://:xyzzy-two@127.0.0.1/0",
    "S3_ENDPOINT_URL": "http://127.0.0.1:9000",
    "S3_ACCESS_KEY": "phonoscope",
    "S3_SECRET_KEY": "xyzzy-three",
    "SIGNING_SECRET": "xyzzy-four-of-enough-length",
}
SECRETS = ["database_url", "broker_url", "s3_secret_key", "signing_secret", "oidc_client_secret"]


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with what must be given, and nothing else of this product."""
    for name in list(os.environ):
        if name.startswith("PHONOSCOPE_"):
            monkeypatch.delenv(name)
    for name, value in GIVEN.items():
        monkeypatch.setenv(f"PHONOSCOPE_{name}", value)


def test_what_must_be_given_is_enough() -> None:
    """Everything else has a default that suits production."""
    settings = Settings()
    assert settings.environment == "production"
    assert settings.database_url.get_secret_value() == GIVEN["DATABASE_URL"]
    assert settings.max_upload_bytes == 2 * 1024**3
    assert settings.max_duration_s == 6 * 3600
    assert settings.models_dir.name == "models"


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_what_must_be_given_is_asked_for(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A missing setting stops the start and is named."""
    monkeypatch.delenv(f"PHONOSCOPE_{name}")
    with pytest.raises(ValidationError, match=f"{name.lower()}\n  Field required"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("DEVICE", "tpu"),
        ("MAX_UPLOAD_BYTES", "0"),
        ("MAX_UPLOAD_BYTES", "much"),
        ("MAX_DURATION_S", "-1"),
        ("SIGNING_SECRET", "too short"),
        ("ARTIFACT_LINK_S", "0"),
        ("S3_ENDPOINT_URL", ""),
        ("S3_ENDPOINT_URL", "127.0.0.1:9000"),
        ("S3_ENDPOINT_URL", "http://store:9000/bucket"),
        ("S3_ENDPOINT_URL", "http://user:password@store"),
        ("S3_PUBLIC_ENDPOINT_URL", "s3://store"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The error names the setting."""
    monkeypatch.setenv(f"PHONOSCOPE_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://store:9000/", "http://store:9000"),
        ("https://objects.example", "https://objects.example"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("", ""),
    ],
)
def test_a_store_s_address_has_no_path(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    """A slash at its end is left out; the public one may be empty, which turns redirects off."""
    monkeypatch.setenv("PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL", given)
    assert Settings().s3_public_endpoint_url == kept


@pytest.mark.parametrize("name", SECRETS)
def test_a_development_secret_is_fatal_in_production(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Production, which is the default, starts with no secret that is visibly for development; development does."""
    value = GIVEN.get(name.upper(), "xyzzy").replace("xyzzy", DEVELOPMENT_SECRET)
    monkeypatch.setenv(f"PHONOSCOPE_{name.upper()}", value)
    with pytest.raises(ValidationError, match=f"{name} holds a secret for development"):
        Settings()
    monkeypatch.setenv("PHONOSCOPE_ENVIRONMENT", "development")
    assert DEVELOPMENT_SECRET in getattr(Settings(), name).get_secret_value()


SIGN_IN = {
    "OIDC_ISSUER": "https://id.example/realms/home",
    "OIDC_CLIENT_ID": "phonoscope",
    "PUBLIC_URL": "https://Phonoscope.example:443",
}


def test_a_sign_in_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer, a client and where browsers reach the gateway are enough; roles and teams have defaults."""
    for name, value in SIGN_IN.items():
        monkeypatch.setenv(f"PHONOSCOPE_{name}", value)
    assert Settings().public_url == "https://phonoscope.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_CLIENT_ID", ""),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "https://phonoscope.example/path"),
        ("PUBLIC_URL", "https://a.example,https://b.example"),
        ("PUBLIC_URL", "http://phonoscope.example"),
        ("OIDC_ISSUER", "http://id.example"),
        ("OIDC_ISSUER", "id.example"),
        ("OIDC_ISSUER", "https://user@id.example"),
        ("OIDC_SCOPES", "profile"),
        ("OIDC_ROLES", "staff"),
        ("OIDC_ROLES", "staff=root"),
        ("OIDC_TEAMS", "=studio"),
        ("OIDC_DEFAULT_ROLE", "admin"),
        ("SESSION_HOURS", "0"),
    ],
)
def test_half_a_sign_in_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What lacks, contradicts or would send secrets in the open stops the start, and is named."""
    for each, given in (SIGN_IN | {name: value}).items():
        monkeypatch.setenv(f"PHONOSCOPE_{each}", given)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_every_secret_is_guarded() -> None:
    """Whatever is typed as a secret is among those that production refuses."""
    secret = [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]
    assert secret == SECRETS


@pytest.mark.parametrize("change", [{"S3_ENDPOINT_URL": None}, {"S3_REGION": None, "LOG_LEVEL": "loud"}, {}])
def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None]) -> None:
    """Neither the settings' own text nor the error about a bad one holds a secret, for both end in logs."""
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(f"PHONOSCOPE_{name}", raising=False)
        else:
            monkeypatch.setenv(f"PHONOSCOPE_{name}", value)
    try:
        shown = repr(Settings())
    except ValidationError as error:
        shown = f"{error!s} {error!r}"
    assert "xyzzy" not in shown


def test_a_refused_development_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal names the setting, and shows neither it nor its neighbours."""
    monkeypatch.setenv("PHONOSCOPE_BROKER_URL", f"redis://:{DEVELOPMENT_SECRET}-plugh@127.0.0.1/0")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "plugh" not in str(caught.value)
    assert "xyzzy" not in str(caught.value)


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one set of settings for its whole life."""
    get_settings.cache_clear()
    try:
        first = get_settings()
        monkeypatch.setenv("PHONOSCOPE_S3_BUCKET", "other")
        assert get_settings() is first
    finally:
        get_settings.cache_clear()


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, ""),
        ({"PHONOSCOPE_OTLP_ENDPOINT": "http://a:4318"}, "http://a:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://b/otlp/"}, "https://b/otlp/"),
        ({"PHONOSCOPE_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318"}, "http://[::1]:4318"),
        ({"PHONOSCOPE_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}, "http://a"),
        ({"PHONOSCOPE_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "True"}, ""),
    ],
)
def test_the_collector_is_ours_or_the_standard_s(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint: str
) -> None:
    """The service's own variable goes first; the standard's switch turns both off."""
    for name in ("PHONOSCOPE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().otlp_endpoint == endpoint


@pytest.mark.parametrize(
    "url", ["collector:4318", "grpc://a:4317", "http://user:xyzzy@a", "http://a?key=xyzzy", "http://a/#b", "http://"]
)
@pytest.mark.parametrize("name", ["PHONOSCOPE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_a_collector_s_address_is_checked(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    """It is refused when the process starts, and not shown: it may hold a key."""
    monkeypatch.setenv(name, url)
    with pytest.raises(ValidationError, match="otlp_endpoint") as caught:
        Settings()
    assert "xyzzy" not in str(caught.value)


def test_libraries_of_traces_are_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """None by default; another one is refused when the process starts, and the setting is named."""
    assert Settings().trace_libraries == ""
    monkeypatch.setenv("PHONOSCOPE_TRACE_LIBRARIES", "redis, SQLAlchemy,urllib3,redis")
    assert Settings().trace_libraries == "redis,sqlalchemy,urllib3"
    monkeypatch.setenv("PHONOSCOPE_TRACE_LIBRARIES", "redis,django")
    with pytest.raises(ValidationError, match=r"trace_libraries\n .*sqlalchemy, redis, urllib3; 'django' is none"):
        Settings()


def test_foreign_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable for the command line, or one of a newer version, stops no server."""
    monkeypatch.setenv("PHONOSCOPE_URL", "http://127.0.0.1:8000")
    assert Settings().s3_bucket == "phonoscope"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_is(name: str) -> None:
    """A setting without a description is unfinished."""
    assert len(Settings.model_fields[name].description or "") > 10


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """Whoever deploys finds each setting by the name of its variable."""
    assert f"PHONOSCOPE_{name.upper()}" in (ROOT / "docs" / "deployment.md").read_text()
