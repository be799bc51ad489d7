"""From an event's row to its receiver: nothing lost, nothing doubled, nobody held up by another."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from standardwebhooks import Webhook

from phonoscope.contract import DeliveryStatus
from phonoscope.db.access.engine import Database
from phonoscope.db.webhooks.attempts import Attempted
from phonoscope.db.webhooks.endpoints import change_webhook, put_secret
from phonoscope.retry import Backoff
from phonoscope.webhooks.vault import Vault, new_secret
from phonoscope_courier.delivery import Capacity
from phonoscope_courier.listener import listen
from phonoscope_courier.retries import RetryPolicy
from phonoscope_courier.sending import Limits
from tests.integration.outbox import QUICK, SOON, VAULT, Outbox, at, courier_of, free_port, work
from tests.peers import Handler, Receiver, Request, listening, ok, respond
from tests.support import Recorded


@pytest.fixture
def outbox(database: Database) -> Iterator[Outbox]:
    """An owner's, with nothing in it; whatever is left is erased."""
    outbox = Outbox(database)
    yield outbox
    outbox.ask("DELETE FROM owners WHERE id = :owner_id")


def deliver(
    outbox: Outbox,
    database_url: str,
    done: Callable[[], bool] | None = None,
    *,
    couriers: int = 1,
    capacity: Capacity | None = None,
    policy: RetryPolicy = SOON,
    limits: Limits = QUICK,
    beside: dict[int, Handler] | None = None,
) -> None:
    """Lets couriers work, while handlers listen on their ports, until everything has been delivered or given up."""

    async def scenario() -> None:
        with ExitStack() as stack:
            made = [stack.enter_context(courier_of(database_url, capacity, policy, limits)) for _ in range(couriers)]
            async with _all_listening(beside or {}):
                await work(made, done or outbox.settled)

    asyncio.run(scenario())


@asynccontextmanager
async def _all_listening(handlers: dict[int, Handler]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for port, handler in handlers.items():
            await stack.enter_async_context(listening(handler, port=port))
        yield


def test_an_event_reaches_each_endpoint_once(outbox: Outbox, database_url: str) -> None:
    """Signed, under the event's id; the library verifies it, and the log tells of it."""
    port, receiver = free_port(), Receiver()
    for path in ("a", "b"):
        outbox.endpoint(at(port, path))
    event_id = outbox.happen()
    deliver(outbox, database_url, beside={port: receiver})
    assert outbox.statuses() == ["delivered"] * 2
    assert sorted(request.line.split()[1] for request in receiver.requests) == ["/a", "/b"]
    for request in receiver.requests:
        event = Webhook(outbox.secret).verify(request.body, request.headers)
        assert (request.id, event["type"], event["data"]["status"]) == (event_id, "job.succeeded", "succeeded")
    answers = outbox.ask("SELECT answer FROM attempts JOIN deliveries ON deliveries.id = delivery_id "
                         "WHERE owner_id = :owner_id AND status_code = 200 AND address = '127.0.0.1'")  # fmt: skip
    assert answers == ["thanks"] * 2


def test_only_those_are_told_who_asked(outbox: Outbox, database: Database, database_url: str) -> None:
    """Neither of other types, nor while disabled, nor of other owners' jobs."""
    port, receiver = free_port(), Receiver()
    failures, off, all_ = (outbox.endpoint(at(port, path)) for path in ("failures", "off", "all"))
    with database.transaction() as session:
        change_webhook(session, outbox.owner_id, failures, {"events": ["job.failed"]})
        change_webhook(session, outbox.owner_id, off, {"enabled": False})
    stranger = Outbox(database)
    stranger.endpoint(at(port, "stranger"))
    outbox.happen("job.succeeded")
    outbox.happen("job.failed")
    deliver(outbox, database_url, beside={port: receiver})
    paths = Counter(request.line.split()[1] for request in receiver.requests)
    assert paths == {"/all": 2, "/failures": 1}
    assert outbox.ask("SELECT count(*) FROM deliveries WHERE webhook_id = :id", id=all_) == [2]


def test_a_failure_is_tried_again_under_the_same_id(outbox: Outbox, database_url: str, recorded: Recorded) -> None:
    """500, then 200: two attempts in the log and in the metrics, one event, each with its own time."""
    answers = iter([respond(500, b"oh no"), ok()])
    port, receiver = free_port(), Receiver(lambda _: next(answers))
    outbox.endpoint(at(port))
    event_id = outbox.happen()
    policy = RetryPolicy(Backoff(listed_s=(1.1,)))
    deliver(outbox, database_url, beside={port: receiver}, policy=policy)
    first, second = receiver.requests
    assert first.id == second.id == event_id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert outbox.ask("SELECT error FROM attempts JOIN deliveries ON deliveries.id = delivery_id "
                      "WHERE owner_id = :owner_id ORDER BY attempts.id") == ["refused", None]  # fmt: skip
    assert outbox.ask("SELECT failing_since FROM webhooks WHERE owner_id = :owner_id") == [None]
    assert [recorded("webhook_attempts_total", result=result) for result in ("refused", "delivered")] == [1, 1]
    assert recorded("webhook_attempt_duration_seconds_count") == 2
    took = outbox.ask("SELECT duration_s FROM attempts JOIN deliveries ON deliveries.id = delivery_id "
                      "WHERE owner_id = :owner_id")  # fmt: skip
    assert recorded("webhook_attempt_duration_seconds_sum") == pytest.approx(sum(took))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (respond(301, Location="http://127.0.0.1:1/"), "redirected"),
        (respond(500), "refused"),
        (b"hello", "invalid_answer"),
    ],
)
def test_what_never_succeeds_is_given_up(outbox: Outbox, database_url: str, answer: bytes, error: str) -> None:
    """After the last attempt the delivery is dead and stays in the list; a redirect is never followed."""
    port, receiver = free_port(), Receiver(lambda _: answer)
    outbox.endpoint(at(port))
    outbox.happen()
    deliver(outbox, database_url, beside={port: receiver})
    assert outbox.statuses() == ["dead"]
    assert len(receiver.requests) == 1 + len([*SOON.backoff.pauses()])
    errors = "SELECT error FROM attempts JOIN deliveries ON deliveries.id = delivery_id WHERE owner_id = :owner_id"
    assert outbox.ask(errors) == [error] * 3


