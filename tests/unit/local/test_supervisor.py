"""Parts started, kept alive and stopped; the parts here are small commands."""

import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from phonoscope.errors import StackError
from phonoscope.retry import Backoff
from phonoscope_local.parts import Layer, Part, RestartPolicy
from phonoscope_local.processes import ProcessGroup, ProcessId, kill_all, wait_until
from phonoscope_local.supervisor import StartInterrupted, Supervisor


class Bench:
    """A supervisor with what it says and records."""

    def __init__(self, folder: Path, restarts: RestartPolicy) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.recorded: list[Mapping[str, ProcessId]] = []
        self.group = ProcessGroup(folder, os.urandom(6).hex(), {})
        self.supervisor = Supervisor(folder, self.group, self.said.append, self.recorded.append, restarts)

    def part(self, name: str, code: str = "exec sleep 60", **changes: object) -> Part:
        environment = {"PATH": os.environ["PATH"]}
        part = Part(name, ("/bin/sh", "-c", code), self.folder, environment, start_limit_s=60.0, grace_s=3.0)
        return replace(part, **changes)  # type: ignore[arg-type]

    def pid(self, name: str) -> int:
        return self.supervisor.leaders[name].pid

    def tick_until(self, done: Callable[[], bool], limit_s: float = 60.0) -> bool:
        def tick() -> bool:
            self.supervisor.tick()
            return done()

        return wait_until(tick, limit_s)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench of which nothing is left afterwards."""
    made = Bench(tmp_path, RestartPolicy(Backoff(first_s=0.05, longest_s=0.2)))
    yield made
    made.supervisor.stop()
    assert made.group.members() == []


def test_a_layer_waits_for_all_its_parts(bench: Bench) -> None:
    """Parts of a layer run together, and what follows is done once each of them is healthy, not before."""
    done: list[str] = []

    def healthy(name: str) -> Callable[[datetime], bool]:
        def check(_since: datetime) -> bool:
            assert len(bench.supervisor.leaders) == 2
            assert not done
            return (bench.folder / name).exists()

        return check

    parts = tuple(bench.part(name, f"sleep 0.2; touch {name}; exec sleep 60", healthy=healthy(name)) for name in "ab")
    bench.supervisor.start(Layer(parts, then=lambda: done.append("then")))
    assert done == ["then"]
    assert sorted(line.split(" after ")[0] for line in bench.said) == ["a is ready", "b is ready"]


def test_health_is_asked_of_the_present_process(bench: Bench) -> None:
    """A check gets the moment of the start, so that the signs of life of an earlier process do not count."""
    since: list[datetime] = []
    before = time.time()

    def healthy(moment: datetime) -> bool:
        since.append(moment)
        return True

    bench.supervisor.start(Layer((bench.part("a", healthy=healthy),)))
    assert before <= since[0].timestamp() <= time.time()


def test_a_preloaded_part_waits_for_its_turn(bench: Bench) -> None:
    """It runs while the layers before it start, is told when its own begins, and counts from then on."""
    since: list[datetime] = []

    def healthy(moment: datetime) -> bool:
        since.append(moment)
        return (bench.folder / "told").exists()

    early = bench.part("early", "read -r line; touch told; exec sleep 60", preload=True, healthy=healthy)
    server = bench.part("server", healthy=lambda _: bench.supervisor.leaders["early"].find() is not None)
    bench.supervisor.preload([early])
    bench.supervisor.start(Layer((server,), then=lambda: time.sleep(0.3)))
    assert not (bench.folder / "told").exists()
    turn, pid = time.time(), bench.pid("early")
    bench.supervisor.start(Layer((early,)))
    assert since[0].timestamp() >= turn
    assert bench.pid("early") == pid


def test_a_restarted_part_need_not_be_told(bench: Bench) -> None:
    """Once its turn has come a preloaded part goes on by itself whenever it starts."""
    part = bench.part("a", "read -r line; exec sleep 60", preload=True)
    bench.supervisor.preload([part])
    bench.supervisor.start(Layer((part,)))
    first = bench.pid("a")
    os.kill(first, signal.SIGKILL)
    assert bench.tick_until(lambda: any("a is ready again" in line for line in bench.said))
    process = bench.supervisor.leaders["a"].find()
    assert process is not None
    assert wait_until(lambda: process.cmdline()[:1] == ["sleep"], 30.0)


def test_a_part_that_ends_before_its_turn_is_named(bench: Bench) -> None:
    """What cannot even load is the failure of its layer's start, with what it said."""
    part = bench.part("a", "echo no such library; exit 1", preload=True, healthy=lambda _: False)
    bench.supervisor.preload([part])
    time.sleep(0.2)
    with pytest.raises(StackError, match=r"(?s)a: it ended with status 1 before it was ready.*no such library"):
        bench.supervisor.start(Layer((part,)))


