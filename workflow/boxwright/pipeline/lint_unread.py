"""Finds fields that are set and read by nobody here: what they ask for does not happen, or happens anyway."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.findings import Facts, Finding
from boxwright.catalog.messages import spec_of
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


def _keypoints(config: Message, facts: Facts) -> Iterator[Finding]:
    """What an augmentation does to keypoints."""
    for index, step in enumerate(config.train_config.data_augmentation_options):
        if (name := step.WhichOneof("preprocessing_step")) is None:
            continue
        for field, _ in getattr(step, name).ListFields():
            if field.name.startswith("keypoint_"):
                path = f"train_config.data_augmentation_options.{index}.{name}.{field.name}"
                yield Finding("info", RULE, path, "set", "not used; there are boxes here and no keypoints")


RULES = (_unread, _keypoints)
