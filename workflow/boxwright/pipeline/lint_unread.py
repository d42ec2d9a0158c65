"""Finds fields that are set and have no effect here: what they ask for does not happen, or happens anyway.

What that is in a model, the catalogue says (`Spec.no_effect`).
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.catalog.extractors import row_of
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.findings import Facts, Finding
from boxwright.catalog.messages import spec_of
from boxwright.pipeline.scan import DEPRECATED
from boxwright.protos import model_of
from boxwright.protos.plain import plain

RULE = "unused-field"
# By block, the fields that are read, that the run sets itself, or that ask for what is always done. A field with rules
# in the catalogue counts as read.
READ = {
    "train_config": {
        "batch_size",
        "data_augmentation_options",
        "optimizer",
        "gradient_clipping_by_norm",
        "fine_tune_checkpoint",
        "fine_tune_checkpoint_type",
        "load_all_detection_checkpoint_vars",
        "num_steps",
        "bias_grad_multiplier",
        "update_trainable_variables",
        "freeze_variables",
        "add_regularization_loss",
    },
    "train_input_reader": {
        "label_map_path",
        "tf_record_input_reader",
        "input_type",
        "shuffle",
        "max_number_of_boxes",
    },
    "eval_config": {
        "metrics_set",
        "num_visualizations",
        "use_moving_averages",
        "min_score_threshold",
        "max_num_boxes_to_visualize",
        "include_metrics_per_category",
        "all_metrics_per_category",
    },
    "eval_input_reader": {"label_map_path", "tf_record_input_reader", "input_type", "shuffle"},
}
_WHY = {
    "use_bfloat16": "not used; `precision: bfloat16` of the model in the run's configuration does this",
    "keep_checkpoint_every_n_hours": "not used; `checkpoint_every` of the model in the run's configuration says when "
    "the training is saved",
    "sample_from_datasets_weights": "not used; all records are one set, and each image is as likely as another",
    "max_number_of_boxes": "not used; evaluation keeps all boxes",
}
_OTHERS = "not used; nothing reads this field here"


def _unread(config: Message, facts: Facts) -> Iterator[Finding]:
    for name in ("train_config", "train_input_reader", "eval_config"):
        yield from _of_block(getattr(config, name), name, READ[name])
    for index, reader in enumerate(config.eval_input_reader):
        path = f"eval_input_reader.{index}"
        if index:
            why = "not used; one set of images is evaluated, and the first reader stands for it"
            yield Finding("info", RULE, path, "set", why)
        else:
            yield from _of_block(reader, path, READ["eval_input_reader"])


def deprecated(config: Message) -> Iterator[Finding]:
    """The deprecated fields that are set, which nothing reads. Of a file `text` notes them, with their lines."""
    for block, message in config.ListFields():
        for field, value in () if block.is_repeated else message.ListFields():
            if field.GetOptions().deprecated:
                shown = "set" if field.message_type or field.is_repeated else plain(value, field)
                yield Finding("info", RULE, f"{block.name}.{field.name}", shown, DEPRECATED.get(field.name, _OTHERS))


def _of_block(message: Message, path: str, read: set[str]) -> Iterator[Finding]:
    known = set() if path.startswith("eval_") else set(spec_of(message.DESCRIPTOR.name).fields)
    for field, value in message.ListFields():
        if field.name in read | known or field.GetOptions().deprecated:
            continue
        if field.has_default_value and value == field.default_value:
            continue
        if path.startswith("eval_input_reader") and (field.name, value) == ("num_epochs", 1):
            continue  # as it is done
        shown = "set" if field.message_type or field.is_repeated else plain(value, field)
        yield Finding("info", RULE, f"{path}.{field.name}", shown, _WHY.get(field.name, _OTHERS))


def _in_model(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    if name in FAMILIES:
        row, extractor = row_of(model, name), f"model.{name}.feature_extractor"
        # Those that the extractor does not read are told by another rule.
        told = {f"{extractor}.{field}" for field in row.fields_unread()} if row is not None else set()
        yield from _without_effect(model, f"model.{name}", told)


def _without_effect(message: Message, path: str, told: set[str]) -> Iterator[Finding]:
    """What has no effect in a message, which is at `path`, and below it; `told`: paths of which it is known."""
    spec = spec_of(message.DESCRIPTOR.name)
    told = told | {f"{path}.{name}" for name, holds in spec.unread.items() if holds(message)}
    for place, reason in spec.no_effect.items():
        *blocks, name = place.split(".")
        inner = message
        for block in blocks:
            inner = getattr(inner, block)
        field = inner.DESCRIPTOR.fields_by_name[name]
        below_unread = blocks and f"{path}.{blocks[0]}" in told
        if below_unread or not reason.when(message) or not _asks(inner, field, reason.done):
            continue
        told.add(f"{path}.{place}")
        shown = "set" if field.message_type or field.is_repeated else plain(getattr(inner, name), field)
        yield Finding("info", RULE, f"{path}.{place}", shown, f"not used; {reason.why}")
    for field, value in message.ListFields():
        if field.message_type is None or f"{path}.{field.name}" in told or field.message_type.GetOptions().map_entry:
            continue
        for index, item in enumerate(value if field.is_repeated else [value]):
            here = f"{path}.{field.name}.{index}" if field.is_repeated else f"{path}.{field.name}"
            yield from _without_effect(item, here, told)


def _asks(message: Message, field: FieldDescriptor, done: Any) -> bool:
    """Whether a field is set, and to another value than its default and than what is done anyway."""
    value = getattr(message, field.name)
    if field.is_repeated or field.message_type:
        return any(field.name == one.name for one, _ in message.ListFields())
    value, default = plain(value, field), plain(field.default_value, field)
    return message.HasField(field.name) and value not in (default, done)


def _keypoints(config: Message, facts: Facts) -> Iterator[Finding]:
    """What an augmentation does to keypoints."""
    for index, step in enumerate(config.train_config.data_augmentation_options):
        if (name := step.WhichOneof("preprocessing_step")) is None:
            continue
        for field, _ in getattr(step, name).ListFields():
            if field.name.startswith("keypoint_"):
                path = f"train_config.data_augmentation_options.{index}.{name}.{field.name}"
                yield Finding("info", RULE, path, "set", "not used; there are boxes here and no keypoints")


RULES = (_unread, _in_model, _keypoints)
