"""What must hold in the chart for Kubernetes, as Helm itself renders it; it was not installed in a cluster."""

import json
import re
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from deploy.chart_settings import OF_THE_CHART, SCHEMA, as_text, settings_schema
from phonoscope.settings import Settings
from tests.unit.deploy.chart import (
    CHART,
    COMPONENT,
    DECODERS,
    PARTS,
    ROOT,
    VALUES,
    Object,
    component,
    container,
    environment,
    of_kind,
    pods,
    render,
    run_helm,
    selects,
)
from tests.unit.deploy.keda import SCHEMAS

VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
OLDEST, NEWEST = "1.27", "1.37"
PASSWORDS = {"DATABASE_PASSWORD", "BROKER_PASSWORD"}
OF_METRICS = {"PHONOSCOPE_METRICS_PORT", "PHONOSCOPE_METRICS_HOST"}


@cache
def rendered(values: str) -> list[Object]:
    """Rendered once; nothing changes it."""
    return render(values)


@cache
def compose() -> dict[str, dict[str, Any]]:
    """The services of the base file that have an image of ours."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: services[name] for name in PARTS}


def in_bytes(amount: str) -> int:
    """``${GATEWAY_MEMORY:-3g}`` and ``3Gi``, in bytes."""
    found = re.fullmatch(r"(?:\$\{\w+:-)?(\d+)([gm]|Gi|Mi)\}?", amount)
    assert found is not None, amount
    return int(found[1]) << {"g": 30, "m": 20}[found[2][0].lower()]


@pytest.mark.parametrize("values", VALUES)
def test_helm_finds_no_fault(values: str) -> None:
    """Helm's own look at the chart, warnings counted as faults."""
    status, text = run_helm("lint", "--strict", "--quiet", values=values)
    assert status == 0, text


@pytest.mark.parametrize(("values", "version"), [(name, NEWEST) for name in VALUES] + [("everything", OLDEST)])
def test_objects_are_as_kubernetes_wants_them(values: str, version: str) -> None:
    """By the schemas of the oldest and a new release, in which nothing unknown is allowed; KEDA's by our own."""
    for found in rendered(values):
        if found["kind"] in SCHEMAS:
            jsonschema.validate(found, SCHEMAS[found["kind"]])
        else:
            kubernetes_validate.validate(found, version, strict=True)
    names = [(found["kind"], found["metadata"]["name"]) for found in rendered(values)]
    assert len(names) == len(set(names))
    assert max(len(name) for _, name in names) <= 63


def test_the_parts_are_those_of_compose() -> None:
    """The same programs, images, limits of memory, checks of health, and time to end."""
    found = pods(rendered("minimal"))
    assert found.keys() == compose().keys()
    for name, pod in found.items():
        service, box = compose()[name], container(pod)
        assert box["command"] == service["command"], name
        image = "phonoscope-gateway" if name == "migrate" else service["image"].split(":")[0]
        assert box["image"] == f"{image}:{VERSION}", name
        assert in_bytes(box["resources"]["limits"]["memory"]) == in_bytes(service["mem_limit"]), name
        assert f"{pod['spec']['terminationGracePeriodSeconds']}s" == service["stop_grace_period"]
        assert {mount["mountPath"] for mount in box["volumeMounts"]} == set(service["volumes"]), name
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"]), name


