"""Finds harmful values in `train_config`: schedule, batch, averages, start weights, batch norm."""

from collections import Counter
from collections.abc import Collection, Iterator

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS, Extractor, row_of
from boxwright.catalog.findings import Facts, Finding
from boxwright.checkpoints.checkpoint_index import kind_of
from boxwright.core import wording
from boxwright.pipeline import averages, schedule
from boxwright.pipeline.patch import CHECKPOINT_TYPES, WHOLE_DETECTORS, checkpoint_type_of
from boxwright.protos import model_of
from boxwright.protos.plain import short_float

# Published momentum rates are at most 0.0016 per image of a batch; gradients of small batches explode well above that.
RATE_PER_IMAGE = 0.004
USUAL_RATE_PER_IMAGE = 0.0006
POD_BATCH = 64
WORKSTATION_BATCH = 8
# Published rates of Adam and RMSProp are at most 0.01; with ten times that, no loss falls.
ADAPTIVE_RATE = 0.1
# The tensor by which a checkpoint of TF2 is known.
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# The rule about learning rates with which a training diverges.
DIVERGES = "pod-learning-rate"


def _schedule(config: Message, facts: Facts) -> Iterator[Finding]:
    rate, path = schedule.schedule_of(config)
    num_steps = config.train_config.num_steps
    if rate is None:
        why = "no optimizer with a learning rate is given"
        yield Finding("error", "no-learning-rate", "train_config.optimizer", None, why)
        return
    if not num_steps:
        why = "0 trains forever; the run's number of steps replaces it"
        use = rate.total_steps or None if schedule.is_cosine(rate) else None
        yield Finding("info", "endless-training", "train_config.num_steps", num_steps, why, use)
        return
    if not check.sound(rate) or (first := schedule.first_decay(rate)) is None:
        return
    field, value, use = schedule.fitted(rate, num_steps)
    if first >= num_steps:
        why = (
            f"the learning rate first changes at step {first}, but the run ends at step {num_steps}, so it never decays"
        )
        yield Finding("warning", "constant-learning-rate", f"{path}.{field}", value, why, use)
    elif schedule.is_cosine(rate) and rate.total_steps > num_steps:
        why = f"the run ends at step {num_steps}, before the cosine schedule ends"
        yield Finding("warning", "unfinished-cosine", f"{path}.{field}", value, why, use)
    elif schedule.is_cosine(rate) and rate.total_steps < num_steps:
        why = f"the learning rate is 0 from this step to the end of the run at step {num_steps}"
        yield Finding("warning", "zero-learning-rate", f"{path}.{field}", value, why, use)


def _batch(config: Message, facts: Facts) -> Iterator[Finding]:
    batch = config.train_config.batch_size
    optimizer, _ = schedule.optimizer_of(config)
    rate, path = schedule.schedule_of(config)
    if not batch:
        return
    if batch >= POD_BATCH:
        why = "a batch for a TPU pod, too large for most machines"
        if rate is not None:
            made_for = schedule.base_rate(rate)[0]
            scaled = made_for * WORKSTATION_BATCH / batch
            why += (
                f", and the learning rate of {short_float(made_for)} is made for it; a batch of {WORKSTATION_BATCH} "
                f"needs a rate of {scaled:.3g}, and a model's `batch_size` scales the rates this way"
            )
        yield Finding("warning", "pod-batch", "train_config.batch_size", batch, why, WORKSTATION_BATCH)
    elif rate is not None and optimizer.DESCRIPTOR.name == "MomentumOptimizer":
        base, field = schedule.base_rate(rate)
        if base / batch > RATE_PER_IMAGE:
            why = f"a rate for a much larger batch than {batch}; training will probably diverge"
            use = short_float(batch * USUAL_RATE_PER_IMAGE)
            if schedule.is_cosine(rate) and rate.warmup_steps and rate.warmup_learning_rate > use:
                warmup = short_float(rate.warmup_learning_rate)
                why += f"; warmup_learning_rate, which is {warmup:g}, must come down with it, in proportion"
            yield Finding("warning", DIVERGES, f"{path}.{field}", short_float(base), why, use)
    elif rate is not None:
        base, field = schedule.base_rate(rate)
        if base > ADAPTIVE_RATE:
            why = "training will diverge with so large a rate; published configurations have 0.0001 to 0.01"
            yield Finding("warning", DIVERGES, f"{path}.{field}", short_float(base), why)


def _moving_averages(config: Message, facts: Facts) -> Iterator[Finding]:
    kept, used = config.train_config.optimizer.use_moving_average, config.eval_config.use_moving_averages
    if kept and not used:
        default = "" if config.train_config.optimizer.HasField("use_moving_average") else " (the default)"
        why = f"averages of the weights are kept{default}, but eval_config.use_moving_averages does not use them"
        yield Finding(
            "warning", "unused-moving-averages", "train_config.optimizer.use_moving_average", True, why, False
        )
    elif used and not kept:
        why = "train_config.optimizer.use_moving_average keeps none"
        yield Finding("error", "missing-moving-averages", "eval_config.use_moving_averages", True, why, False)


