"""The ledger where things go wrong: killed, out of room, out of reach, in a process not its own."""

import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.ledger import SCHEMAS, Ledger, LedgerWarning, outbox

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))


def rows(folder: Path, kind: str = "exposures") -> list[dict[str, Any]]:
    """The rows of one kind; every file that has a segment's name must be one."""
    found = []
    for path in sorted(folder.glob("*.arrow")):
        name = path.name.split(".")[1]
        table = pa.ipc.open_file(path).read_all()
        assert table.schema.equals(SCHEMAS[name], check_metadata=False), path
        if name == kind:
            found += [{"attempt": int(path.name[:4]), **row} for row in table.to_pylist()]
    return found


TRAINER = """
import sys, time
from catalog.ledger import Ledger

place, options, pause = sys.argv[1], eval(sys.argv[2]), float(sys.argv[3])
with Ledger(place, "killed", **options) as ledger:
    for step in range(1, 1_000_000):
        ledger.record([step.to_bytes(32, "big")] * 3, step=step)
        print(step, time.monotonic(), flush=True)
        time.sleep(pause)
"""


def killed(place: Path, options: str, pause: float, after: float) -> list[tuple[int, float]]:
    """Train until killed, some seconds after the first step; return the steps told, and when."""
    command = [sys.executable, "-c", TRAINER, str(place), options, str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout.read().splitlines()]
    whole = [line.split() for line in lines if line.count(" ") == 1]
    return [(int(step), float(at)) for step, at in whole]


def steps_of(folder: Path, attempt: int) -> list[int]:
    steps = [row["step"] for row in rows(folder) if row["attempt"] == attempt]
    last = max(steps, default=0)
    counts = Counter(steps)
    assert all(counts[step] == 3 for step in range(1, last)), "an earlier step is not whole"
    return steps


def test_killed_at_any_moment_what_was_told_is_there(tmp_path: Path) -> None:
    chance = random.Random(1)
    for attempt in range(3):
        told = killed(tmp_path, "dict(flush_seconds=0)", 0, chance.uniform(0, 0.2))
        steps = steps_of(tmp_path / "killed", attempt)
        assert told[-1][0] <= max(steps) <= told[-1][0] + 1


def test_killed_at_any_moment_it_costs_no_more_steps_than_allowed(tmp_path: Path) -> None:
    chance = random.Random(2)
    for attempt in range(2):
        told = killed(tmp_path, "dict(flush_steps=5)", 0.001, chance.uniform(0.05, 0.2))
        lost = told[-1][0] - max(steps_of(tmp_path / "killed", attempt), default=0)
        assert lost <= 6  # five that are over, and the one that goes on


def test_killed_at_any_moment_it_costs_no_more_time_than_allowed(tmp_path: Path) -> None:
    chance = random.Random(3)
    for attempt in range(2):
        told = killed(tmp_path, "dict(flush_seconds=0.2)", 0.002, chance.uniform(0.8, 1.2))
        last = max(steps_of(tmp_path / "killed", attempt), default=0)
        old = [step for step, at in told if at < told[-1][1] - 0.7]  # 0.2, and a busy machine
        assert last >= old[-1]


def test_a_trainer_that_waits_and_is_killed_loses_nothing_old(tmp_path: Path) -> None:
    told = killed(tmp_path, "dict(flush_seconds=0.1)", 60, 1.0)
    assert steps_of(tmp_path / "killed", 0) == [1] * 3 * len(told)


def moved_away(folder: Path) -> Path:
    away = folder.with_name("away")
    folder.rename(away)
    return away


def test_rows_wait_while_nothing_can_be_written_and_keep_their_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "run")
    ledger.record([A], step=1)
    ledger.flush()
    away = moved_away(tmp_path / "run")
    ledger.record([B], step=2)
    with pytest.warns(LedgerWarning, match="'run' cannot be written and waits in memory: .*No su"):
        ledger.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one warning per trouble
        ledger.record([C], step=3)
        ledger.flush()
        away.rename(tmp_path / "run")
        ledger.record([A], step=4)
        ledger.flush()
    assert [(row["step"], row["content_hash"]) for row in rows(tmp_path / "run")] == [
        (1, A),
        (2, B),
        (3, C),
        (4, A),
    ]
    away = moved_away(tmp_path / "run")
    ledger.record([B], step=5)
    with pytest.warns(LedgerWarning, match="cannot be written"):
        ledger.flush()
    away.rename(tmp_path / "run")
    ledger.close()
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 2, 3, 4, 5]
    assert rows(tmp_path / "run", "lost") == []
    names = sorted(path.name.split("-")[2][:8] for path in (tmp_path / "run").glob("*.arrow"))
    assert names == [f"{number:08d}" for number in range(len(names))]


