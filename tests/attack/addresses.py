"""Webhook addresses that lead where no event may go, in every spelling that some parser understands."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice

FORBIDDEN_V4 = {
    "loopback": "127.0.0.1",
    "another loopback": "127.255.255.254",
    "unspecified": "0.0.0.0",
    "private A": "10.0.0.1",
    "private B": "172.31.255.1",
    "private C": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "metadata": "169.254.169.254",
    "a cloud's own": "168.63.129.16",
    "multicast": "239.255.255.250",
    "broadcast": "255.255.255.255",
}
FORBIDDEN_V6 = (
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "fec0::1",
)
_FORMS_FIRST = ("http://{}/", "https://{}:8443/hook")
_TRICKS = (
    "http://user:secret@127.0.0.1/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1#@example.org/",
    "http://127.0.0.1\\@example.org/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[fe80::1%25eth0]/",
    "http://[v1.::1]/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:99999999999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:22/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:6379/INFO",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "data:text/plain,x",
    "http://",
    "https://",
    "http://.",
    "http://..",
    "http://-a.example/",
    "http://a..b/",
    "http://" + "a" * 300 + ".example/",
    "http://127.0.0.1\r\nX-Header: 1/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1 /",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://１２７.０.０.１/",
    "http://127%2e0%2e0%2e1/",
    "http://%31%32%37.0.0.1/",
)
_NAMES = ("localhost", "localhost.", "LOCALHOST", "ip6-localhost", "ip6-loopback", "ip6-allnodes", "ip6-allrouters")


def forbidden_urls(count: int) -> list[str]:
    """So many addresses as far as there are; every one of them must be refused."""
    return [*islice(dict.fromkeys(_all_urls()), count)]


def _all_urls() -> Iterator[str]:
    spelled = zip(*(_spellings(address) for address in FORBIDDEN_V4.values()), strict=True)
    hosts = [*_names(), *_v6_hosts(), *(spelling for alike in spelled for spelling in alike)]
    for number in range(max(len(hosts), len(_TRICKS))):
        if number < len(_TRICKS):
            yield _TRICKS[number]
        if number < len(hosts):
            yield _FORMS_FIRST[0].format(hosts[number])
    for host in hosts:
        yield _FORMS_FIRST[1].format(host)


def _spellings(text: str) -> Iterator[str]:
    """An IPv4 address in decimal, octal, hexadecimal, short, mapped, NAT64, 6to4 and compatible spelling."""
    address = IPv4Address(text)
    number, parts = int(address), text.split(".")
    yield text
    yield text + "."
    yield str(number)
    yield f"0x{number:08x}"
    yield f"0{number:o}"
    yield ".".join(f"0{int(part):o}" for part in parts)
    yield ".".join(f"0x{int(part):x}" for part in parts)
    yield f"{parts[0]}.{number & 0xFFFFFF}"
    yield f"{parts[0]}.{parts[1]}.{number & 0xFFFF}"
    yield ".".join(part.zfill(3) for part in parts)
    yield f"[::ffff:{text}]"
    yield f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[64:ff9b::{text}]"
    yield f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]"
    yield f"[::{text}]"


def _v6_hosts() -> Iterator[str]:
    for text in FORBIDDEN_V6:
        yield f"[{text}]"
        yield f"[{IPv6Address(text).exploded}]"


def _names() -> Iterator[str]:
    """Names that this machine's own resolver leads to such an address."""
    for name in (*_NAMES, socket.gethostname()):
        try:
            found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
        except OSError:
            continue
        if all(not ip_address(str(address[0]).partition("%")[0]).is_global for *_, address in found):
            yield name
