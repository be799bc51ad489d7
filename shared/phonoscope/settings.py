"""Every setting of every process, read from ``PHONOSCOPE_*`` in the environment."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from phonoscope.addresses import Allowed
from phonoscope.origins import is_safe_url, parse_origins, parse_root_path
from phonoscope.paths import bundled, cache, pulled_models
from phonoscope.roles import parse_roles, parse_teams
from phonoscope.traces import parse_libraries

DEVELOPMENT_SECRET = "development-only"  # noqa: S105 - production refuses a secret that contains this
DEFAULT_MODEL = "auto"
_COLLECTOR = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?(/[^\s?#@]*)?")
_ORIGIN = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?/?")


class Settings(BaseSettings):
    """The settings of the gateway, the workers and the courier.

    Raises ``pydantic.ValidationError`` when one is missing or out of range, or when a secret that is visibly for
    development is used in production.
    """

    model_config = SettingsConfigDict(env_prefix="PHONOSCOPE_", extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "production"] = Field(
        "production", description="`development` allows secrets that contain `development-only`"
    )
    database_url: SecretStr = Field(description="PostgreSQL, as `postgresql+psycopg2://user:password@host:port/name`")
    broker_url: SecretStr = Field(description="Celery broker, as `redis://:password@host:port/0`")
    s3_endpoint_url: str = Field(min_length=1, description="object store, as `http://host:port` or `https://host`")
    s3_public_endpoint_url: str = Field(
        "",
        description="the same store as clients reach it; audio and artifacts are then answered with a redirect to it",
    )
    s3_access_key: str = Field(description="object store's access key")
    s3_secret_key: SecretStr = Field(description="object store's secret key")
    s3_bucket: str = Field("phonoscope", description="bucket for recordings and artifacts; made when absent")
    s3_region: str = Field("us-east-1", description="region that requests to the object store are signed for")
    signing_secret: SecretStr = Field(
        min_length=16, description="signs the links to artifacts and recordings; 16 characters or more"
    )
    artifact_link_s: int = Field(
        3600, gt=0, description="seconds for which a signed link is good, or up to a quarter less"
    )
    models_dir: Path = Field(default_factory=lambda: bundled("models"), description="folder of served models")
    more_models_dir: Path = Field(
        default_factory=pulled_models,
        description="folder of models that were pulled, searched before the other",
    )
    cache_dir: Path = Field(default_factory=cache, description="folder for what can be computed again")
    default_model: str = Field(DEFAULT_MODEL, description="model for jobs that name none; `auto`: by what is heard")
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="where networks run")
    max_upload_bytes: int = Field(2 * 1024**3, gt=0, description="largest upload; more is answered 413")
    upload_expiry_s: float = Field(
        86_400.0, gt=0, description="seconds after its last byte at which an unfinished upload is erased"
    )
    max_duration_s: float = Field(6 * 3600.0, gt=0, description="longest recording in seconds; more is answered 422")
    retention_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="days after which a recording is erased with all that was made of it; 0 keeps all",
    )
    job_retention_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="days after its end at which a job is forgotten whose results no recording shows, one at least; "
        "0 keeps all",
    )
    orphan_grace_s: float = Field(
        3600.0, gt=0, description="seconds after which an object without a row is erased from the store"
    )
    webhook_allow: str = Field(
        "", description="networks and host patterns that events may go to though they are not public, comma-separated"
    )
    webhook_http: bool = Field(False, description="whether events may go over plain http")
    allowed_hosts: str = Field(
        "",
        description="host names that the gateway answers to, comma-separated, as `*.example.org`; when empty, every "
        "name, or addresses and `localhost` where it listens on loopback",
    )
    trusted_proxies: str = Field(
        "",
        description="networks of proxies in front of the gateway, comma-separated: their `X-Forwarded-For` is "
        "believed, and they may have any number of connections",
    )
    cors_origins: str = Field(
        "",
        description="origins whose pages may read answers in a browser, comma-separated, as "
        "`https://studio.example.org`; `*`: any",
    )
    root_path: str = Field(
        "",
        description="path prefix under which clients reach the gateway, as `/phonoscope`; a proxy may remove it",
    )
    max_connections: int = Field(
        10_000, ge=16, description="open connections to the gateway; those without a request by key make room for more"
    )
    max_connections_per_address: int = Field(
        1024, gt=0, description="open connections of one address, or one /64 of IPv6; more is answered 429"
    )
    max_requests_per_owner: int = Field(
        1024, gt=0, description="requests of one owner in progress, streams included; more is answered 429"
    )
    head_timeout_s: float = Field(10.0, gt=0, description="seconds in which a request's head must arrive")
    body_timeout_s: float = Field(
        30.0, gt=0, description="seconds in each of which a request's body must bring 1 KiB a second on average"
    )
    write_timeout_s: float = Field(60.0, gt=0, description="seconds in each of which an answer must be read likewise")
    quota_requests_a_second: float = Field(
        200.0, ge=0, description="requests a second that an owner may make, ten seconds' worth at once; 0: no limit"
    )
    quota_uploads_a_day: int = Field(10_000, ge=0, description="uploads a day (UTC) of an owner; 0: no limit")
    quota_upload_bytes_a_day: int = Field(
        500 * 1024**3, ge=0, description="uploaded bytes a day (UTC) of an owner; 0: no limit"
    )
    quota_stored_bytes: int = Field(
        1024**4, ge=0, description="bytes of recordings that an owner may have stored; 0: no limit"
    )
    quota_stored_tracks: int = Field(100_000, ge=0, description="recordings that an owner may have stored; 0: no limit")
    quota_queued_audio_s: float = Field(
        3_600_000.0, ge=0, description="seconds of audio in an owner's jobs that have not ended; 0: no limit"
    )
    quota_queued_jobs: int = Field(10_000, ge=0, description="an owner's jobs that have not ended; 0: no limit")
    quota_open_streams: int = Field(1_000, ge=0, description="open streams of events of an owner; 0: no limit")
    quota_open_uploads: int = Field(
        100, ge=0, description="an owner's unfinished uploads that come in pieces; 0: no limit"
    )
    quota_test_deliveries_a_day: int = Field(
        1_000, ge=0, description="test deliveries of webhooks a day (UTC) of an owner; 0: no limit"
    )
    search_exact_rows: int = Field(
        5_000,
        ge=100,
        description="vectors of an owner in one space from which on they get an index; fewer are read one by one",
    )
    search_bits_rows: int = Field(
        1_000_000,
        ge=100,
        description="vectors of an owner in one space from which on their index keeps one bit of each number",
    )
    wrong_keys_a_minute: int = Field(
        20, ge=0, description="wrong API keys a minute from one address, after which it is answered 429; 0: no limit"
    )
    search_wait_s: float = Field(
        300.0, gt=0, le=3600, description="seconds for which a search waits until its file is analysed; then 504"
    )
    audit_days: float = Field(
        365.0,
        ge=0,
        le=36_500,
        description="days for which entries of the audit log are kept, one at least; 0 keeps all",
    )
    links_end_with_key: bool = Field(
        False, description="whether signed links end with the key that asked for them, whatever the key says"
    )
    public_url: str = Field(
        "",
        description="origin at which browsers reach the gateway, as `https://phonoscope.example.org`; signing in "
        "through an identity provider needs it",
    )
    session_hours: float = Field(
        12.0, gt=0, le=24 * 365, description="hours after which somebody who signed in has to do so again"
    )
    oidc_issuer: str = Field(
        "",
        description="identity provider (OpenID Connect) that the page signs in with, as its issuer; when empty, none",
    )
    oidc_client_id: str = Field("", description="what the identity provider knows this service as")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="secret of that client; when empty, it is a public one"
    )
    oidc_name: str = Field("", description="name of the identity provider on the page; when empty, its host")
    oidc_scopes: str = Field("openid profile email", description="scopes to ask the identity provider for")
    oidc_allowed_domains: str = Field(
        "", description="domains of verified addresses that may sign in, comma-separated; when empty, all"
    )
    oidc_group_claim: str = Field("groups", min_length=1, description="claim with a user's groups")
    oidc_allowed_groups: str = Field(
        "", description="groups of which a user must be in one to sign in, comma-separated; when empty, all may"
    )
    oidc_team_claim: str = Field(
        "",
        description="claim with a user's team, whose users share one library, as `groups`; when empty, each user has "
        "a library of their own",
    )
    oidc_teams: str = Field(
        "*",
        description="teams and patterns, comma-separated; a user belongs to the first that matches. `staff=studio`: "
        "the library of the owner `studio`, who may have API keys too",
    )
    oidc_role_claim: str = Field(
        "", description="claim with a user's roles, as `realm_access.roles`; when empty, all have the default role"
    )
    oidc_roles: str = Field(
        "read=read,write=write,admin=admin",
        description="what each value of that claim lets do, comma-separated, as `guests=read,staff=write,heads=admin`",
    )
    oidc_default_role: Literal["read", "write", "none"] = Field(
        "write", description="role of users who have none by that claim; `none` refuses them"
    )
    oidc_timeout_s: float = Field(
        10.0, gt=0, le=60, description="seconds in which the identity provider must answer a sign-in's questions"
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port of `/metrics`, for Prometheus, of every process; 0: off"
    )
    metrics_host: str = Field(
        "127.0.0.1", min_length=1, description="address that the port of `/metrics` listens on; it asks for no key"
    )
    metrics_dir: Path = Field(
        default_factory=lambda: cache() / "metrics",
        description="folder that the processes of one machine share for their metrics",
    )
    otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry collector that traces go to, by OTLP over HTTP, as `http://collector:4318`; when "
        "empty, `OTEL_EXPORTER_OTLP_ENDPOINT`, else none are recorded",
    )
    trace_libraries: str = Field(
        "",
        description="libraries whose calls are recorded too within the spans of traces, comma-separated: `sqlalchemy`, "
        "`redis`, `urllib3`",
    )
    log_format: Literal["json", "text"] = Field("json", description="one JSON object a line, or text for people")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe event logged")

    @field_validator("s3_endpoint_url", "s3_public_endpoint_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        if url and not _ORIGIN.fullmatch(url):
            raise ValueError("must be http://host:port or https://host, without a user or a path")
        return url.removesuffix("/")

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_a_collector(cls, url: str) -> str:
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return ""
        url = url or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
        if url and not _COLLECTOR.fullmatch(url):
            raise ValueError("must be http://host:port or https://host, without a user or a query")
        return url

    @field_validator("trace_libraries")
    @classmethod
    def _is_libraries(cls, text: str) -> str:
        return ",".join(parse_libraries(text))

    @field_validator("webhook_allow")
    @classmethod
    def _is_understood(cls, text: str) -> str:
        Allowed.parse(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _is_networks(cls, text: str) -> str:
        hosts = Allowed.parse(text).hosts
        if hosts:
            raise ValueError(f"must be networks or addresses; {hosts[0]!r} is none")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _is_origins(cls, text: str) -> str:
        return ",".join(parse_origins(text))

    @field_validator("root_path")
    @classmethod
    def _is_root_path(cls, text: str) -> str:
        return parse_root_path(text)

    @field_validator("public_url")
    @classmethod
    def _is_one_origin(cls, text: str) -> str:
        origins = parse_origins(text)
        if len(origins) > 1 or (text and not text.startswith(("http://", "https://"))):
            raise ValueError("must be one origin, as https://phonoscope.example.org")
        return "".join(origins)

    @field_validator("oidc_teams")
    @classmethod
    def _is_teams(cls, text: str) -> str:
        parse_teams(text)
        return text

    @field_validator("oidc_roles")
    @classmethod
    def _is_roles(cls, text: str) -> str:
        parse_roles(text)
        return text

    @model_validator(mode="after")
    def _sign_in_is_whole(self) -> Self:
        if not self.oidc_issuer:
            return self
        for name in ("oidc_issuer", "public_url"):
            url = getattr(self, name)
            if not url.startswith(("http://", "https://")) or "?" in url:
                raise ValueError(f"{name} must be a URL, for oidc_issuer is set")
            if self.environment == "production" and not is_safe_url(url):
                raise ValueError(f"{name} must be https, or http on this machine, in production")
        if not self.oidc_client_id:
            raise ValueError("oidc_client_id must be set, for oidc_issuer is")
        if "openid" not in self.oidc_scopes.split():
            raise ValueError("oidc_scopes must hold openid")
        return self

    @model_validator(mode="after")
    def _no_development_secret_in_production(self) -> Self:
        secrets = {
            "database_url": self.database_url,
            "broker_url": self.broker_url,
            "s3_secret_key": self.s3_secret_key,
            "signing_secret": self.signing_secret,
            "oidc_client_secret": self.oidc_client_secret,
        }
        for name, secret in secrets.items():
            if self.environment == "production" and DEVELOPMENT_SECRET in secret.get_secret_value():
                raise ValueError(f"{name} holds a secret for development; set your own, or environment=development")
        return self


@lru_cache
def get_settings() -> Settings:
    """This process's settings, read once."""
    return Settings()