def test_what_memory_must_not_hold_is_lost_and_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "HELD_ROWS", 4)
    ledger = Ledger(tmp_path, "run")
    away = moved_away(tmp_path / "run")
    with pytest.warns(LedgerWarning) as told:
        for step in range(1, 7):
            ledger.record([A, B], step=step)
            ledger.flush()
        away.rename(tmp_path / "run")
        ledger.flush()
        ledger.record([A, B], step=7)
        ledger.close()
    texts = [str(warning.message).removeprefix("the ledger of 'run' ") for warning in told]
    assert [text.split(":")[0] for text in texts] == [
        "cannot be written and waits in memory",
        "is lost from step 3 on",
        "lacks 8 exposures, of steps 3 to 6",
    ]
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 1, 2, 2, 7, 7]
    lost = [
        {"first_step": 3, "last_step": 6, "exposures": 8, "reason": "memory must not hold more"}
    ]
    assert [{**row, "attempt": 0} for row in rows(tmp_path / "run", "lost")] == [
        {"attempt": 0, **row} for row in lost
    ]
    assert [(row["step"], row["exposures"]) for row in rows(tmp_path / "run", "steps")] == [
        (step, 2) for step in range(1, 7)
    ]


def test_a_ledger_closed_while_nothing_can_be_written_says_what_it_lacks(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "run")
    moved_away(tmp_path / "run")
    ledger.record([A, B], step=1)
    ledger.record([A], step=2)
    with pytest.warns(LedgerWarning) as told:
        ledger.close()
    assert "lacks 3 exposures, 1 steps, of steps 1 to 2: " in str(told[-1].message)


FULL = """
import json, os, sys, warnings
from pathlib import Path
from catalog.ledger import Ledger

place = Path(sys.argv[1])
os.system(f"mount -t tmpfs -o size=2m tmpfs {place}")
told = []
warnings.showwarning = lambda message, *_: told.append(str(message))
warnings.simplefilter("always")
ballast = place / "ballast"
HASHES = [os.urandom(32) for _ in range(512)]

def fill():
    with ballast.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            pass

ledger = Ledger(place, "run", flush_seconds=0)
for step in range(1, 41):
    if step in (11, 31):
        fill()
    if step == 21:
        ballast.unlink()
    ledger.record(HASHES, step=step)
    ledger.end_step(step)
    if step == 15:
        partial = [name for name in os.listdir(place / "run") if name.startswith(".")]
if sys.argv[2] == "room":
    size = ballast.stat().st_size
    os.truncate(ballast, size - 8192)
ledger.close()
found = {path.name: path.read_bytes().hex() for path in sorted((place / "run").iterdir())}
print(json.dumps({"told": told, "partial": partial, "files": found}))
"""


