"""Who may reach whom: the chart's network policies against the networks of compose."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.unit.deploy.chart import COMPONENT, PARTS, VALUES, Object, of_kind, pods, render, selects

PRIVATE = (
    "10.0.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "fe80::1",
)
PUBLIC = ("203.0.113.1", "8.8.8.8", "2001:4860:4860::8888")
STORES = {"postgres": 5432, "valkey": 6379, "minio": 9000}


def policies_of(part: str, objects: list[Object]) -> list[Object]:
    """The policies that hold for a part's pods."""
    pod = pods(objects)[part]
    return [item["spec"] for item in of_kind(objects, "NetworkPolicy") if selects(item["spec"]["podSelector"], pod)]


def allowed(part: str, way: str, objects: list[Object]) -> list[dict[str, Any]]:
    """Each peer that a part's pods may talk to (`egress`) or hear from (`ingress`), with the ports."""
    key = "to" if way == "egress" else "from"
    rules = [rule for policy in policies_of(part, objects) for rule in policy.get(way) or ()]
    assert all(rule.get(key) for rule in rules), "a rule without peers allows all"
    return [{**peer, "ports": [port["port"] for port in rule.get("ports", ())]} for rule in rules for peer in rule[key]]


def reaches(address: str, peers: list[dict[str, Any]]) -> bool:
    """Whether an address is in one of the blocks."""
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    return any(
        _within(address, block["cidr"]) and not any(_within(address, no) for no in block.get("except", ()))
        for block in blocks
    )


def _within(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_what_decodes_has_no_way_out(part: str) -> None:
    """Names and the three stores, each by its port; the courier reaches public addresses as well, no private one."""
    objects = render()
    peers = allowed(part, "egress", objects)
    inside = [peer for peer in peers if "ipBlock" not in peer]
    by_app = {
        peer["podSelector"]["matchLabels"].get("app", "dns"): peer["ports"] for peer in inside if "podSelector" in peer
    }
    assert by_app == {name: [port] for name, port in STORES.items()} | {"dns": [53, 53]}
    assert [address for address in PUBLIC if reaches(address, peers)] == (list(PUBLIC) if part == "courier" else [])
    assert not [address for address in PRIVATE if reaches(address, peers)]


@pytest.mark.parametrize("values", [name for name in VALUES if name != "bare"])
def test_each_pod_is_closed_both_ways(values: str) -> None:
    """Some policy of each kind holds for each pod, so that what no rule allows is refused."""
    objects = render(values)
    for part in pods(objects):
        kinds = {kind for policy in policies_of(part, objects) for kind in policy["policyTypes"]}
        assert kinds == {"Ingress", "Egress"}, part


def test_the_gateway_alone_is_reached() -> None:
    """On its own port, by whom the values name; metrics on theirs."""
    objects = render("everything")
    for part in sorted(PARTS):
        named = {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: peer["ports"]
            for peer in allowed(part, "ingress", objects)
        }
        assert named == {"monitoring": [9464]} | ({"ingress-nginx": [8000]} if part == "gateway" else {})
    assert not [part for part in PARTS - {"gateway"} if allowed(part, "ingress", render())]


def test_other_releases_are_not_meant() -> None:
    """Selectors name the release: a second one in the namespace is not opened or closed by the first."""
    for item in of_kind(render(), "NetworkPolicy"):
        assert item["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "test"


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://s3.example.org", 443),
        ("http://s3.example.org", 80),
        ("http://minio:9000/", 9000),
        ("https://10.0.0.1:8443", 8443),
    ],
)
def test_the_store_is_reached_by_the_port_of_its_address(url: str, port: int) -> None:
    """Also where the URL does not say it."""
    peers = allowed("gateway", "egress", render(changed={"store": {"endpointUrl": url}}))
    assert [port] in [peer["ports"] for peer in peers if peer.get("podSelector") == {"matchLabels": {"app": "minio"}}]


@pytest.mark.parametrize(("url", "port"), [("http://otel:4318", 4318), ("https://otel.example.org/otlp", 443)])
def test_each_pod_reaches_the_collector(url: str, port: int) -> None:
    """By the port of its address; where no traces are sent, nobody is reached by that."""
    policy = {"collector": [{"podSelector": {"matchLabels": {"app": "otel"}}}]}
    on = render(changed={"settings": {"otlp_endpoint": url}, "networkPolicy": policy})
    off = render(changed={"networkPolicy": policy})

    def ports(part: str, objects: list[dict[str, Any]]) -> list[list[int]]:
        peers = allowed(part, "egress", objects)
        return [peer["ports"] for peer in peers if peer.get("podSelector") == {"matchLabels": {"app": "otel"}}]

    for part in sorted(PARTS - {"migrate"}):
        assert ports(part, on) == [[port]], part
    assert not [part for part in PARTS if ports(part, off)]
    own = render(
        changed={
            "settings": {"otlp_endpoint": url},
            "courier": {"settings": {"otlp_endpoint": "http://near:4319"}},
            "pools": {"cpu-worker": {"settings": {"otlp_endpoint": ""}}},
            "networkPolicy": policy,
        }
    )
    assert [ports(part, own) for part in ("gateway", "courier", "cpu-worker")] == [[[port]], [[4319]], []]


def test_no_webhooks_no_way_out() -> None:
    """A courier that delivers nothing outside is as closed as the others."""
    objects = render(changed={"networkPolicy": {"webhooks": []}})
    assert allowed("courier", "egress", objects) == allowed("gateway", "egress", objects)
    assert COMPONENT in pods(objects)["courier"]["metadata"]["labels"]


@pytest.mark.parametrize(
    ("issuer", "port"), [("https://id.example.org", 443), ("https://id.data.svc:8443/realms/x", 8443)]
)
def test_the_gateway_reaches_the_identity_provider(issuer: str, port: int) -> None:
    """By the port of its address, where the settings have one; the workers do not."""
    peer = {"ipBlock": {"cidr": "203.0.113.7/32"}}
    policy: dict[str, object] = {"networkPolicy": {"identityProvider": [peer]}}
    signing_in = {"oidc_issuer": issuer, "oidc_client_id": "sounds", "public_url": "https://sounds.example.org"}

    def outside(part: str, objects: list[Object]) -> list[dict[str, Any]]:
        return [found for found in allowed(part, "egress", objects) if "ipBlock" in found]

    for where in ({"settings": signing_in}, {"gateway": {"settings": signing_in}}):
        objects = render(changed=policy | where)
        assert outside("gateway", objects) == [peer | {"ports": [port]}]
        assert not outside("cpu-short-worker", objects)
    assert not outside("gateway", render(changed=policy))
