"""Which URLs are taken, and which hosts are let through once they are resolved."""

from __future__ import annotations

import pytest

from phonoscope.addresses import Allowed
from phonoscope.errors import RefusedUrl
from phonoscope.webhooks.rules import Rules, resolve

LOOPBACK = Rules(Allowed.parse("127.0.0.0/8"), http=True)


def refusal(url: str, rules: Rules | None = None, addresses: list[str] | None = None) -> str:
    with pytest.raises(RefusedUrl) as caught:
        (rules or Rules()).admit(url, lambda *_: addresses or ["1.1.1.1"])
    assert caught.value.status == 422
    return str(caught.value.errors[0]["message"])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/", "https"),
        ("ftp://hooks.example/", "https"),
        ("file:///etc/passwd", "https"),
        ("hooks.example", "https"),
        ("", "https"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://user@hooks.example/", "credentials"),
        ("https://user:secret@hooks.example/", "credentials"),
        ("https://hooks.example/#part", "fragment"),
        ("https://hooks.example:22/", "port 22"),
        ("https://hooks.example:0/", "no such port"),
        ("https://hooks.example:99999/", "no such port"),
        ("https://hooks..example/", "name"),
        ("https://-hooks.example/", "name"),
        ("https://hooks.example./", "name"),
        ("https://ho oks.example/", "name"),
        ("https://hooks.example\\@127.0.0.1/", ""),
        ("https://hooks.example/\r\nX: y", "URL"),
        ("https://[::1/", "URL"),
        ("https://[fe80::1%25eth0]/", ""),
    ],
)
def test_what_is_no_address_for_events_is_refused(url: str, why: str) -> None:
    """Before any name server is asked, with the reason."""
    assert why in refusal(url)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "017700000001", "1.2.3.4.5",
     "010.0.0.1", "1.1.1.256", "\uff11\uff12\uff17.0.0.1", "%31%32%37.0.0.1"],
)  # fmt: skip
def test_addresses_are_spelled_in_one_way(host: str) -> None:
    """Decimal, octal, hexadecimal, short, full-width: what another program might read as an address is none."""
    assert refusal(f"https://{host}/")
    assert refusal(f"http://{host}/", LOOPBACK)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0"]
)
def test_literal_addresses_are_checked(host: str) -> None:
    """An address needs no name server to be refused."""
    assert "outside the public internet" in refusal(f"https://{host}/")


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["2606:4700::1", "::1"]])
def test_one_bad_answer_is_enough(addresses: list[str]) -> None:
    """Every answer of the name servers is checked, not the first alone."""
    assert "outside the public internet" in refusal("https://hooks.example/", addresses=addresses)


def test_a_refusal_does_not_tell_the_address() -> None:
    """Whoever may make webhooks learns nothing about the names of an inner network."""
    assert "10.11.12.13" not in refusal("https://hooks.example/", addresses=["10.11.12.13"])


def test_a_good_url_is_understood() -> None:
    """Its parts are those that are connected to and asked for."""
    target = Rules().admit("https://Hooks.Example:8443/a/b?c=d&e=%20", lambda *_: ["1.1.1.1", "2606:4700::1"])
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example", 8443)
    assert target.path == "/a/b?c=d&e=%20"
    assert (target.authority, target.origin) == ("hooks.example:8443", "https://hooks.example:8443")
    assert Rules().admit("https://hooks.example", lambda *_: ["1.1.1.1"]).path == "/"
    assert Rules().parse("https://bücher.example/").host == "xn--bcher-kva.example"
    assert Rules().parse("https://[2606:4700::1]:8443/").authority == "[2606:4700::1]:8443"


def test_a_host_without_addresses_may_get_some() -> None:
    """It is checked again at every attempt; what needs no answer is refused all the same."""

    def none(*_: object) -> list[str]:
        raise OSError("no such host")

    assert Rules().admit("https://soon.example/", none).host == "soon.example"
    with pytest.raises(RefusedUrl):
        Rules().admit("https://127.0.0.1/", none)


def test_the_operator_s_word_counts() -> None:
    """Networks and hosts that are allowed may be private, and have any port; others stay refused."""
    assert LOOPBACK.admit("http://127.0.0.1:99/").port == 99
    assert LOOPBACK.admit("http://hooks.example:99/", lambda *_: ["127.0.0.1"]).port == 99
    assert "outside the public internet" in refusal("http://hooks.example/", LOOPBACK, ["10.0.0.1"])
    assert "outside the public internet" in refusal("http://hooks.example/", LOOPBACK, ["127.0.0.1", "10.0.0.1"])
    corp = Rules(Allowed.parse("*.corp"))
    assert corp.admit("https://hooks.corp:22/", lambda *_: ["10.0.0.1"]).host == "hooks.corp"
    assert "https" in refusal("http://hooks.corp/", corp)


def test_names_are_really_resolved() -> None:
    """By the system's resolver, with every address once."""
    assert set(resolve("localhost", 443)) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"\S"):
        resolve("a" * 64 + ".invalid", 443)