def unshared(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script where it may mount what it likes, or skip."""
    unshare = shutil.which("unshare")
    trial = [unshare or "false", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    command = [str(unshare), "-rm", sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("room", ["room", "full"])
def test_training_goes_on_while_the_disk_is_full(tmp_path: Path, room: str) -> None:
    import json

    disk = tmp_path / "disk"
    disk.mkdir()
    done = unshared(FULL, str(disk), room)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["partial"] == []
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in found["files"].items():
        (copy / name).write_bytes(bytes.fromhex(content))
    counts = Counter(row["step"] for row in rows(copy))
    said = [text.removeprefix("the ledger of 'run' ") for text in found["told"]]
    written = max(counts)
    assert 30 <= written < 40
    assert counts == dict.fromkeys(range(1, written + 1), 512)
    assert [text[:39] for text in said[:2]] == ["cannot be written and waits in memory: "] * 2
    assert said[2].startswith(f"lacks {512 * (40 - written):,} exposures")
    assert f"of steps {written + 1} to 40: [Errno 28] No space left on device" in said[2]
    assert len(said) == 3
    if room == "room":
        [lost] = rows(copy, "lost")
        assert (lost["first_step"], lost["last_step"]) == (written + 1, 40)
        assert lost["reason"] == "[Errno 28] No space left on device"
        assert lost["exposures"] == 512 * (40 - written)


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_what_is_forked_from_a_trainer_writes_nothing(tmp_path: Path) -> None:
    script = """
        import os, sys
        from catalog.errors import Conflict
        from catalog.ledger import Ledger

        ledger = Ledger(sys.argv[1], "run")
        ledger.record([bytes(32)], step=1)
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
            ledger.record([bytes(32)], step=2)
        else:
            for use in (
                lambda: ledger.record([bytes(32)], step=2),
                lambda: ledger.end_step(1),
                lambda: ledger.drop([bytes(32)], "long"),
                lambda: ledger.checkpoint(1),
            ):
                try:
                    use()
                except Conflict as error:
                    assert "is held by process" in error.message
                else:
                    raise AssertionError
            ledger.flush()
            ledger.close()
            with ledger:
                pass
            sys.exit(0)  # and not os._exit: what runs at exit runs in the child too
    """
    assert run(script, str(tmp_path)) == ""
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 2]


def test_workers_of_a_loader_may_come_and_go(tmp_path: Path) -> None:
    script = """
        import sys
        from torch.utils.data import DataLoader
        from catalog.ledger import Ledger

        with Ledger(sys.argv[1], "run", flush_seconds=0.01) as ledger:
            step = 0
            for epoch in range(2):
                for batch in DataLoader(range(40), batch_size=4, num_workers=2):
                    step += 1
                    ledger.record([bytes([int(n)]) * 32 for n in batch], step=step, epoch=epoch)
    """
    assert run(script, str(tmp_path)) == ""
    found = [(row["epoch"], row["content_hash"][0]) for row in rows(tmp_path / "run")]
    assert found == [(epoch, n) for epoch in range(2) for n in range(40)]


def test_a_ledger_that_nobody_closes_is_written_at_exit(tmp_path: Path) -> None:
    script = """
        import sys
        from catalog.ledger import Ledger

        ledger = Ledger(sys.argv[1], "run")
        ledger.record([bytes(32)], step=1)
        ledger.record([bytes(32)], step=2)
    """
    assert run(script, str(tmp_path)) == ""
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 2]
    assert [row["step"] for row in rows(tmp_path / "run", "steps")] == [1]


@pytest.mark.parametrize("handler", ["sys.exit(0)", "ledger.close(); os._exit(0)"])
def test_a_handler_of_sigterm_may_close_it_at_any_moment(tmp_path: Path, handler: str) -> None:
    script = f"""
        import os, signal, sys, threading, time
        from catalog.ledger import Ledger

        def stop(*_):
            {handler}

        signal.signal(signal.SIGTERM, stop)
        with Ledger(sys.argv[1], "run", flush_seconds=0) as ledger:
            told = 0
            threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGTERM)).start()
            for step in range(1, 1_000_000):
                ledger.record([bytes(32)], step=step)
    """
    for turn, after in enumerate((0.01, 0.05, 0.11)):
        run(script, str(tmp_path), str(after))
        steps = [row["step"] for row in rows(tmp_path / "run") if row["attempt"] == turn]
        assert steps == list(range(1, len(steps) + 1)) and steps


def test_the_clock_on_the_wall_may_jump(tmp_path: Path) -> None:
    script = """
        import sys, time
        time.time = lambda: 0.0
        from catalog.ledger import Ledger

        ledger = Ledger(sys.argv[1], "run", flush_seconds=0.05)
        ledger.record([bytes(32)], step=1)
        time.time = lambda: 1e12
        time.sleep(0.5)
        import os
        os._exit(0)
    """
    run(script, str(tmp_path))
    assert [row["step"] for row in rows(tmp_path / "run")] == [1]