def test_an_address_out_of_bounds_is_a_logged_attempt(outbox: Outbox, database_url: str) -> None:
    """What was let in once and is forbidden now is not connected to; the log says so, as of any failure."""
    outbox.endpoint("http://10.0.0.1/")
    outbox.happen()
    deliver(outbox, database_url)
    assert outbox.statuses() == ["dead"]
    where = "FROM attempts JOIN deliveries ON deliveries.id = delivery_id WHERE owner_id = :owner_id"
    assert outbox.ask(f"SELECT error {where}") == ["refused_address"] * 3
    assert outbox.ask(f"SELECT address {where}") == [None] * 3
    assert "private" in outbox.ask(f"SELECT detail {where}")[0]


@pytest.mark.long
@pytest.mark.parametrize("header", ["3", "date"])
def test_an_endpoint_that_asks_for_time_gets_it(outbox: Outbox, database_url: str, header: str) -> None:
    """429 with ``Retry-After`` in seconds or as a date: until then nothing at all is sent there."""

    def answer(_: Request) -> bytes:
        if len(receiver.requests) > 1:
            return ok()
        until = datetime.now(UTC) + timedelta(seconds=4)
        return respond(429, Retry_After=header if header == "3" else f"{until:%a, %d %b %Y %H:%M:%S} GMT")

    port, receiver = free_port(), Receiver(answer)
    outbox.endpoint(at(port))
    outbox.happen()
    one_by_one = Capacity(each=1, poll_s=0.1, grace_s=0.5)
    outbox.happen()
    deliver(outbox, database_url, beside={port: receiver}, capacity=one_by_one)
    assert outbox.statuses() == ["delivered"] * 2
    assert len(receiver.requests) == 3
    assert receiver.requests[1].at - receiver.requests[0].at > 2.8


def test_410_ends_an_endpoint_and_the_others_hear_of_it(outbox: Outbox, database_url: str) -> None:
    """It is disabled at its word; what waits for it stays, and is sent when its owner enables it again."""
    port = free_port()
    gone, other = Receiver(lambda _: respond(410)), Receiver()
    first = outbox.endpoint(at(port))
    second_port = free_port()
    outbox.endpoint(at(second_port))
    outbox.happen()

    def told() -> bool:
        return any(json.loads(request.body)["type"] == "webhook.disabled" for request in other.requests)

    deliver(outbox, database_url, told, beside={port: gone, second_port: other})
    (notice,) = (body for body in (json.loads(each.body) for each in other.requests) if "webhook_id" in body["data"])
    assert notice["data"] == {"webhook_id": first, "url": at(port), "because": "gone"}
    assert outbox.ask("SELECT disabled_because FROM webhooks WHERE NOT enabled AND owner_id = :owner_id") == ["gone"]
    assert len(gone.requests) == 1
    outbox.happen()
    deliver(outbox, database_url, beside={port: gone, second_port: other})
    assert len(gone.requests) == 1