def _checkpoint(config: Message, facts: Facts) -> Iterator[Finding]:
    train, path = config.train_config, "train_config.fine_tune_checkpoint_type"
    if not train.fine_tune_checkpoint:
        return
    asked = checkpoint_type_of(train)
    value = train.fine_tune_checkpoint_type or None
    if asked not in CHECKPOINT_TYPES:
        use = wording.nearest(asked, CHECKPOINT_TYPES)
        why = f"there is no such type; the types are {', '.join(CHECKPOINT_TYPES)}"
        yield Finding("error", "checkpoint-type", path, value, why, use)
        return
    kind = kind_of(facts.checkpoint_names) if facts.checkpoint_names is not None else None
    if facts.checkpoint_names is not None and kind is None:
        why = "the variable names in the checkpoint match neither a detector nor a known backbone"
        yield Finding(
            "error", "unknown-checkpoint", "train_config.fine_tune_checkpoint", train.fine_tune_checkpoint, why
        )
    elif kind is not None and (asked in WHOLE_DETECTORS) != (kind == "detection"):
        why = f"the checkpoint has the variable names of a {kind} model; reading it as {asked} would restore nothing"
        yield Finding("error", "checkpoint-type", path, value, why, kind)
    elif value is None and train.from_detection_checkpoint:
        yield Finding(
            "info", "checkpoint-type", path, None, f"with from_detection_checkpoint it is read as {asked}", asked
        )
    elif value is None:
        why = f"without from_detection_checkpoint it is read as {asked}"
        if kind is None:  # nobody has looked into the checkpoint
            why += ', which restores nothing from the checkpoint of a detector; that one needs "detection"'
        yield Finding("info", "checkpoint-type", path, None, why, asked if kind is not None else None)


def _backbone(config: Message, facts: Facts) -> Iterator[Finding]:
    """Start weights of another backbone, of which next to nothing would be restored."""
    train, names = config.train_config, facts.checkpoint_names
    model, _ = model_of(config)
    row, kind = row_of(model, model_of(config)[1]), kind_of(names or ())
    if not train.fine_tune_checkpoint or row is None or kind is None:
        return
    path, value = "train_config.fine_tune_checkpoint", train.fine_tune_checkpoint
    if OBJECT_GRAPH in names:
        if row.dialect == "tf1":
            why = f"it is a checkpoint of TF2, and {row.type} reads those of TF1; take one of TF1"
            yield Finding("error", "another-backbone", path, value, why)
        return
    wanted = row.backbone_in_checkpoint(kind)
    if not any(name.startswith(wanted) for name in names):
        lost = "nothing of its backbone" if train.load_all_detection_checkpoint_vars else "nothing"
        why = f"it has no weights of {row.type} ({wanted[0]}...), so {lost} would be restored; it {holds(names, kind)}"
        why += "; take a pipeline.config of the network that the checkpoint holds, or another checkpoint"
        yield Finding("error", "another-backbone", path, value, why)


def holds(names: Collection[str], kind: str) -> str:
    """What a TF1 checkpoint holds, a clause: of which extractors its backbone is, or else how its names begin."""
    rows = [row for row in EXTRACTORS.values() if row.dialect == "tf1"]
    types = [row.type for row in rows if any(name.startswith(row.backbone_in_checkpoint(kind)) for name in names)]
    if types:
        return f"has those of {wording.few(types)}"
    scopes = Counter("/".join(name.split("/")[:2]) for name in names if "/" in name)
    return f"has {wording.few([f'{scope}/' for scope, _ in scopes.most_common()])}"


def _batch_norm(config: Message, facts: Facts) -> Iterator[Finding]:
    """Batch norm that goes on training although the configuration asks to freeze it."""
    model, name = model_of(config)
    row, rule = row_of(model, name), "batch-norm-not-frozen"
    if row is None or not _can_freeze(model):
        return
    tf2, frozen = row.dialect == "tf2", model.freeze_batchnorm
    if frozen and row.batch_norm_fixed:
        path = f"model.{name}.freeze_batchnorm"
        if tf2:
            why = f"it freezes the pyramid and the head alone; the backbone of {row.type} always trains its batch norm"
            yield Finding("info", rule, path, True, why)
        else:
            why = f"it freezes nothing: {row.type} always trains its batch norm, and other layers have their own fields"
            yield Finding("warning", rule, path, True, why, False)
    for block, norm in _batch_norms(model, row):
        path, override = f"model.{name}.{block}.train", "override_base_feature_extractor_hyperparams"
        if tf2 and not (norm.train or frozen):
            why = f"{row.type} does not read it, so batch norm trains; model.{name}.freeze_batchnorm is what freezes it"
            yield Finding("warning", rule, path, False, why)
        elif tf2 or not (norm.train and frozen):
            continue
        elif block.startswith("feature_extractor") and _overridden(model.feature_extractor, row):
            why = f"{override} applies it to every layer, so freeze_batchnorm freezes none"
            yield Finding("warning", rule, path, True, why, False)
        else:
            layers = "the layers after the backbone" if block.startswith("feature_extractor") else "the box predictor"
            why = f"freeze_batchnorm does not reach {layers}, whose moving averages still change"
            yield Finding("info", rule, path, True, why, False)


