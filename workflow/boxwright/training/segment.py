"""Training from one checkpoint to the next: one loop, read top to bottom.

Only this module reads the message `train_config`; the functions that it calls take numbers and parts.

A segment is exact: with the same configuration, data, seed, precision and thread count, training 0 -> 10 gives the same
bits as 0 -> 3, 3 -> 7, 7 -> 10, or as a segment that was killed and continued from its autosave.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import Message

from boxwright import devices
from boxwright.catalog import check
from boxwright.catalog.extractors import row_of
from boxwright.checkpoints import conditions, restore
from boxwright.console import progress
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.detector import precision
from boxwright.detector.build import build
from boxwright.detector.protocol import Detector
from boxwright.pipeline import parts
from boxwright.protos import model_of
from boxwright.training import inputs, saved, state, trainable, workers
from boxwright.training.inputs import Inputs
from boxwright.training.log import Log
from boxwright.training.loss_scale import LossScale
from boxwright.training.optimizers.optimizer import Optimizer, decay_of_averages
from boxwright.training.signals import Signals
from boxwright.training.step import compile_step

# Threads for the input pipeline and other work beside the step. The results do not depend on them.
INTER_OP_THREADS = 2
# Grappler's optimizers: `remapping`, which leaves every bit as it is, and none of the others.
_GRAPPLER = {
    "remapping": True,
    "disable_model_pruning": True,
    **dict.fromkeys(
        (
            "arithmetic_optimization",
            "auto_mixed_precision",
            "constant_folding",
            "debug_stripper",
            "dependency_optimization",
            "function_optimization",
            "implementation_selector",
            "layout_optimizer",
            "loop_optimization",
            "pin_to_host_optimization",
            "scoped_allocator_optimization",
            "shape_optimization",
        ),
        False,
    ),
}


def train_segment(
    config: Message,
    records: Sequence[Path],
    label_map: Mapping[str, int],
    train_dir: Path,
    *,
    to_step: int,
    log_path: Path,
    events_path: Path,
    start: Path | None = None,
    old_label_map: Mapping[str, int] | None = None,
    seed: int = 0,
    tf_threads: int | str = 2,
    compute: devices.Compute = devices.Compute(),  # noqa: B008
    save_every_s: float = 300.0,
    identity: str = "",
) -> None:
    """Train to step `to_step` and write `train_dir/model.ckpt-<to_step>`, the JSON lines `log_path` and `events_path`.

    `config` is the model's TrainEvalPipelineConfig, `records` the train shards in a fixed order, `label_map` the ids
    (from 1) by class name. `start` is the prefix of the checkpoint to continue; None begins at step 0 from the
    configuration's `fine_tune_checkpoint`, or from scratch if that is empty. `old_label_map` is the label map of that
    checkpoint, if known. `compute` gives the devices and the precision; this and `tf_threads` may be "auto", which is
    decided when the training begins and kept in its checkpoints (see `conditions`). `identity` stands for everything
    that the result depends on: an autosave in `train_dir/autosave` is continued only if its identity is the same. It is
    written every `save_every_s` seconds and removed at the end.

    Raises UserError for a configuration that the catalogue rejects, for unusable input and for a loss that is not
    finite (nothing of that step is saved), and `StoppedError` after SIGTERM or SIGINT.
    """
    check.require(config)
    training, row = config.train_config, row_of(*model_of(config))
    train_dir = Path(train_dir)
    for left_by_a_kill in train_dir.glob(f".model.ckpt-{to_step}.*"):
        left_by_a_kill.unlink()
    autosave = state.Autosave(train_dir / saved.FOLDER, saved.training(identity, seed, tf_threads))
    interrupted = None if start else autosave.find(0, to_step)
    taken = devices.take(compute)
    kept = conditions.decide(
        compute.precision,
        tf_threads,
        begun=start or (interrupted and interrupted.prefix),
        gpus=len(taken.gpus),
        faster_with=row.bfloat16_with,
    )
    configure_tensorflow(taken, kept.threads, seed)
    taken.tell(progress.say, progress.warn, kept.precision, kept.threads, row.bfloat16_with)
    worker = workers.here()
    strategy = _strategy(taken.gpus, worker, training.batch_size)
    with strategy.scope() if strategy else nullcontext():
        detector = build(config.model, seed, precision.of(kept.precision, gpu=bool(taken.gpus)))
        loss_scale = LossScale(compute.loss_scale) if kept.precision == "float16" else None
    if start is None and training.fine_tune_checkpoint:
        progress.say(str(_restore_start_weights(detector, training, old_label_map, label_map)))
    trained = trained_variables(detector, training)
    with strategy.scope() if strategy else nullcontext():
        optimizer = build_optimizer(training.optimizer, trained, keras=row.dialect == "tf2")
    variables = {**detector.variables, **optimizer.state, **(loss_scale.state if loss_scale else {})}
    whole = {**variables, **kept.tensors}
    first = 0 if start is None else state.restore(start, variables)
    if to_step < first:
        raise UserError(f"The checkpoint {start} is already at step {first}, beyond step {to_step}.")

    interrupted = interrupted or autosave.find(first, to_step)
    step, log_records = (interrupted and interrupted.resume(variables, first)) or (first, [])
    del interrupted  # its tensors take as much memory as the variables
    padding = detector.padding_value
    data = inputs.build(config, records, label_map, detector.preprocess, seed, padding=padding, part=worker)
    _say_hello(data, step, first, to_step, seed)

    batches = data.batches(step, to_step)
    train_step = compile_step(
        detector,
        optimizer,
        batches.spec,
        seed,
        **numbers_of_step(training),
        strategy=strategy,
        # A CPU computes in float32: it leaves the scale as it is, for the GPU on which the training may go on.
        loss_scale=loss_scale if taken.gpus else None,
    )
    stop_asked = workers.agreement(strategy)
    log = Log(events_path, first, to_step, log_records)
    with Signals() as signals, closing(batches), closing(log):
        last_save = time.monotonic()
        while step < to_step:
            rate = optimizer.schedule(step)
            asked = time.monotonic()
            batch = next(batches)
            waited = time.monotonic() - asked
            values = {tag: float(value) for tag, value in train_step(batch, rate, step).items()}
            _check_finite(values, step, rate, data)
            step += 1
            log.step(step, rate, values, waited)

            signals.wait = True
            stop = stop_asked(bool(signals.name))
            if step < to_step and (stop or time.monotonic() - last_save >= save_every_s):
                if worker.index == 0:
                    autosave.save(whole, step, log.records)
                last_save = time.monotonic()
                signals.stop_if(stop, f"saved at step {step}; the same command continues there")
        if worker.index == 0:
            state.save(train_dir / f"model.ckpt-{to_step}", whole, to_step)
        log.save(log_path)
    if worker.index == 0:
        autosave.remove()


def configure_tensorflow(taken: devices.Taken, threads: int, seed: int) -> None:
    """Set up TensorFlow for the devices that were taken, before it computes anything.

    With 0 threads TensorFlow chooses. On a CPU, equal runs give equal bits: of Grappler's optimizers only the one runs
    that gives a convolution its bias and its activation (`_GRAPPLER`), because others merge the sums of a step into
    sums in the order of arrival. On a GPU, they are equal up to rounding: there TensorFlow's gradient of cropping does
    not sum in a fixed order.
    """
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(INTER_OP_THREADS)
    if not taken.gpus:
        tf.config.experimental.enable_op_determinism()
        tf.config.optimizer.set_experimental_options(_GRAPPLER)
    tf.random.set_seed(seed)


def trained_variables(detector: Detector, training: Message) -> dict[str, tf.Variable]:
    """The variables that a `TrainConfig` trains, by checkpoint name; raises UserError as `trainable.trained` does."""
    names = trainable.trained(
        detector.trainable,
        update_trainable_variables=training.update_trainable_variables,
        freeze_variables=training.freeze_variables,
    )
    return {name: detector.variables[name] for name in names}


def build_optimizer(message: Message, variables: Mapping[str, tf.Variable], *, keras: bool = False) -> Optimizer:
    """The optimizer of an `Optimizer` message, which trains `variables` (by checkpoint name).

    keras: whether it is that of a TF2 model.

    Raises UserError if the message chooses no optimizer, or no learning rate.
    """
    kind = parts.choice(message)
    if not (kind and parts.choice(getattr(message, kind).learning_rate)):
        field = f"{kind}.learning_rate" if kind else "one of its alternatives"
        raise UserError(f"train_config.optimizer has no learning rate: set {field} in it.")
    decay = decay_of_averages(message.moving_average_decay, keras=keras) if message.use_moving_average else None
    return parts.make(message, offered={"keras": keras}, variables=variables, moving_average_decay=decay)


def numbers_of_step(training: Message) -> dict[str, Any]:
    """The settings of a `TrainConfig` for each step, as arguments of `compile_step`."""
    names = ("add_regularization_loss", "bias_grad_multiplier", "gradient_clipping_by_norm")
    return {name: getattr(training, name) for name in names}


def _strategy(gpus: Sequence[str], worker: workers.Worker, batch_size: int) -> tf.distribute.Strategy | None:
    """The strategy that shares the batch between several GPUs or machines; None for one."""
    shares = max(len(gpus), 1) * worker.count
    if batch_size % shares:
        raise UserError(
            f"{shares} GPUs cannot share a batch of {batch_size} images equally. Set `batch_size` of "
            f"the model to a multiple of {shares} (the learning rate follows), or `gpus` to a divisor of {batch_size}."
        )
    if worker.count > 1:
        return workers.strategy(len(gpus))
    return tf.distribute.MirroredStrategy() if shares > 1 else None


def _restore_start_weights(
    detector: Detector, training: Message, old_label_map: Mapping[str, int] | None, label_map: Mapping[str, int]
) -> Any:
    """Give the detector the weights of `fine_tune_checkpoint`; return a report of what was restored.

    If the checkpoint type is empty, the older, deprecated field decides.
    """
    older = "detection" if training.from_detection_checkpoint else "classification"
    return restore.restore(
        detector,
        training.fine_tune_checkpoint,
        checkpoint_type=training.fine_tune_checkpoint_type or older,
        load_all=training.load_all_detection_checkpoint_vars,
        old_label_map=old_label_map,
        new_label_map=label_map,
    )


def _check_finite(values: Mapping[str, float], step: int, rate: float, data: Inputs) -> None:
    """Raise UserError if a loss or the gradient is not finite: nothing of this step may be saved."""
    bad = [f"{tag} is {value}" for tag, value in values.items() if not math.isfinite(value)]
    if bad:
        raise UserError(
            f"Training stopped at step {step}: {', '.join(bad)}. Nothing of this step is saved. The learning rate "
            f"was {rate:.3g}; the images of the batch were {', '.join(data.source_ids(step))}. A rate that is too "
            "high is the usual cause (try a tenth of it, a warm-up, or gradient_clipping_by_norm: 10); if the same "
            "images come up again, look at their boxes."
        )


def _say_hello(data: Inputs, step: int, first: int, to_step: int, seed: int) -> None:
    epochs = to_step * data.batch_size / len(data)
    resumed = f" (continued from the autosave at step {step})" if step > first else ""
    progress.say(
        f"Training from step {first} to {to_step}{resumed}: {plural(len(data), 'image')}, batch {data.batch_size}, so "
        f"{epochs:.1f} times through the data by step {to_step}; seed {seed}."
    )
