"""Makes a published pipeline.config fit a data set and a run: classes, paths, checkpoint, batch, steps, learning rate.

Nothing changes silently: each change is a Change with its reason, and `changes.diff` compares the result with the
original. Fields with surprising defaults are written out (by default, an eval reader shuffles and repeats forever).
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from boxwright import protos
from boxwright.catalog.extractors import row_of
from boxwright.core.errors import UserError
from boxwright.pipeline import averages, extractor_fields, schedule
from boxwright.pipeline.changes import Change
from boxwright.pipeline.extractor_fields import Written
from boxwright.pipeline.overrides import apply
from boxwright.protos import model_of
from boxwright.protos.plain import plain, short_float, value_of

WHOLE_DETECTORS = ("detection", "full", "fine_tune")
NO_MASKS = "masks are not trained here, the boxes are"
CHECKPOINT_TYPES = ("classification", *WHOLE_DETECTORS)


def patch(
    config: Message,
    *,
    num_classes: int,
    label_map_path: str,
    train_records: str | Sequence[str],
    eval_records: str | Sequence[str],
    num_steps: int,
    checkpoint: str | None = None,
    checkpoint_type: str | None = None,
    batch_size: int | None = None,
    rescale_learning_rate: bool = True,
    rescale_schedule: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Message, list[Change]]:
    """A patched copy of `config` (TrainEvalPipelineConfig) and every change, in the order in which they were made.

    `train_records` and `eval_records` replace the readers' input_path. `checkpoint` None means training from scratch.
    `checkpoint_type` is what the checkpoint holds by its own keys, "detection" or "classification"; None keeps the type
    in the file (an unset type is read as the OD API reads it). A `batch_size` that differs from the file's scales every
    learning rate by the ratio unless `rescale_learning_rate` is false.
    With `rescale_schedule` a cosine's total_steps becomes `num_steps`, and its warm-up and hold follow in proportion.
    `overrides` (dotted path: value) come last and win, but over fields that the feature extractor does not read.

    Raises UserError for a configuration without a model or with impossible values.
    """
    _check(num_classes, num_steps, batch_size, checkpoint_type)
    edit = _Edit(config)
    _model(edit, num_classes)
    edit.write(extractor_fields.older(edit.config))
    _masks(edit)
    _readers(edit, label_map_path, _listed(train_records), _listed(eval_records))
    _checkpoint(edit, checkpoint, checkpoint_type, num_steps)
    if not any("manual_step_learning_rate" in str(field) for field in overrides or {}):
        _first_step(edit)
    _batch_size(edit, batch_size, rescale_learning_rate)
    _steps(edit, num_steps, rescale_schedule)
    edit.changes += apply(edit.config, overrides or {})
    # An override may have chosen another extractor.
    edit.write([*extractor_fields.older(edit.config), *extractor_fields.unread(edit.config)])
    return edit.config, edit.changes


class _Edit:
    """The copy that is edited and the list of its changes."""

    def __init__(self, config: Message):
        self.config = type(config)()
        self.config.CopyFrom(config)
        self.changes: list[Change] = []

    def set(self, message: Message, path: str, name: str, value: Any, why: str) -> None:
        """Set `message.name` (None clears it); record a Change only if the value differs."""
        field = message.DESCRIPTOR.fields_by_name[name]
        before = value_of(message, field)
        if value is None:
            message.ClearField(name)
        elif field.is_repeated:
            if list(getattr(message, name)) != list(value):
                message.ClearField(name)
                getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
        after = value_of(message, field)
        if before != after:
            self.changes.append(Change(f"{path}.{name}" if path else name, before, after, why))

    def write(self, fields: Iterable[Written]) -> None:
        """Set the fields, which are all found before any of them is set."""
        for each in list(fields):
            self.set(each.message, each.path, each.name, each.value, each.why)


def _check(num_classes: int, num_steps: int, batch_size: int | None, checkpoint_type: str | None) -> None:
    mistakes = []
    if num_classes < 1:
        mistakes.append(f"num_classes is {num_classes}: at least one class is needed.")
    if num_steps < 1:
        mistakes.append(f"num_steps is {num_steps}: at least one step is needed (0 would mean forever).")
    if batch_size is not None and batch_size < 1:
        mistakes.append(f"batch_size is {batch_size}: at least one image is needed.")
    if checkpoint_type is not None and checkpoint_type not in CHECKPOINT_TYPES:
        mistakes.append(f"fine_tune_checkpoint_type {checkpoint_type!r} is not one of {', '.join(CHECKPOINT_TYPES)}.")
    if mistakes:
        raise UserError("\n".join(mistakes))


def _listed(paths: str | Sequence[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else [str(path) for path in paths]


def _model(edit: _Edit, num_classes: int) -> None:
    model, name = model_of(edit.config)
    if "num_classes" not in model.DESCRIPTOR.fields_by_name:
        raise UserError(f"model.{name} has no num_classes: only ssd, faster_rcnn and center_net can be patched.")
    edit.set(model, f"model.{name}", "num_classes", num_classes, "classes of the label map")


def _masks(edit: _Edit) -> None:
    """Switch off the masks of a Mask R-CNN, which the engine does not train."""
    for message, path, name, value in masks_of(edit.config):
        edit.set(message, path, name, value, NO_MASKS)


def masks_of(config: Message) -> Iterator[tuple[Message, str, str, Any]]:
    """The fields that ask for the masks of a Mask R-CNN: message, its path, the field, and the value without masks."""
    model, family = model_of(config)
    if family != "faster_rcnn" or not model.second_stage_box_predictor.HasField("mask_rcnn_box_predictor"):
        return
    predictor = model.second_stage_box_predictor.mask_rcnn_box_predictor
    if predictor.predict_instance_masks:
        if model.number_of_stages == 3:
            yield model, f"model.{family}", "number_of_stages", 2
        path = f"model.{family}.second_stage_box_predictor.mask_rcnn_box_predictor"
        yield predictor, path, "predict_instance_masks", False


def _readers(edit: _Edit, label_map_path: str, train_records: list[str], eval_records: list[str]) -> None:
    config = edit.config
    _reader(edit, config.train_input_reader, "train_input_reader", label_map_path, train_records)
    readers = config.eval_input_reader
    for index in range(1, len(readers)):
        before = plain(readers[index], config.DESCRIPTOR.fields_by_name["eval_input_reader"])
        why = "only one set of evaluation images is measured; the first reader is kept"
        edit.changes.append(Change(f"eval_input_reader.{index}", before, None, why))
    del readers[1:]
    reader = readers[0] if readers else readers.add()
    path = "eval_input_reader.0"
    _reader(edit, reader, path, label_map_path, eval_records)
    edit.set(reader, path, "shuffle", False, "the default, true, gives different example images at each evaluation")
    edit.set(reader, path, "num_epochs", 1, "the default, 0, repeats forever")
    if reader.sample_1_of_n_examples != 1:
        edit.set(reader, path, "sample_1_of_n_examples", 1, "every evaluation image is measured")
    for name in ("num_examples", "max_evals"):
        edit.set(config.eval_config, "eval_config", name, None, "deprecated; made for the original data set")


def _reader(edit: _Edit, reader: Message, path: str, label_map_path: str, records: list[str]) -> None:
    if reader.HasField("external_input_reader"):
        edit.set(reader, path, "external_input_reader", None, "the records are TFRecord files")
    edit.set(reader, path, "label_map_path", label_map_path, "label map of this data set")
    edit.set(reader.tf_record_input_reader, f"{path}.tf_record_input_reader", "input_path", records, "the new records")
    tf_example = protos.InputType.Value("TF_EXAMPLE")
    if reader.input_type != tf_example:
        edit.set(reader, path, "input_type", tf_example, "the records hold tf.Example, not sequences")
    edit.set(reader, path, "sample_from_datasets_weights", None, "they weight the record sets of the original")
    if reader.load_instance_masks:
        edit.set(reader, path, "load_instance_masks", False, "the records hold no masks")


def _checkpoint(edit: _Edit, checkpoint: str | None, checkpoint_type: str | None, num_steps: int) -> None:
    train, path = edit.config.train_config, "train_config"
    if checkpoint is None:
        for name in ("fine_tune_checkpoint", "fine_tune_checkpoint_type", "from_detection_checkpoint"):
            edit.set(train, path, name, None, "no checkpoint is given: training starts from scratch")
        _learn_batch_norm(edit, num_steps)
        return
    edit.set(train, path, "fine_tune_checkpoint", checkpoint, "start weights")
    asked = checkpoint_type_of(train)
    if checkpoint_type is None or (asked in WHOLE_DETECTORS and checkpoint_type in WHOLE_DETECTORS):
        edit.set(train, path, "fine_tune_checkpoint_type", asked, "what from_detection_checkpoint or its absence means")
    else:
        why = f"the variable names in the checkpoint are those of a {checkpoint_type} model"
        edit.set(train, path, "fine_tune_checkpoint_type", checkpoint_type, why)
    edit.set(train, path, "from_detection_checkpoint", None, "deprecated; fine_tune_checkpoint_type replaces it")


def _learn_batch_norm(edit: _Edit, num_steps: int) -> None:
    """Let batch norm train: without a checkpoint there are no statistics that freezing could keep.

    A two-stage detector's averages have a decay that nobody can configure. Where it is too slow for the run, batch norm
    stays as it begins, so that training and evaluation compute the same, if the network can be trained like that.
    """
    model, name = model_of(edit.config)
    why = "training starts from scratch: there are no batch norm statistics to keep"
    extractor = getattr(model, "feature_extractor", None)
    if extractor is not None and "batch_norm_trainable" in extractor.DESCRIPTOR.fields_by_name:
        path, row = f"model.{name}.feature_extractor", row_of(model, name)
        if row is not None and row.bounded and averages.are_too_slow(row.batch_norm_decay, num_steps):
            kept = averages.kept(row.batch_norm_decay, num_steps)
            slow = (
                f"training starts from scratch, and batch norm's averages, which decay by {row.batch_norm_decay:g} per "
                f"step, would keep {kept:.0%} of their initial values, which evaluation could not use"
            )
            edit.set(extractor, path, "batch_norm_trainable", False, slow)
        else:
            edit.set(extractor, path, "batch_norm_trainable", True, why)
    if "freeze_batchnorm" not in model.DESCRIPTOR.fields_by_name:
        return
    if model.freeze_batchnorm:
        edit.set(model, f"model.{name}", "freeze_batchnorm", False, why)
    layers = [(extractor, "feature_extractor")]
    if kind := model.box_predictor.WhichOneof("box_predictor_oneof"):
        layers.append((getattr(model.box_predictor, kind), f"box_predictor.{kind}"))
    for message, path in layers:
        hyperparams = getattr(message, "conv_hyperparams", None)
        if hyperparams is not None and hyperparams.HasField("batch_norm") and not hyperparams.batch_norm.train:
            edit.set(hyperparams.batch_norm, f"model.{name}.{path}.conv_hyperparams.batch_norm", "train", True, why)


def checkpoint_type_of(train: Message) -> str:
    """The type in `train_config`: its fine_tune_checkpoint_type, else what from_detection_checkpoint means."""
    if train.fine_tune_checkpoint_type:
        return train.fine_tune_checkpoint_type
    return "detection" if train.from_detection_checkpoint else "classification"


def _first_step(edit: _Edit) -> None:
    """Turn a manual step at step 0, which older configurations have, into the initial learning rate that it means."""
    rate, path = schedule.schedule_of(edit.config)
    if rate is None or not schedule.begins_at_0(rate):
        return
    first, *later = copy.deepcopy(list(rate.schedule))
    why = "a schedule must not begin at step 0; the rate given there becomes the initial one"
    edit.set(rate, path, "initial_learning_rate", first.learning_rate, why)
    edit.set(rate, path, "schedule", later, why)


def _batch_size(edit: _Edit, batch_size: int | None, rescale: bool) -> None:
    train = edit.config.train_config
    before = train.batch_size
    why = "configured" if batch_size else "the default, written out"
    edit.set(train, "train_config", "batch_size", batch_size or before, why)
    if batch_size is None or before in (0, batch_size) or not rescale:
        return
    rate, path = schedule.schedule_of(edit.config)
    if rate is None:
        return
    why = f"the learning rate scales with the batch size, {before} -> {batch_size}"
    for message, inner, name in schedule.rates(rate, path):
        edit.set(message, inner, name, short_float(getattr(message, name)) * batch_size / before, why)


def _steps(edit: _Edit, num_steps: int, rescale: bool) -> None:
    edit.set(edit.config.train_config, "train_config", "num_steps", num_steps, "configured")
    cosine, path = schedule.schedule_of(edit.config)
    if not rescale or not schedule.is_cosine(cosine) or cosine.total_steps in (0, num_steps):
        return
    total = cosine.total_steps
    why = f"in proportion to total_steps {total} -> {num_steps}"
    warmup = round(cosine.warmup_steps * num_steps / total)
    hold = min(round(cosine.hold_base_rate_steps * num_steps / total), max(num_steps - warmup, 0))
    edit.set(cosine, path, "total_steps", num_steps, "the cosine ends with the training")
    if warmup != cosine.warmup_steps:
        edit.set(cosine, path, "warmup_steps", warmup, why)
    if hold != cosine.hold_base_rate_steps:
        edit.set(cosine, path, "hold_base_rate_steps", hold, why)