def test_a_part_whose_turn_never_comes_is_stopped_too(bench: Bench) -> None:
    """A start that ends early leaves nothing of what was preloaded, and asks before it kills."""
    part = bench.part(
        "a", "trap 'echo asked >> asked; exit' TERM; touch up; while :; do sleep 0.05; done", preload=True
    )
    bench.supervisor.preload([part])
    assert wait_until((bench.folder / "up").exists, 30.0)
    bench.supervisor.stop()
    assert bench.group.members() == []
    assert (bench.folder / "asked").exists()


def test_health_is_not_asked_without_a_pause(bench: Bench) -> None:
    """A question may cost something, so a part says how often it is asked."""
    asked: list[float] = []

    def healthy(_since: datetime) -> bool:
        asked.append(time.monotonic())
        return len(asked) == 3

    bench.supervisor.start(Layer((bench.part("a", healthy=healthy, poll_s=0.2),)))
    assert min(after - before for before, after in itertools.pairwise(asked)) >= 0.2


def test_every_process_is_recorded_as_soon_as_it_runs(bench: Bench) -> None:
    """The record names each part before the next one starts, so that a killed supervisor's children can be found."""
    bench.supervisor.start(Layer((bench.part("a"), bench.part("b"))))
    assert [sorted(leaders) for leaders in bench.recorded] == [["a"], ["a", "b"]]
    assert all(leader.find() for leader in bench.recorded[-1].values())


def test_a_part_that_cannot_start_is_named_and_quoted(bench: Bench) -> None:
    """The error has the part's name, how it ended, its last lines, this start's alone, and the log's path."""
    (bench.folder / "b.log").write_text("of an earlier start\n")
    parts = (bench.part("a"), bench.part("b", "echo cannot find my key; exit 3", healthy=lambda _: False))
    with pytest.raises(StackError) as caught:
        bench.supervisor.start(Layer(parts))
    detail = caught.value.detail
    assert detail.startswith("b: it ended with status 3 before it was ready")
    assert "cannot find my key" in detail
    assert str(bench.folder / "b.log") in detail
    assert "of an earlier start" not in detail


def test_a_part_that_never_gets_healthy_is_named(bench: Bench) -> None:
    """A process that runs but does not work ends the start after its limit."""
    part = bench.part("a", "echo still thinking; exec sleep 60", healthy=lambda _: False, start_limit_s=0.3)
    with pytest.raises(StackError, match=r"(?s)a: it was not ready within 0 s.*still thinking"):
        bench.supervisor.start(Layer((part,)))


@pytest.mark.parametrize("command", [("/no/such/program",), ("/dev/null",)])
def test_a_program_that_cannot_run_is_named(bench: Bench, command: tuple[str, ...]) -> None:
    """A missing program, or one that is none, is the part's failure and no traceback."""
    with pytest.raises(StackError, match=rf"a: it cannot be started: .*{command[0]}"):
        bench.supervisor.start(Layer((bench.part("a", command=command),)))


def test_a_part_that_dies_is_restarted_and_said_so(bench: Bench) -> None:
    """A killed part comes back as a new process; one line says what, how and that it starts again."""
    bench.supervisor.start(Layer((bench.part("a"), bench.part("b"))))
    first, other = bench.pid("a"), bench.pid("b")
    os.kill(first, signal.SIGKILL)
    assert bench.tick_until(lambda: any("a is ready again" in line for line in bench.said))
    assert (bench.pid("a") != first, bench.pid("b")) == (True, other)
    assert any(re.match(r"a was ended by SIGKILL; it starts again in 0\.1 s \(log: .*a\.log\)", x) for x in bench.said)
    assert bench.recorded[-1]["a"].pid == bench.pid("a")


def test_a_part_that_keeps_dying_waits_longer_each_time(bench: Bench) -> None:
    """The waits grow to the longest one, and the others run on."""
    bench.supervisor.start(Layer((bench.part("a", "test -e broken && exit 1; exec sleep 60"), bench.part("b"))))
    (bench.folder / "broken").touch()
    os.kill(bench.pid("a"), signal.SIGKILL)
    assert bench.tick_until(lambda: sum("a ended with status 1" in line for line in bench.said) >= 3)
    waits = [float(found[1]) for line in bench.said if (found := re.search(r"again in (\S+) s", line))]
    assert waits[:4] == [0.1, 0.1, 0.2, 0.2]
    assert bench.supervisor.leaders["b"].find() is not None