def test_five_days_of_failure_end_an_endpoint(outbox: Outbox, database: Database, database_url: str) -> None:
    """Not four; whoever enables it again gives it a fresh start."""
    port, other_port = free_port(), free_port()
    bad, other = Receiver(lambda _: respond(500)), Receiver()
    webhook_id = outbox.endpoint(at(port))
    outbox.endpoint(at(other_port))
    for days, enabled in ((4, True), (5.01, False)):
        outbox.ask(
            "UPDATE webhooks SET failing_since = now() - :age WHERE id = :id", id=webhook_id, age=timedelta(days=days)
        )
        outbox.happen()
        deliver(outbox, database_url, lambda: bool(bad.requests), beside={port: bad, other_port: other})
        bad.requests.clear()
        assert outbox.ask("SELECT enabled FROM webhooks WHERE id = :id", id=webhook_id) == [enabled]
    deliver(
        outbox,
        database_url,
        lambda: any(b"failing" in each.body for each in other.requests),
        beside={other_port: other},
    )
    with database.transaction() as session:
        row = change_webhook(session, outbox.owner_id, webhook_id, {"enabled": True})
        assert (row.enabled, row.disabled_because, row.failing_since) == (True, None, None)


def test_of_a_job_s_events_none_overtakes_another(outbox: Outbox, database_url: str) -> None:
    """The second waits until the first has arrived, whatever that takes; other jobs' do not wait with it."""
    refusals = iter([respond(503), respond(503)])

    def answer(request: Request) -> bytes:
        return next(refusals, ok()) if request.id == first else ok()

    port, receiver = free_port(), Receiver(answer)
    outbox.endpoint(at(port))
    first = outbox.happen("job.failed", job_id="job_x")
    second = outbox.happen("job.succeeded", job_id="job_x")
    other = outbox.happen("job.succeeded", job_id="job_y")
    policy = RetryPolicy(Backoff(listed_s=(0.5, 0.5)))
    deliver(outbox, database_url, beside={port: receiver}, policy=policy)
    order = [request.id for request in receiver.requests]
    assert [id_ for id_ in order if id_ != other] == [first, first, first, second]
    assert order.index(other) < 3


def test_a_dead_endpoint_slows_nobody(outbox: Outbox, database_url: str) -> None:
    """While one hangs with a long queue of its own, others get theirs at once."""

    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    dead_port, live_port, live = free_port(), free_port(), Receiver()
    outbox.endpoint(at(dead_port))
    outbox.endpoint(at(live_port))
    for _ in range(40):
        outbox.happen()
    started = monotonic()
    deliver(
        outbox,
        database_url,
        lambda: len(live.requests) == 40,
        beside={dead_port: hang, live_port: live},
        capacity=Capacity(all=16, failing=4, each=4, poll_s=0.1, grace_s=0.1),
        limits=Limits(connect_s=5.0, total_s=60.0),
    )
    assert monotonic() - started < 45.0
    assert len({request.id for request in live.requests}) == 40


@pytest.mark.long
def test_two_couriers_send_nothing_twice(outbox: Outbox, database_url: str) -> None:
    """Each event once, and between them no more in flight to an endpoint than one courier may have."""
    receivers = {free_port(): Receiver(pause_s=0.02) for _ in range(3)}
    for port in receivers:
        outbox.endpoint(at(port))
    events = {outbox.happen() for _ in range(60)}
    capacity = Capacity(each=3, poll_s=0.1, grace_s=5.0)
    deliver(outbox, database_url, beside=dict(receivers), couriers=2, capacity=capacity)
    for receiver in receivers.values():
        assert Counter(request.id for request in receiver.requests) == Counter(events)
        assert 1 <= receiver.most <= 3
    assert outbox.statuses() == ["delivered"] * 180


def test_while_secrets_overlap_both_sign(outbox: Outbox, database: Database, database_url: str) -> None:
    """And once the time is over, the newest alone."""
    port, receiver = free_port(), Receiver()
    webhook_id, newer = outbox.endpoint(at(port)), new_secret()
    with database.transaction() as session:
        put_secret(session, outbox.owner_id, webhook_id, VAULT.seal(newer), timedelta(hours=1))
    outbox.happen()
    deliver(outbox, database_url, beside={port: receiver})
    for secret in (outbox.secret, newer):
        Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
    outbox.ask("UPDATE webhook_secrets SET expires_at = now() WHERE webhook_id = :id AND expires_at IS NOT NULL",
               id=webhook_id)  # fmt: skip
    outbox.happen()
    deliver(outbox, database_url, beside={port: receiver})
    assert len(receiver.requests[1].headers["webhook-signature"].split()) == 1
    Webhook(newer).verify(receiver.requests[1].body, receiver.requests[1].headers)