def test_health_is_checked_as_in_compose() -> None:
    """Workers and courier by the same command. What asks PostgreSQL decides over readiness, not over life."""
    found = pods(rendered("minimal"))
    for name in PARTS - {"gateway", "migrate"}:
        box = container(found[name])
        assert box["readinessProbe"]["exec"]["command"] == compose()[name]["healthcheck"]["test"][1:]
        assert "livenessProbe" not in box
    gateway = container(found["gateway"])
    assert gateway["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}
    assert gateway["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
    assert {"name": "http", "containerPort": 8000} in gateway["ports"]


def test_every_process_has_the_variables_of_compose() -> None:
    """With all settings given each part has each of them, and those of compose alone."""
    written = settings_schema()["properties"]
    given = {name: Settings.model_fields[name].default for name in written}
    changed: dict[str, object] = {
        "settings": given,
        "store": {"publicEndpointUrl": "https://objects.example.org"},
        "secrets": {"keys": {"oidcClientSecret": "oidc"}},
    }
    for name, pod in pods(render("minimal", changed)).items():
        of_compose = compose()[name]["environment"].keys() - OF_METRICS
        assert environment(pod).keys() - PASSWORDS - OF_METRICS == of_compose, name


def test_variables_have_the_values_of_compose() -> None:
    """URLs of the same form, and the same exception for the gateway; elsewhere nothing is set that is not needed."""
    found = environment(pods(rendered("minimal"))["gateway"])
    given = compose()["gateway"]["environment"]
    of_compose = given["PHONOSCOPE_DATABASE_URL"].replace(
        "${POSTGRES_PASSWORD:-development-only}", "$(DATABASE_PASSWORD)"
    )
    assert found["PHONOSCOPE_DATABASE_URL"] == f"{of_compose}?sslmode=prefer"
    of_compose = given["PHONOSCOPE_BROKER_URL"].replace("${VALKEY_PASSWORD:-development-only}", "$(BROKER_PASSWORD)")
    assert found["PHONOSCOPE_BROKER_URL"] == of_compose
    assert found["PHONOSCOPE_S3_ENDPOINT_URL"] == given["PHONOSCOPE_S3_ENDPOINT_URL"]
    own = "PHONOSCOPE_MAX_CONNECTIONS_PER_ADDRESS"
    assert f":-{found[own]}}}" in given[own]
    courier = environment(pods(rendered("minimal"))["courier"])
    assert found.keys() - courier.keys() == {own}
    assert "PHONOSCOPE_ENVIRONMENT" not in courier  # so it is production


def test_servers_are_checked_by_certificates_that_are_mounted() -> None:
    """In every process, with the user of the broker; without them nothing is mounted, and PostgreSQL is as it was."""
    changed: dict[str, object] = {
        "database": {"sslmode": "verify-full", "caSecret": "database-authorities"},
        "broker": {"user": "sounds", "tls": True, "caSecret": "broker-authorities"},
    }
    for name, pod in pods(render("minimal", changed)).items():
        database, broker = (environment(pod)[f"PHONOSCOPE_{server}_URL"] for server in ("DATABASE", "BROKER"))
        assert database.endswith("?sslmode=verify-full&sslrootcert=/ca/database/ca.crt")
        assert broker == (
            "rediss://sounds:$(BROKER_PASSWORD)@valkey:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/ca/broker/ca.crt"
        )
        mounts = {
            mount["mountPath"]: mount["name"] for mount in container(pod)["volumeMounts"] if mount.get("readOnly")
        }
        secrets = {volume["name"]: volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume}
        found = {path: (secrets[mount]["secretName"], secrets[mount]["items"]) for path, mount in mounts.items()}
        entry = [{"key": "ca.crt", "path": "ca.crt"}]
        assert found == {
            "/ca/database": ("database-authorities", entry),
            "/ca/broker": ("broker-authorities", entry),
        }, name
    (gateway,) = (pod for name, pod in pods(render("minimal", {"broker": {"tls": True}})).items() if name == "gateway")
    assert environment(gateway)["PHONOSCOPE_BROKER_URL"].endswith("/0?ssl_cert_reqs=required")
    assert [volume["name"] for volume in gateway["spec"]["volumes"]] == ["temporary"]


def test_keda_may_check_servers_otherwise() -> None:
    """It reads no file of ours: its own authorities check, or `autoscaling.sslmode` says that none do."""
    database = {"database": {"sslmode": "verify-full", "caSecret": "authorities"}}

    def modes(changed: dict[str, object]) -> set[str]:
        scaled = of_kind(render("autoscaled", changed), "ScaledObject")
        return {found["spec"]["triggers"][0]["metadata"]["sslmode"] for found in scaled}

    assert modes({**database}) == {"verify-full"}
    assert modes({**database, "autoscaling": {"sslmode": "require"}}) == {"require"}


@pytest.mark.parametrize("values", VALUES)
def test_variables_are_settings(values: str) -> None:
    """A misspelt one would be ignored in silence."""
    known = {f"PHONOSCOPE_{name.upper()}" for name in Settings.model_fields} | PASSWORDS | OF_METRICS
    for name, pod in pods(rendered(values)).items():
        assert environment(pod).keys() <= known, name


def test_the_schema_has_every_setting() -> None:
    """`python -m deploy.chart_settings` writes them; what follows from other values cannot be set twice."""
    assert SCHEMA.read_text() == as_text(json.loads(SCHEMA.read_text())) + "\n"
    assert json.loads(SCHEMA.read_text())["$defs"]["settings"] == settings_schema()
    assert not OF_THE_CHART & settings_schema()["properties"].keys()


def test_numbers_arrive_as_they_are_written() -> None:
    """Helm reads 5368709120 as 5.36870912e+09; a part's own `false` goes before a common `true`."""
    found = {name: environment(pod) for name, pod in pods(rendered("everything")).items()}
    assert {name: read["PHONOSCOPE_MAX_UPLOAD_BYTES"] for name, read in found.items()} == dict.fromkeys(
        PARTS, "5368709120"
    )
    assert found["courier"]["PHONOSCOPE_RETENTION_DAYS"] == "0.5"
    assert found["gateway"]["PHONOSCOPE_LINKS_END_WITH_KEY"] == "false"
    assert found["courier"]["PHONOSCOPE_LINKS_END_WITH_KEY"] == "true"


@pytest.mark.parametrize("values", VALUES)
def test_secrets_are_references(values: str) -> None:
    """No object holds a value: each secret's variable refers to an entry, before the URLs that are made with it."""
    assert not of_kind(rendered(values), "Secret")
    assert not of_kind(rendered(values), "ConfigMap")
    for pod in pods(rendered(values)).values():
        secret = [name for name in environment(pod) if re.search("PASSWORD|SECRET|ACCESS_KEY", name)]
        assert len(secret) == 5
        assert all("secretKeyRef" in environment(pod)[name] for name in secret)
        for name in ("DATABASE", "BROKER"):
            url = environment(pod)[f"PHONOSCOPE_{name}_URL"]
            assert re.fullmatch(rf"[a-z0-9+]+://[^:@]*:\$\({name}_PASSWORD\)@[^@]+", url), url
            order = list(environment(pod))
            assert order.index(f"{name}_PASSWORD") < order.index(f"PHONOSCOPE_{name}_URL")


@pytest.mark.parametrize("values", VALUES)
def test_pods_may_do_little(values: str) -> None:
    """Nobody's user, no token of the cluster, no capability, the runtime's filter of calls, nothing to write to.

    Links to services would set variables that begin as our settings do.
    """
    files = [yaml.safe_load((ROOT / f"docker-compose{gpu}.yml").read_text())["services"] for gpu in ("", ".gpu")]
    writable = {name for name, service in files[1].items() if service["read_only"] is False}
    for name, pod in pods(rendered(values)).items():
        spec, box = pod["spec"], container(pod)
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        own = box["securityContext"]
        with_gpu = values == "everything"
        assert own["readOnlyRootFilesystem"] == (not with_gpu or name not in writable), name
        assert (own["allowPrivilegeEscalation"], own["capabilities"]) == (False, {"drop": ["ALL"]})
        assert {"privileged", "add"}.isdisjoint({*own, *own["capabilities"]})
        assert {"cpu", "memory"} <= box["resources"]["requests"].keys()


def test_a_gpu_is_given_as_compose_gives_it() -> None:
    """To the workers of both lanes, whose network runs there or not at all; none is surged for an update."""
    found = pods(rendered("everything"))
    for name, pod in found.items():
        with_gpu = name.startswith("gpu-")
        box = container(pod)
        assert box["resources"]["limits"].get("nvidia.com/gpu") == (2 if with_gpu else None)
        assert environment(pod)["PHONOSCOPE_DEVICE"] == ("cuda" if with_gpu else "auto")
        assert pod["spec"].get("runtimeClassName") == ("nvidia" if with_gpu else None)
        assert box["image"].endswith("-cuda") == with_gpu
        keys = [toleration["key"] for toleration in pod["spec"].get("tolerations", ())]
        assert ("nvidia.com/gpu" in keys) == with_gpu
    for deployment in of_kind(rendered("everything"), "Deployment"):
        surge = deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        assert surge == (0 if component(deployment).startswith("gpu-") else 1)
    assert not [pod for pod in pods(rendered("minimal")).values() if "nvidia" in str(pod)]


def test_images_by_tag_and_digest() -> None:
    """Either or both, in a registry of one's own."""
    images = {name: container(pod)["image"] for name, pod in pods(rendered("everything")).items()}
    at = "registry.example.org/team/phonoscope"
    assert images["gateway"] == images["migrate"] == f"{at}-gateway:1.2@sha256:{1:064d}"
    assert images["cpu-worker"] == images["cpu-short-worker"] == f"{at}-cpu-worker@sha256:{2:064d}"
    assert images["courier"] == f"{at}-courier:1.2"
    assert images["gpu-worker"] == f"{at}-gpu-worker:{VERSION}-cuda"


def test_models_are_mounted_where_they_are_read() -> None:
    """Read-only, for all but courier and migration, with the settings that name the folders."""
    for name, pod in pods(rendered("everything")).items():
        mounts = {mount["mountPath"]: mount.get("readOnly") for mount in container(pod)["volumeMounts"]}
        assert mounts == ({"/tmp": None, "/models": True, "/pulled": True} if name in DECODERS else {"/tmp": None})
        assert environment(pod)["PHONOSCOPE_MODELS_DIR"] == "/models"
        assert environment(pod)["PHONOSCOPE_MORE_MODELS_DIR"] == "/pulled"


@pytest.mark.parametrize("values", VALUES)
def test_selectors_choose_one_part(values: str) -> None:
    """Services, budgets and deployments select the pods of their own part, and of no other."""
    objects = rendered(values)
    found = pods(objects)
    for kind in ("Service", "PodDisruptionBudget", "Deployment"):
        for item in of_kind(objects, kind):
            selector = item["spec"]["selector"]
            chosen = {
                name
                for name, pod in found.items()
                if selects(selector if kind != "Service" else {"matchLabels": selector}, pod)
            }
            assert chosen == {component(item)}, (kind, chosen)
    budgets = {component(item) for item in of_kind(objects, "PodDisruptionBudget")}
    assert budgets == (set() if values == "bare" else found.keys() - {"migrate"})
    for name, pod in found.items():
        spread = pod["spec"].get("topologySpreadConstraints", [])
        assert len(spread) == (0 if values == "bare" or name == "migrate" else 2)
        assert all(constraint["labelSelector"]["matchLabels"][COMPONENT] == name for constraint in spread)


def test_tables_are_made_before_anything_else() -> None:
    """One job, a hook, once; what lets it reach the stores is there before it."""
    (job,) = of_kind(rendered("minimal"), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (1, 1)
    (policy,) = [item for item in of_kind(rendered("minimal"), "NetworkPolicy") if "annotations" in item["metadata"]]
    assert policy["metadata"]["annotations"]["helm.sh/hook"] == job["metadata"]["annotations"]["helm.sh/hook"]
    weights = [int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in (policy, job)]
    assert weights == sorted(weights)
    assert weights[0] < weights[1]
    assert selects(policy["spec"]["podSelector"], pods([job])["migrate"])


def test_the_ingress_lets_through_what_the_gateway_takes() -> None:
    """The largest upload and its envelope, unbuffered, and answers that come late; one's own annotations go before."""
    (ingress,) = of_kind(rendered("everything"), "Ingress")
    nginx = {name.split("/")[1]: value for name, value in ingress["metadata"]["annotations"].items()}
    assert int(nginx["proxy-body-size"]) == 5368709120 + (1 << 20)
    assert nginx["proxy-request-buffering"] == "off"
    assert nginx["proxy-buffering"] == "on"
    assert float(nginx["proxy-read-timeout"]) > 110
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == ingress["spec"]["tls"][0]["hosts"][0] == "sounds.example.org"
    assert rule["http"]["paths"][0]["path"] == "/sounds"
    (service,) = of_kind(rendered("everything"), "Service")
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == service["metadata"]["name"]
    assert service["spec"]["ports"][0]["targetPort"] == "http"


def test_metrics_have_a_port_only_when_asked() -> None:
    """Of every process that stays."""
    for values in ("minimal", "everything"):
        for name, pod in pods(rendered(values)).items():
            ports = {port["name"] for port in container(pod).get("ports", ())}
            assert ("metrics" in ports) == (values == "everything" and name != "migrate")
            assert OF_METRICS.isdisjoint(environment(pod)) == (values == "minimal")


@pytest.mark.parametrize(
    ("values", "said", "not_said"),
    [
        ("minimal", "port-forward service/test-phonoscope-gateway 8000:80", "Without network policies"),
        ("bare", "Without network policies", "scaledobjects"),
        ("autoscaled", "get scaledobjects", "https://"),
        ("everything", "https://sounds.example.org/sounds", "port-forward"),
    ],
)
def test_the_notes_say_how_to_begin(values: str, said: str, not_said: str) -> None:
    """A key, and the address or the way to it."""
    status, text = run_helm("install", "test", "--dry-run=client", values=values)
    assert status == 0, text
    notes = text.partition("NOTES:")[2]
    assert "-gateway -- phonoscope keys create" in notes
    assert said in notes
    assert not_said not in notes
