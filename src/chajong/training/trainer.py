"""Hugging Face's trainer with averaged weights, named bad photos and a progress bar of photos."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tqdm import tqdm
from transformers import Trainer, TrainerCallback

from chajong.manifest import seal_folder
from chajong.photos.loading import photo_batches
from chajong.photos.resizing import Preparation
from chajong.training.errors import TrainingError
from chajong.training.moving_average import MovingAverage, load_trained_weights, trained_weights
from chajong.training.progress import note_photos_seen
from chajong.whole import room_on_disk, whole_file

if TYPE_CHECKING:
    from chajong.training.moving_average import Weights
    from chajong.training.photo_batches import LabelledPhotos, TrainingSchedule

WEIGHTS_FILE = "weights.safetensors"
AVERAGE_FILE = "average.safetensors"
EVALUATION_BATCH = 64


class PhotoTrainer(Trainer):  # type: ignore[misc]
    """Trains a `PhotoClassifier`; see `chajong.training.engine` for what is set where."""

    def __init__(self, *args: Any, average: MovingAverage, **kwargs: Any) -> None:
        """Take the average beside what `transformers.Trainer` takes."""
        super().__init__(*args, **kwargs)
        self.average = average
        self._last_log = (0, time.perf_counter())

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:
        """The training set is in the order in which it is seen."""
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Compute a batch's gradients.

        Raises:
            TrainingError: The loss is not a number; the message names the batch's photos.
        """
        places = inputs.pop("places")
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            photo_ids = self.train_dataset.photo_ids(places.tolist())
            message = (
                f"The loss of step {self.state.global_step + 1} is {loss.item()}. Its photos are "
                f"{', '.join(photo_ids)}. Look at them in the audit; if they are sound, lower "
                "`training.learning_rate` and `training.head_learning_rate`."
            )
            raise TrainingError(message)
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the speed since the last entry to the history."""
        step, then = self._last_log
        now = time.perf_counter()
        if "loss" in logs:
            batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
            photos = (self.state.global_step - step) * batch * self.args.world_size
            logs["photos_per_second"] = photos / (now - then)
            logs["seconds"] = now - then
            self._last_log = (self.state.global_step, now)
        super().log(logs, start_time)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:
            return
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(trained_weights(self.model), folder / WEIGHTS_FILE)
        save_weights(self.average.weights, folder / AVERAGE_FILE)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with room_on_disk(folder):
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                # Last: a checkpoint without a manifest was cut off, and is not resumed from.
                seal_folder(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        load_trained_weights(self.model, load_file(folder / WEIGHTS_FILE))
        for name, part in load_file(folder / AVERAGE_FILE).items():
            self.average.weights[name].copy_(part)
        self._last_log = (int(folder.name.split("-")[1]), time.perf_counter())


class Averaging(TrainerCallback):  # type: ignore[misc]
    """Takes the weights of every optimiser step into the average."""

    def __init__(self, average: MovingAverage) -> None:
        """Keep the average that is updated."""
        self._average = average

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        """Update the average."""
        self._average.update(model, state.global_step)


class Progress(TrainerCallback):  # type: ignore[misc]
    """Shows photos a second and the time left, here and to who waits in another process."""

    def __init__(self, title: str, schedule: TrainingSchedule, folder: Path) -> None:
        """Set up the bar, which appears when training begins; see `note_photos_seen`."""
        self._title = title
        self._schedule = schedule
        self._folder = folder
        self._bar: tqdm[Any] | None = None
        self._loss = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the bar, from where an interrupted training resumes."""
        if state.is_world_process_zero:
            self._bar = tqdm(
                total=len(self._schedule),
                initial=state.global_step * self._schedule.batch_size,
                desc=self._title,
                unit=" photos",
                smoothing=0.05,
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count a step's photos."""
        if self._bar is not None:
            self._bar.update(self._schedule.batch_size)
            note_photos_seen(self._folder, state.global_step * self._schedule.batch_size)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Show the last loss."""
        if self._bar is not None and logs and "loss" in logs:
            self._bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()


@dataclass
class EpochChoice(TrainerCallback):  # type: ignore[misc]
    """Keeps the averaged weights of the epoch with the lowest loss on photos held back.

    Attributes:
        photos: Photos that this training never sees, none of them of the fold that is scored.
        schedule: Where epochs end.
        average: The weights that are evaluated.
        path: The file that keeps the best ones, with their loss.
    """

    photos: LabelledPhotos
    schedule: TrainingSchedule
    average: MovingAverage
    path: Path

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        """Evaluate the averaged weights where an epoch ends."""
        if state.global_step % self.schedule.steps_per_epoch or not state.is_world_process_zero:
            return
        with self.average.applied(model):
            loss = mean_loss(model, self.photos)
        state.log_history.append({"inner_loss": loss, "step": state.global_step})
        if loss < self._best_loss():
            save_weights(self.average.weights, self.path, {"inner_loss": repr(loss)})

    def _best_loss(self) -> float:
        if not self.path.exists():
            return float("inf")
        with safe_open(self.path, "pt") as file:
            return float(file.metadata()["inner_loss"])


@torch.inference_mode()
def mean_loss(model: Any, photos: LabelledPhotos) -> float:
    """Score photos as evaluation shows them.

    Args:
        model: A `PhotoClassifier`.
        photos: At least one photo.

    Returns:
        The mean log loss.
    """
    preparation = Preparation(*model.image_size)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    losses, first = [], 0
    for batch in photo_batches(photos.contents, photos.store, preparation, EVALUATION_BATCH):
        labels = torch.from_numpy(photos.labels[first : first + len(batch)]).to(device)
        scores = model.log_probabilities(torch.from_numpy(batch[:, 0]).to(device))
        losses.append(-scores.gather(1, labels[:, None]).float().cpu())
        first += len(batch)
    model.train(was_training)
    return float(torch.cat(losses).mean())


def halved(weights: Weights) -> Weights:
    """Round matrices to float16 where they fit, as published weights are, for half the disk.

    Vectors, such as the statistics of batch norms, are small and stay as they are.
    """
    largest = torch.finfo(torch.float16).max
    return {
        name: part.half()
        if part.dtype == torch.float32 and part.ndim > 1 and part.abs().max() <= largest
        else part
        for name, part in weights.items()
    }


def save_weights(weights: Weights, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write weights as safetensors, whole or not at all."""
    tensors = {name: part.detach().contiguous().cpu() for name, part in weights.items()}
    with whole_file(path, sealed=True) as unfinished:
        save_file(tensors, unfinished, metadata)
