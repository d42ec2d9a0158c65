"""The configuration: checked against its schema, with every default filled in.

`workflow/schemas/config.schema.yaml` holds each key with its meaning, bounds and default. `load` reports all mistakes
at once, each with the key, its value and what is allowed; an unknown key comes with the nearest known one.
"""

import copy
import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from boxwright.core.errors import UserError
from boxwright.zoo import PREFIX, catalogue

# Settings of a model that say how a machine is used and do not change results.
MACHINE = ("gpus", "gpu_memory_mb", "jit_compile", "save_every_s")

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"


def load(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: `config` (as YAML gave it) with every default filled in; `config` is not changed.

    A model with a list of seeds becomes one model for each, `<name>-seed<seed>`. In the result each model has one
    `seed`, and `repeat_of`: the name in the configuration, or None for a model without repetitions. Models with the
    same `repeat_of` differ only by chance, so their figures have a mean and a spread.

    Raises UserError with every mistake: unknown or missing keys, values of a wrong type or out of bounds, paths that
    do not exist, a data set that is neither given nor the demo.
    """
    schema = _schema()
    settings = json.loads(json.dumps(config))  # plain types, whatever Snakemake wraps them in
    _fill(settings, schema, schema)
    validator = jsonschema.Draft202012Validator(schema)
    mistakes = [text for error in validator.iter_errors(settings) for text in _explain(error, schema)]
    if not mistakes:
        mistakes = list(_inconsistencies(settings))
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise UserError(f"The configuration has {count}:\n" + "\n".join(f"  - {text}" for text in mistakes))
    for side in ("images", "annotations"):
        folders = settings["dataset"][side]
        settings["dataset"][side] = [folders] if isinstance(folders, str) else folders
    settings["models"] = dict(_repeats(settings["models"]))
    return settings


def read(path: str | Path) -> dict[str, Any]:
    """The settings in a YAML file, as `load` gives them."""
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"The configuration {path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise UserError(f"The configuration {path} holds no keys; it needs at least `dataset` and `models`.")
    return load(config)


def machine(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By model, the settings that say how a machine is used: the only ones that a script takes from `config`."""
    return {name: {key: model[key] for key in MACHINE} for name, model in settings["models"].items()}


def training(model: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a model that, with its pipeline.config, decide the bits of its training.

    The number of GPUs and XLA are not among them: they change rounding, as another machine does, and a run may continue
    with others. The loss scale counts only with float16.
    """
    found = {key: model[key] for key in ("seed", "tf_threads", "precision")}
    return found | {"loss_scale": model["loss_scale"] if model["precision"] == "float16" else None}


def checkpoint_steps(model: Mapping[str, Any]) -> list[int]:
    """The steps at which a model is saved and measured: every `checkpoint_every` steps, and always the last one."""
    steps = list(range(model["checkpoint_every"], model["num_steps"] + 1, model["checkpoint_every"]))
    if not steps or steps[-1] != model["num_steps"]:
        steps.append(model["num_steps"])
    return steps


def _repeats(models: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The models by name, one for each seed."""
    for name, model in models.items():
        seeds = model["seed"]
        if isinstance(seeds, int):
            yield name, {**model, "repeat_of": None}
            continue
        for seed in seeds:
            yield f"{name}-seed{seed}", {**copy.deepcopy(model), "seed": seed, "repeat_of": name}


@cache
def _schema() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C: a tenth of the time, but not everywhere
    return yaml.load(SCHEMA.read_text(encoding="utf-8"), Loader=loader)


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`node` with its reference, if it has one, resolved."""
    if "$ref" not in node:
        return dict(node)
    target = schema
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **node}


def _fill(value: Any, node: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Put the defaults of `node` and everything below it into `value`, in place."""
    if not isinstance(value, dict):
        return
    for key, child in node.get("properties", {}).items():
        child = _resolve(child, schema)
        if key not in value and "default" in child:
            value[key] = copy.deepcopy(child["default"])
        if key in value:
            _fill(value[key], child, schema)
    others = node.get("additionalProperties")
    if isinstance(others, Mapping):
        for key in value.keys() - node.get("properties", {}).keys():
            _fill(value[key], others, schema)


def _explain(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each mistake behind a finding of the validator."""
    where = ".".join(str(part) for part in error.absolute_path)
    shown = f"`{where}`" if where else "the configuration"
    node = error.schema
    if error.validator == "additionalProperties":
        known = list(node.get("properties", {}))
        for key in sorted(map(str, error.instance.keys() - set(known))):
            name = f"{where}.{key}" if where else key
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"the keys here are {', '.join(known)}."
            yield f"`{name}` is not a key of boxwright; {hint}"
    elif error.validator == "required":
        missing = [key for key in node["required"] if key not in error.instance]
        # The validator reports each missing key separately; find the one that this error is about.
        key = next(key for key in missing if repr(key) in error.message)
        meaning = _resolve(node["properties"][key], schema).get("description", "")
        yield f"`{where}.{key}` is missing ({meaning})." if where else f"`{key}` is missing ({meaning})."
    else:
        meaning = node.get("description", "")
        about = f" ({meaning})" if meaning else ""
        yield f"{shown} is {json.dumps(error.instance)}, allowed is {_allowed(node)}{about}."


def _allowed(node: Mapping[str, Any]) -> str:
    """What a schema node allows, in words."""
    if "anyOf" in node:
        return " or ".join(_allowed(choice) for choice in node["anyOf"])
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    kinds = node.get("type", "a value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {"null": "null", "object": "a mapping", "array": "a list", "integer": "a whole number", "string": "a text"}
    names |= {"number": "a number", "boolean": "true or false"}
    bounds = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    text = " or ".join(names.get(kind, kind) for kind in kinds)
    limits = [f"{word} {node[key]}" for key, word in bounds.items() if key in node]
    if "minProperties" in node:
        limits.append(f"with at least {node['minProperties']} entry")
    if node.get("uniqueItems"):
        limits.append("of these, without repetition")
    if "pattern" in node:
        limits.append("of letters, digits, '_', '.' and '-'")
    return " ".join([text, " and ".join(limits)]).strip()


def _inconsistencies(settings: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes that a schema cannot find: missing files, and keys that do not fit together."""
    dataset = settings["dataset"]
    if dataset["demo"]:
        for key in ("images", "annotations"):
            if dataset[key] is not None:
                yield f"`dataset.{key}` is set together with `dataset.demo: true`; remove one of the two."
    else:
        for key, node in (("images", "the images"), ("annotations", "their annotations")):
            if dataset[key] is None:
                yield f"`dataset.{key}` is missing (the folder of {node}; or `dataset.demo: true` for drawn images)."
                continue
            for folder in [dataset[key]] if isinstance(dataset[key], str) else dataset[key]:
                yield from _missing(f"dataset.{key}", folder, folder=True)
    yield from _missing("dataset.label_map", dataset["label_map"])
    split = dataset["split"]
    if (split["train"] is None) != (split["eval"] is None):
        yield "`dataset.split` has only one list; set both `train` and `eval`, or neither for a split by chance."
    for side in ("train", "eval", "test"):
        yield from _missing(f"dataset.split.{side}", split[side])
    if split["test_fraction"] is not None:
        if split["test"] is not None:
            yield "`dataset.split` has both `test` and `test_fraction`; the test images are either listed or drawn."
        if split["train"] is None and split["eval_fraction"] + split["test_fraction"] >= 1:
            yield (
                f"`dataset.split.eval_fraction` is {split['eval_fraction']} and `test_fraction` is "
                f"{split['test_fraction']}, which leaves nothing to train on; together they must be below 1."
            )
    for name, model in settings["models"].items():
        yield from _missing_pipeline(f"models.{name}.pipeline", model)
        yield from _missing_checkpoint(f"models.{name}.checkpoint", model["checkpoint"])
    expanded = Counter(name for name, _ in _repeats(settings["models"]))
    for name in (name for name, count in expanded.items() if count > 1):
        yield f"`models` has {name} twice: once under this name and once as a repetition over seeds; rename one."
    step = settings["export"]["checkpoint"]
    for name, model in settings["models"].items():
        if isinstance(step, int) and step not in checkpoint_steps(model):
            saved = ", ".join(map(str, checkpoint_steps(model)[:8]))
            yield f"`export.checkpoint` is {step}, but models.{name} is saved only at step {saved}."
    yield from _missing("predict.images", settings["predict"]["images"], folder=True)


def _missing(key: str, path: str | None, folder: bool = False) -> Iterator[str]:
    if path is None:
        return
    found = Path(path).is_dir() if folder else Path(path).is_file()
    if not found:
        kind = "folder" if folder else "file"
        yield f"`{key}` names {path}, but there is no such {kind} (looked for from {Path.cwd()})."


def from_zoo(model: Mapping[str, Any]) -> bool:
    """Whether a model starts from a detector of the zoo."""
    return (model["checkpoint"] or "").startswith(PREFIX)


def _missing_pipeline(key: str, model: Mapping[str, Any]) -> Iterator[str]:
    if model["pipeline"] is None and not from_zoo(model):
        yield f"`{key}` is missing (an OD API pipeline.config; only a checkpoint `{PREFIX}<name>` comes with its own)."
    yield from _missing(key, model["pipeline"])


def _missing_checkpoint(key: str, source: str | None) -> Iterator[str]:
    """A mistake if a checkpoint (a name of the zoo, a frozen graph, a prefix or a folder) is missing."""
    if source is None:
        return
    if source.startswith(PREFIX):
        try:
            catalogue.find(source)
        except UserError as error:
            yield f"`{key}` is {source}: {error}"
        return
    path = Path(source)
    prefix = Path(f"{source}.index")
    in_folder = path.is_dir() and ((path / "checkpoint").is_file() or any(path.glob("*.index")))
    if path.is_file() or prefix.is_file() or in_folder:
        return
    if path.is_dir():
        yield f"`{key}` names the folder {source}, which holds no checkpoint (no *.index file)."
    else:
        told = f"`{key}` names {source}, but there is no such folder, frozen graph or checkpoint ({source}.index)"
        name = source.lower().removeprefix(PREFIX)
        yield f"{told}; for that of the zoo write `{PREFIX}{name}`." if name in catalogue.names() else f"{told}."
