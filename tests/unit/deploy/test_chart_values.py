"""Values that the chart refuses, with the name of what is wrong."""

from typing import Any

import pytest

from tests.unit.deploy.chart import refusal, render

ANYWHERE = {"ipBlock": {"cidr": "0.0.0.0/0"}}
INGRESS = {"enabled": True, "host": "sounds.example.org"}
NGINX = [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]
RECEIVER = {"webhook_allow": "10.1.0.0/16"}
SIGNING_IN = {
    "oidc_issuer": "https://id.example.org",
    "oidc_client_id": "sounds",
    "public_url": "https://sounds.example.org",
}


def _nested(path: str, value: dict[str, Any]) -> dict[str, Any]:
    """A value at the place that a path with dots names."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"database": {"host": ""}}, "/database/host"),
        ({"database": {"password": "x"}}, "password"),
        ({"database": {"user": "a:b"}}, "/database/user"),
        ({"database": {"sslmode": "verify"}}, "/database/sslmode"),
        ({"database": {"sslmode": "verify-full"}}, "database.caSecret"),
        ({"database": {"sslmode": "verify-ca"}}, "database.caSecret"),
        (
            {"database": {"caSecret": "authorities"}},
            "with prefer a server that fails the check is spoken to in the clear",
        ),
        *(
            (
                {"database": {"sslmode": mode, "caSecret": "authorities"}},
                "database.caSecret: is used with database.sslmode",
            )
            for mode in ("disable", "allow")
        ),
        ({"broker": {"user": "a:b"}}, "/broker/user"),
        ({"broker": {"caSecret": "authorities"}}, "broker.caSecret"),
        ({"store": {"endpointUrl": "minio:9000"}}, "/store/endpointUrl"),
        ({"secrets": {"existingSecret": ""}}, "/secrets/existingSecret"),
        ({"secrets": {"signingSecret": "abc"}}, "signingSecret"),
        ({"settings": {"max_uplaod_bytes": 1}}, "max_uplaod_bytes"),
        ({"settings": {"database_url": "postgresql://x"}}, "database_url"),
        ({"settings": {"log_level": "loud"}}, "/settings/log_level"),
        ({"settings": {"max_upload_bytes": -1}}, "/settings/max_upload_bytes"),
        ({"courier": {"settings": {"signing_secret": "x"}}}, "signing_secret"),
        ({"images": {"gateway": {"digest": "sha256:12"}}}, "/images/gateway/digest"),
        ({"gateway": {"replicas": 0}}, "/gateway/replicas"),
        ({"gateway": {"resources": {"limits": {"memory": None}}}}, "/gateway/resources/limits"),
        ({"terminationGracePeriodSeconds": 10}, "/terminationGracePeriodSeconds"),
        ({"ingress": {"enabled": True}}, "/ingress/host"),
        ({"ingress": {"tlsSecretName": "certificate"}}, "/ingress/tlsSecretName"),
        ({"ingress": INGRESS}, "networkPolicy.gateway"),
        (
            {"ingress": {**INGRESS, "timeoutSeconds": 300}, "networkPolicy": {"gateway": NGINX}},
            "ingress.timeoutSeconds",
        ),
        (
            {"ingress": INGRESS, "networkPolicy": {"gateway": NGINX}, "gateway": {"settings": {"search_wait_s": 400}}},
            "ingress.timeoutSeconds",
        ),
        ({"gpu": {"enabled": True, "count": 0}}, "/gpu/count"),
        ({"gpu": {"enabled": True, "resource": ""}}, "/gpu/resource"),
        (
            {"pools": {"gpu-worker": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}},
            "pools.gpu-worker.resources.limits",
        ),
        ({"pools": {"gpu-worker": {"pool": "cpu"}}}, "/pools/gpu-worker/pool"),
        ({"pools": {"gpu-worker": {"lane": "longest"}}}, "/pools/gpu-worker/lane"),
        ({"pools": {"mine": {"enabled": True}}}, "mine"),
        ({"pools": {"gpu-long-worker": {"enabled": False}}}, "gpu long tasks"),
        ({"pools": {"cpu-worker": {"enabled": False}}}, "cpu long tasks"),
        (
            {"pools": {"cpu-worker": {"autoscaling": {"minReplicas": 9}}}},
            "pools.cpu-worker.autoscaling.minReplicas: 9 is more than maxReplicas",
        ),
        ({"pools": {"cpu-worker": {"autoscaling": {"maxReplicas": 0}}}}, "/pools/cpu-worker/autoscaling/maxReplicas"),
        ({"autoscaling": {"enabled": True}, "pools": {"cpu-worker": {"replicas": 2}}}, "pools.cpu-worker.replicas"),
        ({"autoscaling": {"user": "scaler"}}, "autoscaling.existingSecret"),
        ({"autoscaling": {"existingSecret": "scaler"}}, "autoscaling.user"),
        ({"networkPolicy": {"store": []}}, "/networkPolicy/store"),
        ({"networkPolicy": {"dns": []}}, "/networkPolicy/dns"),
        ({"networkPolicy": {"gateway": []}}, "/networkPolicy/gateway"),
        ({"networkPolicy": {"store": [ANYWHERE]}}, "/networkPolicy/store/0/ipBlock/cidr"),
        ({"networkPolicy": {"collector": [ANYWHERE]}}, "/networkPolicy/collector/0/ipBlock/cidr"),
        ({"networkPolicy": {"database": [{}]}}, "/networkPolicy/database/0"),
        ({"networkPolicy": {"broker": [{**ANYWHERE, "podSelector": {}}]}}, "/networkPolicy/broker/0/podSelector"),
        ({"metrics": {"port": 8000}}, "metrics.port"),
        ({"metrics": {"port": 9464}}, "networkPolicy.metrics"),
        (
            {"settings": {"otlp_endpoint": "http://otel:4318"}},
            "networkPolicy.collector: name where settings.otlp_endpoint",
        ),
        *(
            (_nested(part, {"settings": {"otlp_endpoint": "http://otel:4318"}}), f"where {part}.settings.otlp_endpoint")
            for part in ("gateway", "courier", "pools.cpu-worker")
        ),
        ({"settings": SIGNING_IN}, "networkPolicy.identityProvider: name where settings.oidc_issuer"),
        ({"gateway": {"settings": SIGNING_IN}}, "name where gateway.settings.oidc_issuer"),
        ({"settings": SIGNING_IN | {"public_url": ""}}, "settings.public_url: must be set, for settings.oidc_issuer"),
        ({"gateway": {"settings": SIGNING_IN | {"oidc_client_id": ""}}}, "settings.oidc_client_id: must be set"),
        (
            {
                "ingress": INGRESS,
                "networkPolicy": {"gateway": NGINX},
                "settings": {"public_url": "https://sounds.example.com"},
            },
            "settings.public_url: https://sounds.example.com is not at ingress.host",
        ),
        (
            {
                "ingress": {**INGRESS, "tlsSecretName": "certificate"},
                "networkPolicy": {"gateway": NGINX},
                "settings": {"public_url": "HTTP://sounds.example.org"},
            },
            "settings.public_url: HTTP://sounds.example.org is plain",
        ),
        ({"settings": RECEIVER}, "networkPolicy.webhooks: name the networks of settings.webhook_allow, 10.1.0.0/16"),
        ({"courier": {"settings": RECEIVER}}, "name the networks of courier.settings.webhook_allow"),
        ({"settings": RECEIVER, "networkPolicy": {"webhooks": []}}, "networkPolicy.webhooks"),
        ({"metrics": {"port": 70000}}, "/metrics/port"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "/podDisruptionBudget/maxUnavailable"),
        ({"replicas": 3}, "replicas"),
        ({"gateway": {"temporary": "2000Mi"}}, "gateway.temporary: 2000Mi is less than the largest upload"),
        ({"settings": {"max_upload_bytes": 30 << 30}}, "gateway.temporary"),
        (
            {"settings": {"max_upload_bytes": 30 << 30}, "gateway": {"temporary": "40Gi"}},
            "pools.cpu-short-worker.temporary",
        ),
        ({"gateway": {"resources": {"requests": {"memory": "4G"}}}}, "gateway.resources.requests.memory: 4G is more"),
        (
            {"pools": {"gpu-worker": {"resources": {"requests": {"memory": "13Gi"}}}}},
            "pools.gpu-worker.resources.requests.memory",
        ),
        *(
            (
                {part: {"resources": {"requests": {resource: asked}, "limits": {resource: limit}}}},
                f"{part}.resources.requests.{resource}: {asked} is more than its limit, {limit}",
            )
            for part, resource, asked, limit in (
                ("gateway", "cpu", 2, "1500m"),
                ("courier", "cpu", "251m", 0.25),
                ("migrate", "ephemeral-storage", "2Gi", "2G"),
            )
        ),
        (
            {"gpu": {"enabled": True}, "pools": {"gpu-worker": {"resources": {"requests": {"nvidia.com/gpu": 2}}}}},
            "pools.gpu-worker.resources.requests.nvidia.com/gpu: 2 is more than its limit, 1",
        ),
        (
            {"gpu": {"enabled": True}, "pools": {"cpu-worker": {"resources": {"requests": {"nvidia.com/gpu": 1}}}}},
            "pools.cpu-worker.resources.requests.nvidia.com/gpu: 1 is more than its limit, 0",
        ),
        (
            {"gateway": {"settings": {"max_upload_bytes": 30 << 30}, "temporary": "40Gi"}},
            "pools.cpu-short-worker.temporary: 20Gi is less than the largest upload, gateway.settings.max_upload_bytes",
        ),
        *(
            (
                {"service": {"type": type_}},
                f"networkPolicy.gateway: name who comes from outside, whom service.type {type_} lets in",
            )
            for type_ in ("NodePort", "LoadBalancer")
        ),
        *(
            (
                {"autoscaling": {"enabled": True, "sslmode": weak}, "database": {"sslmode": "require"}},
                f"autoscaling.sslmode: {weak} may speak in the clear",
            )
            for weak in ("disable", "allow", "prefer")
        ),
        (
            {
                "ingress": INGRESS,
                "networkPolicy": {"gateway": NGINX},
                "settings": {"allowed_hosts": "example.org, *.other.org"},
            },
            "settings.allowed_hosts: example.org, *.other.org does not name ingress.host",
        ),
        (
            {"settings": {"allowed_hosts": "*.sounds.example.org", "public_url": "https://sounds.example.org"}},
            "settings.allowed_hosts: *.sounds.example.org does not name the host of public_url, sounds.example.org",
        ),
        (
            {"settings": {"public_url": "https://a.org"}, "gateway": {"settings": {"allowed_hosts": "b.org"}}},
            "gateway.settings.allowed_hosts: b.org does not name the host of public_url",
        ),
        *(
            ({"settings": SIGNING_IN | {name: url}}, f"settings.{name}: {url} must be https")
            for name, url in (
                ("oidc_issuer", "http://id.example.org"),
                ("public_url", "http://sounds.example.org"),
                ("public_url", "HTTP://localhost.example.org"),
            )
        ),
        (
            {"settings": SIGNING_IN | {"oidc_issuer": "id.example.org"}},
            "settings.oidc_issuer: id.example.org must be a URL",
        ),
        ({"courier": {"settings": SIGNING_IN | {"oidc_issuer": "http://a.org"}}}, "courier.settings.oidc_issuer: http"),
        ({"secrets": {"existingSecret": "My_Secret"}}, "/secrets/existingSecret"),
        ({"fullnameOverride": "Sounds"}, "/fullnameOverride"),
    ],
    ids=str,
)
def test_contradictions_are_refused(changed: dict[str, Any], said: str) -> None:
    """Before anything is installed, and with the field's name."""
    assert said in refusal(changed)


