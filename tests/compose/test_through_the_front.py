"""Clients reach the gateway through the front, whose address all of them have there."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from phonoscope_gateway.limits import allow_many_connections
from phonoscope_local.ports import LOOPBACK
from tests.compose.project import Project

pytestmark = pytest.mark.timeout(4500)

WRONG_KEYS = 45
# More than the gateway lets one address have elsewhere.
CROWD = 1_100


@pytest.fixture
def client(project: Project) -> Iterator[httpx.Client]:
    """A client of the published port."""
    with httpx.Client(base_url=project.url, timeout=60) as client:
        yield client


def test_wrong_keys_do_not_shut_out_right_ones(client: httpx.Client, api_key: str) -> None:
    """A burst of wrong keys is slowed; between them a right key, from the same address there, is always answered."""
    answers = [(_status(client, f"psk_{number:043}"), _status(client, api_key)) for number in range(WRONG_KEYS)]
    wrong, right = zip(*answers, strict=True)
    assert (wrong[0], set(wrong)) == (401, {401, 429})
    assert set(right) == {200}


@pytest.mark.parametrize("host", ["music.example.org", "music.example.org:8443", "192.0.2.7", "[2001:db8::7]"])
def test_the_gateway_answers_to_any_name(client: httpx.Client, host: str) -> None:
    """It does not listen on loopback there, and a proxy's name for it is unknown until it is set."""
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_the_front_changes_no_request(client: httpx.Client) -> None:
    """What is no host is refused by the gateway itself, with its own problem."""
    answer = client.get("/", headers={"Host": "two words"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_crowd_is_let_in(project: Project) -> None:
    """Connections of many clients at once are those of one address to the gateway, which is no limit there."""
    allow_many_connections()
    answers = asyncio.run(_crowd(project.port))
    assert answers == {b"HTTP/1.1 200 OK\r\n"}


def _status(client: httpx.Client, key: str) -> int:
    return client.get("/v1/tracks", headers={"Authorization": f"Bearer {key}"}).status_code


async def _crowd(port: int) -> set[bytes]:
    """The different first lines of the answers to a crowd that stays connected until the last one has its own."""
    opened: list[asyncio.StreamWriter] = []

    async def asked() -> bytes:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        opened.append(writer)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return await asyncio.wait_for(reader.readline(), 60)

    try:
        return set(await asyncio.gather(*(asked() for _ in range(CROWD))))
    finally:
        for writer in opened:
            writer.close()