def test_a_secret_that_cannot_be_read_is_said_to_be_so(outbox: Outbox, database: Database, database_url: str) -> None:
    """After the operator's own key has changed nothing is sent unsigned; the log says why."""
    port, receiver = free_port(), Receiver()
    webhook_id = outbox.endpoint(at(port))
    with database.transaction() as session:
        put_secret(session, outbox.owner_id, webhook_id, Vault("another").seal(new_secret()), timedelta())
    outbox.happen()
    deliver(outbox, database_url, beside={port: receiver})
    assert (outbox.statuses(), receiver.requests) == (["dead"], [])
    assert set(outbox.ask("SELECT error FROM attempts JOIN deliveries ON deliveries.id = delivery_id "
                          "WHERE owner_id = :owner_id")) == {"unreadable_secret"}  # fmt: skip


def test_an_endpoint_deleted_while_its_event_is_on_its_way(outbox: Outbox, database_url: str) -> None:
    """What came of that attempt is written nowhere, and the courier goes on with the others."""
    port, receiver, other_port, other = free_port(), Receiver(pause_s=0.5), free_port(), Receiver(pause_s=0.5)
    webhook_id = outbox.endpoint(at(port))
    outbox.endpoint(at(other_port))
    outbox.happen()

    def done() -> bool:
        if receiver.requests:
            outbox.ask("DELETE FROM webhooks WHERE id = :id", id=webhook_id)
        return outbox.settled() and bool(other.requests)

    deliver(outbox, database_url, done, beside={port: receiver, other_port: other})
    assert outbox.statuses() == ["delivered"]


def test_an_event_wakes_a_courier_that_hardly_looks(outbox: Outbox, database_url: str) -> None:
    """``NOTIFY`` is enough: long before the next look at the clock the event has arrived."""
    port, receiver = free_port(), Receiver()
    outbox.endpoint(at(port))

    async def scenario() -> None:
        with courier_of(database_url, Capacity(poll_s=300.0, grace_s=0.1)) as courier:
            listening_for_events = asyncio.create_task(listen(database_url, courier.wake))
            running = asyncio.create_task(courier.run())
            async with listening(receiver, port=port), asyncio.timeout(30.0):
                await asyncio.sleep(1.0)
                await asyncio.to_thread(outbox.happen)
                while not await asyncio.to_thread(outbox.settled):  # noqa: ASYNC110 - the database is asked
                    await asyncio.sleep(0.05)
            courier.stop()
            await running
            listening_for_events.cancel()
            await asyncio.gather(listening_for_events, return_exceptions=True)

    asyncio.run(scenario())
    assert outbox.statuses() == ["delivered"]


@pytest.mark.long
def test_what_cannot_be_written_keeps_nothing_else_back(outbox: Outbox, database_url: str) -> None:
    """One outcome that the database refuses does not take along those that end with it."""
    port, receiver = free_port(), Receiver()
    outbox.endpoint(at(port))
    outbox.happen()
    bad = Attempted("dlv_1", "whk_1", "token", datetime.now(UTC), 0.1, DeliveryStatus.DELIVERED, status_code=1 << 40)

    async def scenario() -> None:
        with courier_of(database_url) as courier:
            courier._done.append(bad)
            async with listening(receiver, port=port):
                await work([courier], outbox.settled)

    asyncio.run(scenario())
    assert outbox.statuses() == ["delivered"]


def test_what_is_in_flight_at_the_end_is_due_again(outbox: Outbox, database_url: str) -> None:
    """A courier that is told to stop waits a moment, then gives back what has not ended, uncounted."""

    async def hang(*_: object) -> None:
        reached.append(True)
        await asyncio.sleep(60)

    port, reached, receiver = free_port(), [], Receiver()  # type: ignore[var-annotated]
    outbox.endpoint(at(port))
    outbox.happen()
    slow = Limits(connect_s=5.0, total_s=20.0)
    deliver(outbox, database_url, lambda: bool(reached), beside={port: hang}, limits=slow)
    assert outbox.ask("SELECT token FROM deliveries WHERE owner_id = :owner_id") == [None]
    deliver(outbox, database_url, beside={port: receiver})
    assert (outbox.statuses(), len(receiver.requests)) == (["delivered"], 1)
