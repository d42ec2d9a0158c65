"""What is compared of recorded training: learning rates, and a few steps of each optimizer on a fixed batch."""

import copy
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from golden_case import Case, Check, ratio, relative

from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.pipeline import parts, text
from boxwright.training import schedules, segment
from boxwright.training.inputs import Batch
from boxwright.training.log import REGULARIZATION, TOTAL
from boxwright.training.step import GRADIENT, compile_step

RATES = 1e-6
# What other CPU kernels give against the recording: an activation within rounding of 0 or 6 flips its gradient, and
# Adam with a tiny epsilon makes a whole step of it. Variables: of the tensor's maximum.
VARIABLES = {1: 1.35e-5, 5: 3.05e-4}
VARIABLES_TINY_EPSILON = 2.65e-3
TOTAL_LOSS, TOTAL_LOSS_TINY_EPSILON, EACH_LOSS = 2e-4, 1e-3, 1e-3
NORM = 1e-5


def checks(case: Case) -> Iterator[Check]:
    """Every check of the case."""
    for name, table in case.golden.get("learning_rate_tables", {}).items():
        yield _rates(name, table)
    arrays = np.load(case.folder / "outputs.npz")
    for name, run in case.golden["runs"].items():
        for one in _steps(case, name, run, arrays):
            yield Check(f"{name} {one.name}", one.difference, one.bar, one.unit)


def _rates(name: str, table: dict) -> Check:
    message = text.parse(table["config"], name, kind="LearningRate")
    try:
        check.require(message, "learning_rate")
        schedule = schedules.make(parts.numbers(message))
    except UserError:
        return Check(f"learning rate {name}: refused", int(not table.get("refused")), 0, "1 if it should not be")
    if table.get("refused"):
        return Check(f"learning rate {name}: accepted", 1, 0, "1 if it should be refused")
    ours, recorded = [schedule(step) for step in range(len(table["values"]))], np.array(table["values"])
    # Of the highest rate: the end of a cosine is the difference of two float32 numbers near 1.
    return Check(f"learning rate {name}", np.abs(ours - recorded).max() / recorded.max(), RATES, "of the highest rate")


def _steps(case: Case, name: str, run: dict, arrays: dict) -> Iterator[Check]:
    config = copy.deepcopy(case.config)
    config.train_config.gradient_clipping_by_norm = run["gradient_clipping_by_norm"]
    config.train_config.optimizer.CopyFrom(text.parse(run["optimizer_config"], name, kind="Optimizer"))
    adam = config.train_config.optimizer.WhichOneof("optimizer") == "adam_optimizer"
    tiny_epsilon = adam and config.train_config.optimizer.adam_optimizer.epsilon < 1e-6

    detector, _ = case.detector()
    optimizer = segment.build_optimizer(
        config.train_config.optimizer, {name: detector.variables[name] for name in detector.trainable}
    )
    images, shapes = tf.constant(arrays["preprocessed"]), tf.constant(arrays["true_image_shapes"])
    batch = Batch(images, shapes, case.groundtruth(case.golden, images, shapes))
    spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, batch)
    step = compile_step(detector, optimizer, spec, **segment.numbers_of_step(config.train_config))
    for number, recorded in enumerate(run["steps"]):
        rate = optimizer.schedule(number)
        losses = step(batch, rate, number)
        yield ratio(f"step {number} learning rate", rate, recorded["learning_rate"], RATES)
        total = TOTAL_LOSS_TINY_EPSILON if tiny_epsilon else TOTAL_LOSS
        yield ratio(f"step {number} total loss", losses[TOTAL], recorded["total_loss"], total)
        yield ratio(f"step {number} penalty", losses[REGULARIZATION], recorded["regularization_loss"], NORM)
        for tag, value in recorded["losses"].items():
            yield ratio(f"step {number} {tag}", losses[tag], value, EACH_LOSS)
        if number == 0:
            yield ratio("gradient norm", losses[GRADIENT], recorded["global_grad_norm_before_clip"], NORM)
        if f"{name}/after{number + 1}/{case.golden['tracked_variables'][0]}" in arrays:
            bar = VARIABLES_TINY_EPSILON if tiny_epsilon else VARIABLES[number + 1]
            for variable in case.golden["tracked_variables"]:
                expected = arrays[f"{name}/after{number + 1}/{variable}"]
                of = f"after {number + 1}: {variable[-40:]}"
                found = relative(of, detector.variables[variable], expected, bar, float(np.abs(expected).max()))
                yield Check(found.name, found.difference, bar, "of the recorded maximum")