def test_without_values_helm_says_what_is_missing() -> None:
    """Each value that has no default, at once."""
    nothing = {
        "database": {"host": ""},
        "broker": {"host": ""},
        "store": {"endpointUrl": ""},
        "secrets": {"existingSecret": ""},
        "networkPolicy": {"database": [], "broker": [], "store": []},
    }
    said = refusal(nothing)
    for name in ("database/host", "broker/host", "store/endpointUrl", "secrets/existingSecret"):
        assert f"/{name}" in said
    for name in ("database", "broker", "store"):
        assert f"'/networkPolicy/{name}'" in said


@pytest.mark.parametrize(
    "changed",
    [
        {"ingress": {**INGRESS, "timeoutSeconds": 301}, "networkPolicy": {"gateway": NGINX}},
        {"ingress": {**INGRESS, "controller": "other"}, "networkPolicy": {"enabled": False}},
        {"pools": {"cpu-worker": {"autoscaling": {"minReplicas": 8}}}, "autoscaling": {"enabled": True}},
        {"pools": {"gpu-long-worker": {"enabled": False}, "gpu-worker": {"lane": "both"}}},
        {"networkPolicy": {"enabled": False, "store": [], "gateway": []}},
        {"networkPolicy": {"webhooks": []}},
        {"gateway": {"temporary": "2Gi", "resources": {"requests": {"memory": "3221225472"}}}},
        {
            "ingress": INGRESS,
            "networkPolicy": {"gateway": NGINX},
            "settings": {"allowed_hosts": "other.org, *.Example.org"},
        },
        {"settings": {"search_wait_s": 30, "webhook_http": True, "allowed_hosts": "*.example.org"}},
        {"database": {"sslmode": "verify-full", "caSecret": "authorities"}, "broker": {"tls": True}},
        {"database": {"sslmode": "require", "caSecret": "authorities"}},
        {"database": {"sslmode": "verify-ca", "caSecret": "authorities"}},
        {
            "ingress": INGRESS,
            "networkPolicy": {"gateway": NGINX, "identityProvider": NGINX},
            "settings": SIGNING_IN | {"public_url": "https://Sounds.example.org:8443"},
        },
        {
            "ingress": {**INGRESS, "tlsSecretName": "certificate"},
            "networkPolicy": {"gateway": NGINX},
            "settings": {"public_url": "https://sounds.example.org"},
        },
        {"settings": {"max_upload_bytes": 30 << 30}, "gateway": {"settings": {"max_upload_bytes": 1 << 30}}},
        {
            "gateway": {
                "resources": {
                    "requests": {"cpu": 1, "ephemeral-storage": "1024Mi"},
                    "limits": {"cpu": "1000m", "ephemeral-storage": "1Gi"},
                }
            }
        },
        {
            "gpu": {"enabled": True, "count": 2},
            "pools": {"gpu-worker": {"resources": {"requests": {"nvidia.com/gpu": 2}}}},
        },
        {"service": {"type": "LoadBalancer"}, "networkPolicy": {"gateway": [ANYWHERE]}},
        {"service": {"type": "NodePort"}, "networkPolicy": {"enabled": False}},
        {
            "autoscaling": {"enabled": True, "sslmode": "require"},
            "database": {"sslmode": "verify-full", "caSecret": "authorities"},
        },
        {"autoscaling": {"sslmode": "disable"}, "database": {"sslmode": "require"}},
        *(
            {"settings": {"allowed_hosts": allowed, "public_url": "https://Sounds.example.org"}}
            for allowed in ("*", ",", "a.org, SOUNDS.example.org", "s[ao]und?.example.org", "")
        ),
        {"settings": {"public_url": "http://sounds.example.org"}},
        {
            "networkPolicy": {"enabled": False},
            "settings": SIGNING_IN | {"oidc_issuer": "http://127.0.0.1:8080/realm", "public_url": "http://localhost"},
        },
        {
            "networkPolicy": {"enabled": False},
            "settings": SIGNING_IN | {"oidc_issuer": "http://id.example.org", "environment": "development"},
        },
        {"settings": RECEIVER, "networkPolicy": {"webhooks": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}},
        {"settings": RECEIVER, "networkPolicy": {"enabled": False}},
        {"gateway": {"settings": RECEIVER}},
        {"networkPolicy": {"enabled": False}, "settings": SIGNING_IN | {"otlp_endpoint": "http://otel:4318"}},
    ],
    ids=str,
)
def test_what_just_fits_is_taken(changed: dict[str, Any]) -> None:
    """At the limits themselves nothing is refused."""
    assert render(changed=changed)