def _batch_norms(model: Message, row: Extractor) -> Iterator[tuple[str, Message]]:
    """The settings of batch norm in an SSD that some layer has, with their paths below the model."""
    extractor, kind = model.feature_extractor, model.box_predictor.WhichOneof("box_predictor_oneof")
    blocks = []
    if "conv_hyperparams" not in row.unread and (_overridden(extractor, row) or row.adds_layers(extractor)):
        blocks.append(("feature_extractor", extractor))
    if kind is not None:
        predictor = getattr(model.box_predictor, kind)
        separable = kind == "convolutional_box_predictor" and predictor.use_depthwise
        if separable or getattr(predictor, "num_layers_before_predictor", 0) > 0:
            blocks.append((f"box_predictor.{kind}", predictor))
    for path, block in blocks:
        if (norm := block.conv_hyperparams.WhichOneof("normalizer_oneof")) in ("batch_norm", "sync_batch_norm"):
            yield f"{path}.conv_hyperparams.{norm}", getattr(block.conv_hyperparams, norm)


def _overridden(extractor: Message, row: Extractor) -> bool:
    """Whether the batch norm of the backbone is that of `conv_hyperparams`."""
    return row.overridden(extractor) and not row.batch_norm_fixed


def _can_freeze(model: Message) -> bool:
    """Whether the model's message can freeze batch norm."""
    return "freeze_batchnorm" in model.DESCRIPTOR.fields_by_name


def _frozen(model: Message, row: Extractor) -> bool:
    """Whether the batch norm of the backbone keeps its moving averages."""
    extractor = model.feature_extractor
    if not _can_freeze(model):
        return not getattr(extractor, "batch_norm_trainable", True)
    if row.dialect == "tf1" and _overridden(extractor, row):
        return not extractor.conv_hyperparams.batch_norm.train
    return model.freeze_batchnorm and not row.batch_norm_fixed


def _averages_of_batch_norm(config: Message, facts: Facts) -> Iterator[Finding]:
    """Evaluation uses moving averages, which start at 0 and 1 from scratch and lose these values only slowly."""
    model, name = model_of(config)
    train = config.train_config
    row = row_of(model, name)
    if row is None or train.fine_tune_checkpoint or not train.num_steps:
        return
    path, then = f"model.{name}.feature_extractor", ""
    extractor, decay = model.feature_extractor, row.batch_norm_decay
    if _frozen(model, row):
        return
    # Nothing of it is configurable.
    if row.batch_norm_fixed or not hasattr(extractor, "override_base_feature_extractor_hyperparams"):
        field, value, use = f"{path}.type", row.type, None
    elif not _can_freeze(model):  # the decay of a two-stage detector is not configurable
        field, value, use = f"{path}.batch_norm_trainable", True, None
    elif extractor.override_base_feature_extractor_hyperparams:
        if not extractor.conv_hyperparams.HasField("batch_norm"):
            return
        decay = short_float(extractor.conv_hyperparams.batch_norm.decay)
        field, value = f"{path}.conv_hyperparams.batch_norm.decay", decay
        use = averages.decay_for(train.num_steps)
    else:
        field, value, use = f"{path}.override_base_feature_extractor_hyperparams", False, True
        own, lower = extractor.conv_hyperparams, averages.decay_for(train.num_steps)
        if lower and own.HasField("batch_norm") and averages.are_too_slow(own.batch_norm.decay, train.num_steps):
            then = (
                f"; then conv_hyperparams.batch_norm.decay counts, which is {short_float(own.batch_norm.decay):g}, so "
                f"set that to {lower:g} too"
            )
    if averages.are_too_slow(decay, train.num_steps):
        why = (
            f"batch norm's averages decay by {decay:g} per step here, so at step {train.num_steps} they still have "
            f"{averages.kept(decay, train.num_steps):.0%} of their initial values (0 and 1), and evaluation, which "
            f"uses them, detects almost nothing{then}"
        )
        if averages.decay_for(train.num_steps) is None:
            why, use = f"{why}; train longer, since no decay suits so few steps", None
        yield Finding("warning", "slow-averages", field, value, why, use)


def _first_step(config: Message, facts: Facts) -> Iterator[Finding]:
    rate, path = schedule.schedule_of(config)
    if rate is not None and schedule.begins_at_0(rate) and check.sound(rate):
        found = schedule.entries(rate)
        why = (
            "the rate given for step 0 is the initial one; the run leaves the entry out and sets initial_learning_rate"
        )
        yield Finding("info", "first-step", f"{path}.schedule", found, why, found[1:])


RULES = (
    _backbone,
    _schedule,
    _first_step,
    _batch,
    _moving_averages,
    _checkpoint,
    _batch_norm,
    _averages_of_batch_norm,
)