def test_waits_are_short_again_after_a_steady_time(tmp_path: Path) -> None:
    """Deaths long ago do not slow down the restart after the next one."""
    bench = Bench(tmp_path, RestartPolicy(Backoff(first_s=0.05, factor=100.0, longest_s=5.0), steady_s=0.2))
    bench.supervisor.start(Layer((bench.part("a"),)))
    try:
        for _ in range(2):
            pid = bench.pid("a")
            time.sleep(0.3)
            # The first look may be the one that finds it healthy, the second finds it steady.
            bench.supervisor.tick()
            bench.supervisor.tick()
            os.kill(pid, signal.SIGKILL)
            assert bench.tick_until(lambda pid=pid: bench.pid("a") != pid, 4.5)  # type: ignore[misc]
    finally:
        bench.supervisor.stop()


def test_what_a_dead_part_leaves_is_ended_before_its_restart(bench: Bench) -> None:
    """Children of a killed part, even in sessions of their own, do not live on beside its next process."""
    code = "import subprocess,time;subprocess.Popen(['sleep','60'],start_new_session=True);time.sleep(60)"
    bench.supervisor.start(Layer((bench.part("a", command=(sys.executable, "-c", code)),)))
    assert wait_until(lambda: len(bench.group.members()) == 2, 30.0)
    old = set(bench.group.members())
    os.kill(bench.pid("a"), signal.SIGKILL)
    assert bench.tick_until(lambda: len(bench.group.members()) == 2 and not old & set(bench.group.members()))


def test_a_part_that_dies_while_others_start_is_restarted(bench: Bench) -> None:
    """A server that was healthy is not the failure of the layer above it: it comes back during the start."""
    bench.supervisor.start(Layer((bench.part("a"),)))
    first = bench.pid("a")

    def healthy(_since: datetime) -> bool:
        if bench.pid("a") == first:
            os.kill(first, signal.SIGKILL) if bench.supervisor.leaders["a"].find() else None
            return False
        return True

    bench.supervisor.start(Layer((bench.part("b", healthy=healthy),)))
    assert bench.pid("a") != first


def test_a_preparation_that_fails_is_the_parts_failure(bench: Bench) -> None:
    """What cannot be prepared is said with the part's name, at the start and, without an end, at a restart."""
    broken: list[bool] = []

    def prepare() -> None:
        if broken:
            raise StackError("no room")

    bench.supervisor.start(Layer((bench.part("a", prepare=prepare),)))
    broken.append(True)
    os.kill(bench.pid("a"), signal.SIGKILL)
    assert bench.tick_until(lambda: any("a did not start (no room)" in line for line in bench.said))
    broken.clear()
    assert bench.tick_until(lambda: any("a is ready again" in line for line in bench.said))
    broken.append(True)
    with pytest.raises(StackError, match="b: no room"):
        bench.supervisor.start(Layer((bench.part("b", prepare=prepare),)))


def test_layers_stop_in_reverse_order(bench: Bench) -> None:
    """A server goes on until everything above it has ended, each by its own signal."""
    on_signal = "trap 'sleep 0.2; echo {0} >> order; exit' {1}; echo > {0}; while :; do sleep 0.05; done"
    for name, number in (("server", signal.SIGUSR1), ("client", signal.SIGTERM)):
        code = on_signal.format(name, number.name.removeprefix("SIG"))
        part = bench.part(name, code, stop_signal=number, healthy=lambda _, name=name: (bench.folder / name).exists())
        bench.supervisor.start(Layer((part,)))
    bench.supervisor.stop()
    assert (bench.folder / "order").read_text().split() == ["client", "server"]


def test_a_part_that_will_not_stop_is_killed_with_its_children(bench: Bench) -> None:
    """After its grace a part that ignores the signal is killed, and so is every process it started."""
    code = "trap '' TERM; sleep 60 & touch up; while :; do sleep 0.05; done"
    part = bench.part("a", code, grace_s=0.3, healthy=lambda _: (bench.folder / "up").exists())
    bench.supervisor.start(Layer((part,)))
    started = time.monotonic()
    bench.supervisor.stop()
    assert time.monotonic() - started < 30.0
    assert "a did not stop within 0 s and is killed" in bench.said
    assert bench.group.members() == []


def test_a_start_can_be_called_off(bench: Bench) -> None:
    """Asking to stop while a part is not healthy yet ends the start at once."""

    def healthy(_since: datetime) -> bool:
        bench.supervisor.ask_to_stop()
        return False

    with pytest.raises(StartInterrupted):
        bench.supervisor.start(Layer((bench.part("a", healthy=healthy),)))


def test_watching_ends_when_asked(bench: Bench) -> None:
    """A stop asked for before or during the watch ends it."""
    bench.supervisor.start(Layer((bench.part("a"),)))
    bench.supervisor.ask_to_stop()
    bench.supervisor.watch()
    kill_all(bench.group.members)
