"""A training run that is killed without warning and goes on from its checkpoint, with the ledger.

A program, so that it can be killed: `python -m catalog.demo.killed HOME SNAPSHOT RUN FOLDER`.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from catalog.demo.tiny_model import BATCH_SAMPLES, Tokenizer, batch, new_model
from catalog.ledger import Ledger
from catalog.training import SnapshotDataset

STEPS = 40
STEPS_PER_CHECKPOINT = 10
KILLED_AFTER = (14, 27)
"""Steps after which it is killed: between two checkpoints, so that some steps are undone."""


def train(home: Path, snapshot: str, run: str, folder: Path) -> None:
    """Train on a snapshot, from the last checkpoint in a folder if there is one."""
    torch.set_num_threads(1)
    data = SnapshotDataset(snapshot, home)
    examples = [data[position] for position in range(len(data))]
    tokenizer = Tokenizer([example["messages"] for example in examples])
    items = [tokenizer.item(example["messages"]) for example in examples]
    model = new_model(tokenizer.size, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    done, resumed = 0, None
    saved = sorted(folder.glob("step-*.pt"))
    if saved:
        state = torch.load(saved[-1])
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done, resumed = state["step"], state["ledger"]
    with Ledger(
        home, run, snapshot=str(data.snapshot), model="demo-llama", resumed=resumed
    ) as ledger:
        for step in range(done + 1, STEPS + 1):
            places = [(step - 1) * BATCH_SAMPLES + place for place in range(BATCH_SAMPLES)]
            positions = [place % len(items) for place in places]
            ledger.record(
                [examples[position]["content_hash"] for position in positions],
                step=step,
                epoch=places[0] // len(items),
                dataset_position=positions,
                tokens=[len(items[position].ids) for position in positions],
                loss_tokens=[items[position].loss_tokens for position in positions],
            )
            ids, mask, labels = batch([items[position] for position in positions])
            model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % STEPS_PER_CHECKPOINT == 0:
                path = folder / f"step-{step:04d}.pt"
                state = {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "ledger": ledger.checkpoint(step, path),
                }
                torch.save(state, aside := path.with_suffix(".aside"))
                aside.rename(path)
            print(step, flush=True)  # noqa: T201 - the parent waits for it


def train_through_kills(
    home: Path, snapshot: str, run: str, folder: Path, tell: Callable[[str], None]
) -> None:
    """Train in a process that is killed with SIGKILL twice, and is started again each time."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "catalog.demo.killed", str(home), snapshot, run, str(folder)]
    for kill_after in (*KILLED_AFTER, None):
        last = _start(command, kill_after)
        tell(f"{run}: killed after step {last}" if kill_after else f"{run}: finished step {last}")


def _start(command: Sequence[str], kill_after: int | None) -> int:
    last = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        for line in training.stdout or ():
            last = int(line)
            if last == kill_after:
                training.send_signal(signal.SIGKILL)
    if training.returncode not in (0, -signal.SIGKILL):
        raise subprocess.CalledProcessError(training.returncode, command)
    return last


if __name__ == "__main__":
    train(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
