"""The training of one model, on the CPU, one GPU or several; interrupted training resumes."""

from __future__ import annotations

import json
import logging
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.device import allow_tf32, best_precision, float32_settings_kept
from chajong.manifest import DamagedError, check_file, check_folder
from chajong.training.errors import TrainingError
from chajong.training.memory import release_memory, unwrap_forward
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from chajong.training.moving_average import Weights
    from chajong.training.parameters import TrainingParameters
    from chajong.training.photo_batches import LabelledPhotos, TrainingSchedule

logger = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
BEST_FILE = "best.safetensors"
HISTORY_FILE = "history.json"
"""Written last into a training's folder: it says that the training is finished."""

LOGGED_STEPS = 200
"""Points of a loss curve."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """All that the training of one model depends on; processes can send it to one another.

    Attributes:
        build: Makes the model (a `PhotoClassifier`) with its starting weights, the same each time.
        photos: The training photos.
        inner_photos: Photos that choose the epoch, None where the last one is kept.
        parameters: How it is trained.
        title: What the progress bar calls it.
    """

    build: Callable[[], torch.nn.Module]
    photos: LabelledPhotos
    inner_photos: LabelledPhotos | None
    parameters: TrainingParameters
    title: str


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What a training leaves.

    Attributes:
        weights: Trainable parameters and buffers, averaged over the last steps; matrices are
            rounded to float16, and it is these that are scored and kept.
        history: What was logged: `step`, and `loss`, `inner_loss`, `learning_rate`,
            `photos_per_second` and `seconds` since the entry before where there is one.
        steps_per_epoch: Optimiser steps of an epoch.
    """

    weights: Weights
    history: list[dict[str, float]]
    steps_per_epoch: int

    @property
    def seconds(self) -> float:
        """Time that the logged steps took, over all runs where training was interrupted."""
        return sum(entry.get("seconds", 0.0) for entry in self.history)


def train(job: TrainingJob, folder: Path) -> TrainedModel:
    """Train a model, or take it from where an earlier run left it.

    Args:
        job: What is trained. The folder belongs to this job alone.
        folder: Keeps checkpoints while training runs and the weights when it has finished.

    Returns:
        The trained model.

    Raises:
        TrainingError: The batch does not fit the photos, the memory or the processes; there is no
            GPU where one is asked for; or the loss is not a number.
    """
    check_device(job.parameters)
    if (finished := finished_training(folder)) is not None:
        return finished
    folder.mkdir(parents=True, exist_ok=True)
    if job.parameters.processes == 1:
        train_here(job, folder)
    else:
        from chajong.training.processes import train_in_processes

        train_in_processes(job, folder)
    release_memory()
    return _read(folder)


def check_job(job: TrainingJob) -> TrainingSchedule:
    """See that a job's batches fit its photos, its passes and its processes.

    Returns:
        Its steps.

    Raises:
        TrainingError: They do not fit.
    """
    from chajong.training.photo_batches import TrainingSchedule

    _photos_at_once(job.parameters)
    return TrainingSchedule(len(job.photos), job.parameters)


def check_device(parameters: TrainingParameters) -> None:
    """See that there is a GPU where one is asked for.

    Raises:
        TrainingError: There is none.
    """
    import torch

    if parameters.device == "gpu" and not torch.accelerator.is_available():
        message = (
            "This preset trains on a GPU and none was found. Where there is one, its driver may be "
            "too old for this torch (docs/gpus.md says which it needs). Run without `--env` for "
            "models of a size for the CPU, or set `training.device: auto` to try this one there."
        )
        raise TrainingError(message)


def train_here(job: TrainingJob, folder: Path) -> None:
    """Train in this process, which may be one of several that share the work.

    Raises:
        TrainingError: See `train`.
    """
    import torch

    try:
        with float32_settings_kept():
            if job.parameters.compile:
                allow_tf32()
            _run(job, folder)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory_error(error):
            raise
        at_once = job.parameters.batch_size // job.parameters.gradient_accumulation
        message = (
            f"There is not enough memory for {at_once} photos at once. Raise "
            "`training.gradient_accumulation` (the batch stays the same), set "
            "`training.gradient_checkpointing: true`, or lower the model's `image_size` (of a "
            "vision-language model `max_pixels` or `candidates`)."
        )
        raise TrainingError(message) from error


def _is_memory_error(error: BaseException) -> bool:
    import torch

    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "DefaultCPUAllocator" in str(error)


def _run(job: TrainingJob, folder: Path) -> None:
    from transformers import PrinterCallback

    from chajong.training.layer_decay import parameter_groups
    from chajong.training.moving_average import MovingAverage
    from chajong.training.photo_batches import BatchMixing, TrainingSchedule, TrainingSet
    from chajong.training.trainer import Averaging, EpochChoice, PhotoTrainer, Progress

    parameters = job.parameters
    schedule = TrainingSchedule(len(job.photos), parameters, job.photos.lengths())
    arguments = _arguments(parameters, schedule, folder)
    # Chosen first: a large model is loaded straight onto this process's GPU.
    device = arguments.device
    model: Any = job.build()
    if parameters.gradient_checkpointing:
        model.set_gradient_checkpointing(enabled=True)
    model.to(device)
    average = MovingAverage(model, parameters.average_horizon * schedule.steps)
    callbacks: list[Any] = [Averaging(average), Progress(job.title, schedule, folder)]
    if job.inner_photos is not None:
        best = folder / BEST_FILE
        callbacks.append(EpochChoice(job.inner_photos, schedule, average, best))
    trainer = PhotoTrainer(
        model=model,
        args=arguments,
        train_dataset=TrainingSet(job.photos, schedule, parameters, model.image_size),
        data_collator=BatchMixing(
            parameters, round((1 - parameters.mixing.off_for_last) * len(schedule))
        ),
        optimizers=(_optimiser(parameter_groups(model, model.layer_depths(), parameters)), None),
        callbacks=callbacks,
        average=average,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder / CHECKPOINTS))
    unwrap_forward(model)
    if arguments.should_save:
        _finish(average.weights, trainer.state.log_history, schedule, folder)


