"""Canonical text of the fields that decide a result, to tell whether a change of the configuration needs a rerun.

The text lists `path: value` line by line in the order of field numbers, so that the formatting and order of a file do
not matter. Fields that have the schema's default, written out or not, and deprecated fields are left out. An empty
block counts, because its presence is a choice (`random_horizontal_flip {}`).
"""

import re
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES
from boxwright.pipeline.patch import checkpoint_type_of
from boxwright.protos import model_of
from boxwright.protos.plain import plain

# Length and bookkeeping of a run, and the start weights, which have an identity of their own.
NOT_TRAINING = {
    f"train_config.{name}"
    for name in (
        "num_steps",
        "fine_tune_checkpoint",
        "fine_tune_checkpoint_type",
        "keep_checkpoint_every_n_hours",
        "startup_delay_steps",
        "summarize_gradients",
        "retain_original_images",
        "run_fine_tune_checkpoint_dummy_computation",
    )
}
RESTORE = {"train_config.load_all_detection_checkpoint_vars", "train_config.fine_tune_checkpoint_version"}
# What counts only with start weights.
OF_START = {"train_config.fine_tune_checkpoint_type", *RESTORE}
# How a reader finds and buffers examples; what it reads has an identity of its own.
READER_PLUMBING = {
    "name",
    "label_map_path",
    "tf_record_input_reader",
    "external_input_reader",
    "shuffle_buffer_size",
    "filenames_shuffle_buffer_size",
    "num_epochs",
    "num_readers",
    "num_parallel_batches",
    "num_prefetch_batches",
    "read_block_length",
    "drop_remainder",
    "include_source_id",
}


def training_identity(config: Message) -> str:
    """Text of the model without post-processing, of train_config, and of the train reader except for its plumbing.

    Left out: num_steps (a schedule that depends on it says so in its own fields), paths, logging, evaluation.
    """
    _, name = model_of(config)
    without = set(NOT_TRAINING)
    if name in FAMILIES:  # turns predictions into detections; no loss depends on it
        without.update(f"model.{name}.{field}" for field in FAMILIES[name].not_in_losses)
    lines = []
    if config.train_config.fine_tune_checkpoint:
        lines.append(f'train_config.fine_tune_checkpoint_type: "{checkpoint_type_of(config.train_config)}"')
    else:
        without = without | RESTORE
    without = without | {f"train_input_reader.{name}" for name in READER_PLUMBING}
    for name in ("model", "train_config", "train_input_reader", "graph_rewriter"):
        lines += canonical(getattr(config, name), name, without)
    return "\n".join(lines) + "\n"


def evaluation_identity(config: Message) -> str:
    """Text of the model, of eval_config, and of the eval readers except for their plumbing.

    Together with the weights and the eval records, these decide the detections, the metrics and the exported graph.
    """
    lines = [*canonical(config.model, "model", set()), *canonical(config.eval_config, "eval_config", set())]
    for index, reader in enumerate(config.eval_input_reader):
        path = f"eval_input_reader.{index}"
        lines += canonical(reader, path, {f"{path}.{name}" for name in (*READER_PLUMBING, "shuffle")})
    return "\n".join(lines) + "\n"


def anchor_identity(config: Message) -> str:
    """Text of what decides a model's anchors: generator, input size, feature extractor, clipping."""
    model, kind = model_of(config)
    without = {f"model.{kind}.{field.name}" for field in model.DESCRIPTOR.fields if not _ANCHORS.search(field.name)}
    return "\n".join(canonical(config.model, "model", without)) + "\n"


_ANCHORS = re.compile("anchor|image_resizer|feature_extractor")


def canonical(message: Message, path: str, without: set[str]) -> Iterator[str]:
    """Lines of `message`, which is at `path`, without the paths in `without`."""
    yield f"{path} {{}}"
    for field in sorted(message.DESCRIPTOR.fields, key=lambda field: field.number):
        here = f"{path}.{field.name}"
        if here in without or field.GetOptions().deprecated:
            continue
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            yield from _map(value, field, here)
        elif field.is_repeated:
            for index, item in enumerate(value):
                yield from _item(item, field, f"{here}.{index}", without)
        elif message.HasField(field.name) and not (field.has_default_value and value == field.default_value):
            yield from _item(value, field, here, without)


def _item(value: object, field: FieldDescriptor, here: str, without: set[str]) -> Iterator[str]:
    if field.message_type:
        yield from canonical(value, here, without)
    else:
        yield f"{here}: {plain(value, field)!r}"


def _map(entries: object, field: FieldDescriptor, here: str) -> Iterator[str]:
    value_field = field.message_type.fields_by_name["value"]
    for key in sorted(entries):
        yield from _item(entries[key], value_field, f"{here}[{key!r}]", set())
