"""The ledger in the `Trainer` of transformers and the `SFTTrainer` of TRL."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import has_length

from catalog.errors import InvalidInput
from catalog.home import SETTINGS
from catalog.ledger import Ledger, RunFolder
from catalog.training.collating import LedgerCollator
from catalog.training.contract import trainer_contract
from catalog.training.filling import real_rows
from catalog.training.identity import identity_of
from catalog.training.loop import open_ledger
from catalog.training.packing import carry
from catalog.training.processes import agreed, say_flushed, wait_for_flushed
from catalog.training.watching import Watch


class LedgerCallback(TrainerCallback):  # type: ignore[misc]
    """Record what a Trainer's model is trained on, as it enters the model.

    ::

        trainer = SFTTrainer(…, train_dataset=data)
        LedgerCallback(".catalog", "my-run", snapshot="math@1").attach(trainer, data)
        trainer.train()

    What is recorded is what goes through the model's forward pass with gradients, not what a
    sampler planned: evaluation and prefetched batches are left out, accumulation, early stops and
    resumed epochs come out right. A checkpoint counts as written (`trainer_state.json`) only when
    the ledgers of all processes are on disk up to it, and it says which attempt and step it is of,
    so that a training that goes on from there is recorded as its child.

    Args:
        place: a catalog's home, or a folder or URI that holds ledgers.
        run: the run's name; training it again is its next attempt.
        id_column: what in the data set says which sample an item is, as in `identity_of`.
        home: where ids are looked up; by default the place, if it is a home.
        digest_every: of how many steps one gets a digest of token ids and loss mask; 0 of none.
        config: more to keep of the run than `trainer_contract` finds.
        about: what else `Ledger` takes: snapshot, model, parent, flush_seconds, …
    """

    def __init__(
        self,
        place: str | Path,
        run: str,
        *,
        id_column: str | None = None,
        home: str | Path | None = None,
        digest_every: int = 0,
        config: dict[str, Any] | None = None,
        **about: Any,  # noqa: ANN401
    ) -> None:
        self.place, self.run, self.id_column = place, run, id_column
        self.home = place if home is None and (Path(place) / SETTINGS).is_file() else home
        self.config, self.about = config or {}, about
        self.attempt: int | None = None
        self._trainer: Any = None
        self._trained: Any = None
        self._dropped: list[bytes] = []
        self._before = self._stands_at = 0
        self._watch = Watch(lambda: self._step(self._trainer.state) + 1, digest_every)

    def attach(self, trainer: Any, data: Any = None) -> "LedgerCallback":  # noqa: ANN401
        """Make a Trainer carry identity into its model, and record it there.

        Args:
            trainer: of transformers or TRL, in every process, before `train`.
            data: the data set as it was given to an `SFTTrainer`. With packing it is needed; else
                it tells what was cut off and what was dropped.

        Raises:
            InvalidInput: the data set does not say which samples it holds, or the trainer works in
                a way that cannot be recorded.
        """
        if trainer.args.n_gpu > 1:
            raise InvalidInput(
                f"{trainer.args.n_gpu} GPUs in one process (DataParallel) cannot be recorded",
                hint="Start one process per GPU: `torchrun` or `accelerate launch`.",
            )
        prepares = hasattr(trainer, "_prepare_dataset") and hasattr(trainer.args, "packing")
        streams = not has_length(trainer.train_dataset)
        if prepares and trainer.args.packing and (data is None or streams):
            raise InvalidInput(
                "packing forgets which samples a row is made of",
                hint="Give the data set as the trainer was given it, attach(trainer, data); "
                "a stream cannot be looked at twice: load it whole, or train without packing.",
            )
        identity = identity_of(
            trainer.train_dataset if data is None else data, self.id_column, self.home
        )
        if prepares and data is not None and not streams and not trainer._skip_prepare_dataset:
            self._dropped = carry(trainer, data, identity)
        shifted = prepares or getattr(trainer, "_loss_shifts_labels", True)
        collator = LedgerCollator(trainer.data_collator, identity, shifted=shifted)
        trainer.data_collator = collator
        trainer._set_signature_columns_if_needed()
        trainer._signature_columns += sorted(collator.columns - {*trainer._signature_columns})
        self._trainer = trainer
        self._watch.stand_at(trainer.model)
        trainer.add_callback(self)
        trainer.add_callback(LedgerMark(self))
        return self

    def on_train_begin(self, args: Any, state: Any, control: Any, **now: Any) -> None:  # noqa: ANN401
        """Begin an attempt: a fresh one, or the child of the one whose model goes on."""
        self._watch.close()
        self._watch.stand_at(now.get("model"))
        about = {"config": trainer_contract(self._trainer, self.config), **self.about}
        resumed = self._resumed(state, about)
        self._begin_epochs(args, state, now.get("train_dataloader"))
        self.attempt = agreed(lambda: RunFolder(self.place, self.run).next_attempt())
        rank, world_size, is_copy = _data_parallel(self._trainer)
        if not is_copy:
            about |= {"rank": rank, "world_size": world_size, "attempt": self.attempt}
            self._watch.ledger = open_ledger(self.place, self.run, resumed=resumed, **about)
            if rank == 0:
                self._tell_dropped(self._watch.ledger)
        for callback in self._trainer.callback_handler.callbacks:
            if isinstance(callback, LedgerMark):  # made anew, if states are restored
                callback.owner = self
        # A checkpoint of before the ledger has no place for it yet, and the Trainer needs one.
        state.stateful_callbacks.setdefault(LedgerMark.__name__, {})

    def _tell_dropped(self, ledger: Ledger) -> None:
        """Tell in every attempt what it leaves out: the data may have been prepared otherwise."""
        if self._dropped:
            ledger.drop(self._dropped, "left out when the data set was prepared")
        left_out = getattr(self._trainer.train_dataset, "left_out", {})
        for reason, content_hashes in left_out.items():
            ledger.drop(content_hashes, reason)

    def _resumed(self, state: Any, about: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401
        """Return which attempt and step the model is of; None for a fresh one, or if none says.

        A Trainer that trains again without a checkpoint counts from 1 anew, with the same model:
        in the ledger its steps go on.
        """
        self._before = 0
        if not state.global_step and self._goes_on():
            self._before = self._stands_at
            return {"run": self.run, "attempt": self.attempt, "step": self._stands_at}
        kept = state.stateful_callbacks.get(LedgerMark.__name__) or {}
        found = (kept[0] if isinstance(kept, list) else kept).get("attributes") or {}
        if not state.global_step or not found:
            return None
        mark: dict[str, Any] = found["mark"]
        if mark["run"] == self.run:
            self._before = mark.get("before", 0)
            return {**mark, "step": self._step(state)}
        about.setdefault("parent", mark["run"])
        return None

    def _goes_on(self) -> bool:
        """Tell whether the model is as this Trainer left it when it trained before."""
        same = self._trained is not None and self._trained is self._trainer.model
        return same and self._stands_at > 0 and self._trainer.model_init is None

    def _step(self, state: Any) -> int:  # noqa: ANN401
        """Return the ledger's number of the last step."""
        return self._before + int(state.global_step)

    def _begin_epochs(self, args: Any, state: Any, loader: Any) -> None:  # noqa: ANN401
        """Find the epoch and the batch in it at which the Trainer will begin, as it does itself."""
        batches = len(loader) if has_length(loader) else 0
        accumulated = args.gradient_accumulation_steps
        steps = max(-(-batches // accumulated), 1) if batches else max(state.max_steps, 1)
        self._watch.epoch = state.global_step // steps - 1  # the first epoch's begin adds one
        skipped = 0 if args.ignore_data_skip else state.global_step % steps
        self._first_batch = skipped * accumulated
        self._watch.real_rows = real_rows(loader)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **now: Any) -> None:  # noqa: ANN401
        """Count epochs, and their batches."""
        self._watch.epoch += 1
        self._watch.batch, self._first_batch = self._first_batch, 0

    def on_step_end(self, args: Any, state: Any, control: Any, **now: Any) -> None:  # noqa: ANN401
        """End the step, and make sure of it before a checkpoint is written."""
        skipped = bool(getattr(now.get("optimizer"), "step_was_skipped", False))
        reason = "gradient overflow" if skipped else None
        self._watch.end_step(self._step(state), applied=not skipped, reason=reason)
        self._trained, self._stands_at = self._trainer.model, self._step(state)
        if control.should_save:
            self._flush(self._step(state))

    def on_save(self, args: Any, state: Any, control: Any, **now: Any) -> None:  # noqa: ANN401
        """Note the checkpoint."""
        self._flush(self._step(state))
        if self._watch.ledger is not None and self._watch.ledger.rank == 0:
            folder = Path(self._trainer._get_output_dir(trial=None))
            path = (folder / f"checkpoint-{state.global_step}").absolute()
            self._watch.ledger.checkpoint(self._step(state), path)

    def on_train_end(self, args: Any, state: Any, control: Any, **now: Any) -> None:  # noqa: ANN401
        """Write what is left."""
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            self._stands_at = self._before + int(state.best_global_step)
        self._watch.close()

    def _flush(self, step: int) -> None:
        if self._watch.ledger is not None:
            self._watch.ledger.flush()
        if self.attempt is not None:
            say_flushed(self.run, self.attempt, step)

    def mark(self) -> dict[str, Any] | None:
        """Return what a checkpoint keeps, once all ledgers are on disk up to it."""
        if self._watch.ledger is None or self.attempt is None:
            return None
        step = self._step(self._trainer.state)
        self._flush(step)
        wait_for_flushed(self.run, self.attempt, step)
        mark = {"run": self.run, "attempt": self.attempt, "step": step}
        return mark | {"before": self._before} if self._before else mark


class LedgerMark(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Keeps in every checkpoint which attempt and step of the ledger it is of.

    Apart from `LedgerCallback`, since a Trainer may make callbacks with a state anew.

    Args:
        owner: knows it.
    """

    def __init__(self, owner: LedgerCallback | None = None) -> None:
        self.owner = owner
        self.mark: dict[str, Any] | None = None

    def state(self) -> dict[str, Any]:
        """Return the state; the Trainer asks for it when the rest of a checkpoint is written."""
        mark = self.owner.mark() if self.owner else None
        return {"args": {}, "attributes": {"mark": mark} if mark else {}}


def _data_parallel(trainer: Any) -> tuple[int, int, bool]:  # noqa: ANN401
    """Return the data-parallel rank, how many there are, and whether another has the same batch."""
    copies = trainer.get_tp_size() * trainer.get_cp_size() * trainer.get_sp_size()
    process, processes = trainer.args.process_index, trainer.args.world_size
    return process // copies, max(processes // copies, 1), bool(process % copies)
