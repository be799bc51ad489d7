"""IP addresses: which are this machine's, what a client is counted by, and which a webhook must not reach."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_REFUSED_V4 = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a cloud's own",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_REFUSED_V6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "2001::/23": "reserved",
    "2001:db8::/32": "for documentation",
    "3fff::/20": "for documentation",
    "fc00::/7": "unique-local",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
_REFUSED = {ip_network(network): kind for network, kind in (_REFUSED_V4 | _REFUSED_V6).items()}
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_CLIENT_PREFIX = 64


def parse_address(host: str) -> Address | None:
    """The IP address that a host is; ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for whoever asks: a loopback address, ``localhost`` or a name below it.

    >>> is_loopback("127.0.0.2"), is_loopback("page.localhost"), is_loopback("localhost.example")
    (True, True, False)
    """
    address = parse_address(host)
    return f".{host.lower()}".endswith(".localhost") if address is None else address.is_loopback


def comma_separated(text: str) -> tuple[str, ...]:
    """The words of a setting, in lower case.

    >>> comma_separated("10.0.0.0/8, *.Corp,")
    ('10.0.0.0/8', '*.corp')
    """
    return tuple(filter(None, (part.strip().lower() for part in text.split(","))))


def why_refused(address: Address) -> str | None:
    """The kind of an address that is not public, or that embeds one that is not; ``None`` for a public address.

    >>> why_refused(ip_address("64:ff9b::7f00:1"))
    'loopback'
    """
    if isinstance(address, IPv6Address):
        within = _within(address)
        if within is not None:
            return why_refused(within)
    for network, kind in _REFUSED.items():
        if address in network:
            return kind
    return "reserved" if isinstance(address, IPv6Address) and address not in _UNICAST else None


def client_network(host: str) -> str:
    """What one client is counted by: its address, or of IPv6 the /64 network that it has to itself.

    >>> client_network("2001:db8::7"), client_network("192.0.2.7")
    ('2001:db8::/64', '192.0.2.7')
    """
    address = parse_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or ip_network((address, _CLIENT_PREFIX), strict=False))


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet to this one reaches, for a mapped, NAT64 or 6to4 address."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour if address in _6TO4 else None


@dataclass(frozen=True)
class Allowed:
    """What the operator allows besides the public internet: networks, and host patterns such as ``*.corp``."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads comma-separated networks and patterns. Raises ``ValueError`` for a malformed network.

        >>> Allowed.parse("10.0.0.0/8, *.corp").hosts
        ('*.corp',)
        """
        networks: list[Network] = []
        hosts: list[str] = []
        for word in comma_separated(text):
            if "/" in word or parse_address(word) is not None:
                networks.append(ip_network(word))
            else:
                hosts.append(word)
        four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
        six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
        return cls((*four, *six), tuple(hosts))

    def has_host(self, host: str) -> bool:
        return any(fnmatchcase(host, pattern) for pattern in self.hosts)

    def has_address(self, address: Address) -> bool:
        """Whether the address, or the IPv4 address that it embeds, is in one of the networks."""
        plain = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
        return any(plain in network for network in self.networks)