def _arguments(parameters: TrainingParameters, schedule: TrainingSchedule, folder: Path) -> Any:
    import torch
    from transformers import TrainingArguments

    on_gpu = torch.accelerator.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder / CHECKPOINTS),
        num_train_epochs=1,  # the schedule lays all epochs end to end
        per_device_train_batch_size=_photos_at_once(parameters),
        gradient_accumulation_steps=parameters.gradient_accumulation,
        max_grad_norm=parameters.gradient_norm,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(parameters.warm_up * schedule.steps),
        save_steps=parameters.save_every,
        save_total_limit=2,
        logging_steps=max(1, schedule.steps // LOGGED_STEPS),
        logging_nan_inf_filter=False,
        dataloader_num_workers=parameters.loader_workers,
        dataloader_pin_memory=on_gpu,
        torch_compile=parameters.compile,
        ddp_backend="gloo" if parameters.processes > 1 and not on_gpu else None,
        use_cpu=not on_gpu,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=[],
        seed=parameters.seed,
        **_precision(parameters),
    )
    # Several GPUs are used by several processes, never by threads of one.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _photos_at_once(parameters: TrainingParameters) -> int:
    parts = parameters.gradient_accumulation * parameters.processes
    photos, rest = divmod(parameters.batch_size, parts)
    if rest or not photos:
        message = (
            f"A batch of {parameters.batch_size} photos cannot be split evenly into "
            f"{parameters.gradient_accumulation} passes on {parameters.processes} processes: make "
            f"`training.batch_size` a multiple of {parts}."
        )
        raise TrainingError(message)
    return photos


def _precision(parameters: TrainingParameters) -> dict[str, bool]:
    chosen: str = parameters.precision
    if chosen == "auto":
        precision = best_precision(wide_range=parameters.wide_range)
        chosen = str(precision).removeprefix("torch.")
    return {"bf16": chosen == "bfloat16", "fp16": chosen == "float16"}


def _optimiser(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    import torch

    return torch.optim.AdamW(groups)


def _last_checkpoint(folder: Path) -> str | None:
    """Find the last checkpoint that is whole, and delete those after it."""
    numbered = {int(each.name.split("-")[1]): each for each in folder.glob("checkpoint-*")}
    for number in sorted(numbered, reverse=True):
        try:
            check_folder(numbered[number], "Training goes on from the checkpoint before it.")
        except (DamagedError, OSError) as error:
            logger.warning("%s", error)
            shutil.rmtree(numbered[number], ignore_errors=True)
        else:
            return str(numbered[number])
    return None


def _finish(
    average: Weights, log: list[dict[str, float]], schedule: TrainingSchedule, folder: Path
) -> None:
    from safetensors.torch import load_file

    from chajong.training.trainer import WEIGHTS_FILE, halved, save_weights

    best = folder / BEST_FILE
    # A copy, so that a run that is cut off here chooses the same epoch again.
    save_weights(halved(load_file(best) if best.exists() else average), folder / WEIGHTS_FILE)
    kept = [entry for entry in log if "loss" in entry or "inner_loss" in entry]
    history = {"steps_per_epoch": schedule.steps_per_epoch, "log": kept}
    with whole_file(folder / HISTORY_FILE, sealed=True) as unfinished:
        unfinished.write_text(json.dumps(history), encoding="utf-8")
    best.unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINTS)


def finished_training(folder: Path) -> TrainedModel | None:
    """Take what a finished training left, if it has finished.

    Args:
        folder: As for `train`; what is damaged in it is removed, to be trained again.
    """
    if not folder.exists():
        return None
    try:
        best = folder / BEST_FILE
        if best.exists():
            check_file(best, "Training begins anew.")
        return _read(folder) if (folder / HISTORY_FILE).exists() else None
    except (DamagedError, OSError) as error:
        logger.warning("%s", error)
        shutil.rmtree(folder)
        return None


def _read(folder: Path) -> TrainedModel:
    import torch
    from safetensors.torch import load_file

    from chajong.training.trainer import WEIGHTS_FILE

    for file in (folder / HISTORY_FILE, folder / WEIGHTS_FILE):
        check_file(file, "Training begins anew.")
    history = json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))
    weights = load_file(folder / WEIGHTS_FILE)
    strange = [name for name, part in weights.items() if not torch.isfinite(part).all()]
    if strange:
        raise DamagedError(f"{folder}: the weights {strange[0]} are not all finite.")
    return TrainedModel(weights, history["log"], history["steps_per_epoch"])
