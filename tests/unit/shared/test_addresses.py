"""Addresses that webhooks must not reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from phonoscope.addresses import Allowed, why_refused

REFUSED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.127.255.255": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "link-local",
    "168.63.129.16": "a cloud's own",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "192.0.0.192": "reserved",
    "198.18.0.1": "for benchmarks",
    "203.0.113.7": "for documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "reserved",
    "fe80::1": "link-local",
    "fc00::1": "unique-local",
    "fd00:ec2::254": "unique-local",
    "fec0::1": "reserved",
    "ff02::1": "multicast",
    "2001::1": "reserved",
    "2001:db8::1": "for documentation",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:10.1.2.3": "private",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b:1::1": "reserved",
    "2002:7f00:1::": "loopback",
    "2002:a00:1::1": "private",
}
PUBLIC = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "172.15.255.255", "172.32.0.0", "169.253.255.255", "169.255.0.0", "192.167.255.255", "192.169.0.0",
    "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::",
]  # fmt: skip


@pytest.mark.parametrize("text", sorted(REFUSED))
def test_what_is_not_public_is_refused(text: str) -> None:
    """By its kind, in whatever form the address comes."""
    assert why_refused(ip_address(text)) == REFUSED[text]


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_not(text: str) -> None:
    """Up to the very borders of the ranges."""
    assert why_refused(ip_address(text)) is None


def test_an_operator_allows_networks_and_hosts() -> None:
    """Networks hold for addresses in every form, patterns for hosts; nothing else is allowed by them."""
    allowed = Allowed.parse(" 127.0.0.0/8, 10.1.2.3 ,fd00::/8,*.Corp,hooks ")
    assert allowed.has_address(ip_address("127.9.9.9"))
    assert allowed.has_address(ip_address("::ffff:127.0.0.1"))
    assert allowed.has_address(ip_address("10.1.2.3"))
    assert allowed.has_address(ip_address("fd12::1"))
    assert not allowed.has_address(ip_address("10.1.2.4"))
    assert not allowed.has_address(ip_address("::1"))
    assert allowed.has_host("a.corp")
    assert allowed.has_host("hooks")
    assert not allowed.has_host("corp")
    assert not allowed.has_host("hooks.example")


def test_nothing_is_allowed_by_default() -> None:
    """An operator who says nothing allows nothing."""
    assert Allowed.parse("") == Allowed()
    assert not Allowed().has_address(ip_address("127.0.0.1"))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "fe80::/200"])
def test_a_malformed_network_is_no_host(text: str) -> None:
    """A misspelt network is said to be so, rather than never to match."""
    with pytest.raises(ValueError, match=r"\S"):
        Allowed.parse(text)
