"""Every rule of the lint: what it finds, and what to do. docs/errors.md is made from this table.

The finding itself names the field, its value, the reason and the better value.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """What a rule finds, and what the user can do about it: two clauses."""

    finds: str
    cure: str


RULES = {
    "impossible-value": Rule(
        "a number out of the range that its field can have, or two fields that contradict each other",
        "set the value that the message names",
    ),
    "unsupported": Rule(
        "a part or a field that the engine does not have",
        "use the nearest part, which the message names, or leave the field out",
    ),
    "num-classes": Rule(
        "`num_classes` is not the number of classes in the label map",
        "leave it out of `overrides`: a run sets it; the background is not counted",
    ),
    "no-learning-rate": Rule("no optimizer with a learning rate", "give `train_config.optimizer` one"),
    "constant-learning-rate": Rule(
        "a learning rate that first changes after the end of the run, as in configurations for long trainings",
        "move the schedule's steps into the run",
    ),
    "unfinished-cosine": Rule(
        "a cosine schedule that ends after the run", "leave `rescale_schedule: true`, or set `total_steps`"
    ),
    "zero-learning-rate": Rule(
        "a learning rate that reaches 0 before the end", "lengthen the schedule or shorten the run"
    ),
    "endless-training": Rule("`num_steps: 0`", "nothing: the model's `num_steps` replaces it"),
    "first-step": Rule("a manual schedule that begins with step 0", "nothing: its first rate holds from the beginning"),
    "pod-batch": Rule("a batch size made for many TPUs", "set `batch_size`; the learning rate is scaled with it"),
    "pod-learning-rate": Rule(
        "a learning rate made for a much larger batch", "leave `rescale_learning_rate: true`, or lower the rate"
    ),
    "unused-moving-averages": Rule(
        "averages of the weights are kept and not used (a default of the OD API)",
        "set `eval_config.use_moving_averages: true`, or switch them off",
    ),
    "missing-moving-averages": Rule(
        "the evaluation asks for averages of the weights that the training does not keep",
        "set `optimizer.use_moving_average: true`, or switch `use_moving_averages` off",
    ),
    "checkpoint-type": Rule(
        "`fine_tune_checkpoint_type` does not fit the checkpoint",
        "set the type that the message names, or leave it out",
    ),
    "unknown-checkpoint": Rule(
        "the checkpoint's names are those of no detector and no known backbone",
        "check that it is the right file: `model.ckpt.index` of an OD API model",
    ),
    "another-backbone": Rule(
        "the checkpoint has the weights of another feature extractor, or of one of another width",
        "use the checkpoint of this model, or the model of this checkpoint",
    ),
    "batch-norm-not-frozen": Rule(
        "batch norm that trains although the configuration asks to freeze it",
        "set the field that freezes it, if there is one: the message names it",
    ),
    "slow-averages": Rule(
        "averages of batch norm that a short run hardly changes, so the evaluation detects nothing",
        "start from a checkpoint, train longer, or lower the decay",
    ),
    "gpu-share": Rule(
        "a batch that cannot be split evenly over the GPUs", "use a batch size that is a multiple of `gpus`"
    ),
    "unscaled-rate": Rule(
        "an override of the batch, to which the learning rates are not scaled",
        "set the model's `batch_size`, or `rescale_learning_rate: false`",
    ),
    "other-optimizer": Rule(
        "an override inside another optimizer, which replaces the file's",
        "write the optimizer of the file in the override, or a whole block of the other one",
    ),
    "masks-not-trained": Rule("Mask R-CNN's masks", "nothing: the boxes are trained"),
    "no-quantization": Rule(
        "quantisation-aware training", "remove the block; `export.forms: [tflite_int8]` quantises after the training"
    ),
    "anchor-coverage": Rule(
        "many boxes match no anchor",
        "use smaller scales, other aspect ratios or a larger input (see the report's Anchors)",
    ),
    "few-hard-examples": Rule(
        "a hard example miner that looks only at a part of the anchors, which may hold no object at first",
        "set `num_hard_examples: 0`, for example after a larger input",
    ),
    "no-anchors": Rule("anchors that all extend over the border of the image", "use smaller scales or a larger input"),
    "anchor-level": Rule("anchors of other levels than the feature maps", "set the level that the message names"),
    "one-pixel": Rule("depthwise convolutions that see no neighbours", "set `kernel_size` to 3"),
    "too-few-boxes": Rule(
        "images with more boxes than the training reads", "raise `train_input_reader.max_number_of_boxes`"
    ),
    "too-few-detections": Rule(
        "images with more objects than the detector returns", "raise the limit of the suppression"
    ),
    "too-few-proposals": Rule(
        "images with more objects than the second stage sees", "raise `first_stage_max_proposals`"
    ),
    "beyond-coco": Rule(
        "images with more boxes than COCO's metrics count", "read Pascal's metrics, which have no limit"
    ),
    "shuffled-evaluation": Rule(
        "an evaluation that reads its images in another order each time", "set `shuffle: false`"
    ),
    "unmeasured-metrics": Rule("metric sets that are not measured here", "nothing: COCO's and Pascal's are"),
    "unknown-metrics": Rule("a metric set with a name that does not exist", "correct the name"),
    "written-out": Rule("a field that older configurations leave out", "nothing: the run writes it out"),
    "ignored-field": Rule("a field that this extractor does not read", "nothing; it has no effect"),
    "unused-field": Rule("a field that has no effect", "nothing: it is not used, and the message says why"),
}
