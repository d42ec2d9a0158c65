"""The configuration: checked against its schema, with every default filled in.

`workflow/schemas/config.schema.yaml` holds each key with its meaning, bounds and default. `load` reports all mistakes
at once, each with the key, its value and what is allowed; an unknown key comes with the nearest known one.
"""

import copy
import glob
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema

from boxwright.catalog import formats
from boxwright.checkpoints import other_formats
from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.core.wording import after_colon, did_you_mean, few, nearest, steps_in_words
from boxwright.dataset import defects
from boxwright.dataset.split import SIDES
from boxwright.evaluation import names
from boxwright.evaluation.choose import unknown_metric
from boxwright.pipeline import looks
from boxwright.run import config_file, paths, plain_values, to_predict
from boxwright.zoo import PREFIX, catalogue, table

# Settings of a model that say how a machine is used and do not change results.
MACHINE = ("gpus", "gpu_memory_mb", "jit_compile", "save_every_s")

# Checkpoints of all models together. Each is trained, evaluated and judged by jobs of its own, and planning slows down
# with the square of their number.
MOST_CHECKPOINTS = 5000


def load(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: `config` (as YAML gave it) with every default filled in; `config` is not changed.

    A model with a list of seeds becomes one model for each, `<name>-seed<seed>`; the one that was trained before as
    `<name>`, when it had a single seed of the list, keeps its name and so its results. In the result each model has one
    `seed`, and `repeat_of`: the name in the configuration, or None for a model without repetitions. Models with the
    same `repeat_of` differ only by chance, so their figures have a mean and a spread.

    Of a list in `export.checkpoint` the first is `checkpoint`, and the others are the list `also`.

    A whole number may be written with a point (4.0), and a path may begin with ~, the home folder.

    Raises UserError with every mistake: unknown or missing keys, values of a wrong type or out of bounds, paths that
    do not exist, a data set that is neither given nor the demo.
    """
    schema = config_file.schema()
    settings, mistakes = plain_values.of(config)
    if not mistakes:
        settings, nameless = _with_name(settings, schema)
        _fill(settings, schema, schema)
        settings = _settled(settings, schema, schema)
        errors = list(_VALIDATOR(schema).iter_errors(settings))
        told = (text for error in errors for text in _explain(error, schema) if not _is_misspelt(error, schema))
        mistakes = [*nameless, *told]
        if not errors:
            mistakes += [*_contradictions(settings), *_wrong_values(settings)]
            sound = settings
        elif sound := _without(errors, _with_name(plain_values.of(config)[0], schema)[0], schema):
            mistakes += _wrong_values(sound)
        if mistakes and sound:
            mistakes += _refused_later(sound)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = [f"  - {_on_one_line(text)}" for text in mistakes]
        raise UserError("\n".join([f"The configuration has {count}:", *lines]))
    for one in (settings["dataset"], *(settings["dataset"]["sources"] or ())):
        for key in ("images", "annotations"):
            one[key] = [one[key]] if isinstance(one[key], str) else one[key]
    if records := settings["dataset"]["records"]:
        records = {side: _files_of(records[side]) for side in SIDES if records[side]}
        settings["dataset"] |= {"records": records}
        settings["dataset"]["shards"] |= {side: len(of) for side, of in records.items()}
    wanted = settings["export"]["checkpoint"]
    first, *also = wanted if isinstance(wanted, list) else [wanted]
    settings["export"] |= {"checkpoint": first, "also": also}
    settings["results"] = str(Path(settings["results"]))  # Snakemake takes a//b and a/b for two files
    settings["models"] = dict(_repeats(settings["models"], settings["results"]))
    return settings


def read(path: str | Path) -> dict[str, Any]:
    """The settings in a YAML file, as `load` gives them."""
    config = config_file.read(path)
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


def _repeats(models: Mapping[str, Any], results: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The models by name, one for each seed. results: the results folder, which tells what was trained before."""
    for name, model in models.items():
        if isinstance(model["seed"], int):
            yield name, {**model, "repeat_of": None}
            continue
        before = _trained_seed(name, results)
        for seed in model["seed"]:
            own = f"{name}-seed{seed}"
            kept = seed == before and own not in models and not Path(results, "models", own).exists()
            yield name if kept else own, {**copy.deepcopy(model), "seed": seed, "repeat_of": name}


def _trained_seed(name: str, results: str) -> int | None:
    """The seed that the checkpoints of a model were trained with, by their receipts; None if there are none."""
    try:
        checkpoints = sorted(Path(results, "models", name, "train").glob("model.ckpt-*.index"))
    except OSError:  # a name that is too long, for example; it is told elsewhere
        return None
    made = (Checksums(results).made_with(path).get("identity") for path in checkpoints)
    return next((one["seed"] for one in made if isinstance(one, dict) and isinstance(one.get("seed"), int)), None)


def _seeds(model: Mapping[str, Any]) -> list[int]:
    return [model["seed"]] if isinstance(model["seed"], int) else model["seed"]


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`node` with its reference, if it has one, resolved."""
    if "$ref" not in node:
        return dict(node)
    target = schema
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **node}


def _finite(_: jsonschema.TypeChecker, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# To the validator itself NaN is a number, and lies within any bounds.
_VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _finite),
)


def _settled(value: Any, node: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """`value` with 4.0 as 4 where `node` and what is below it want a whole number, and with ~ expanded in paths."""
    node = _resolve(node, schema)
    if isinstance(value, dict):
        known, others = node.get("properties", {}), node.get("additionalProperties")
        below = {key: known.get(key, others if isinstance(others, Mapping) else {}) for key in value}
        return {key: _settled(child, below[key], schema) for key, child in value.items()}
    choices = [node, *(_resolve(choice, schema) for choice in node.get("anyOf", ()))]
    if isinstance(value, list):
        items = next((choice["items"] for choice in choices if "items" in choice), {})
        items = items | {"format": node["format"]} if "format" in node else items
        return [_settled(item, items, schema) for item in value]
    if (
        isinstance(value, float)
        and value.is_integer()
        and any("integer" in choice.get("type", ()) for choice in choices)
    ):
        return int(value)
    if isinstance(value, str) and node.get("format") == "path" and (value == "~" or value.startswith("~/")):
        with suppress(RuntimeError):  # of a user without a home folder; it is then told that the path is not there
            return str(Path(value).expanduser())
    return value


def _fill(value: Any, node: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Put the defaults of `node` and everything below it into `value`, in place."""
    if isinstance(value, list) and "items" in node:
        for item in value:
            _fill(item, _resolve(node["items"], schema), schema)
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


def _with_name(settings: dict[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings with a name for a model whose fields lie directly below `models`, and the mistake if they do."""
    models = settings.get("models")
    if not isinstance(models, dict):
        return settings, []
    known = schema["properties"]["models"]["additionalProperties"]["properties"]
    fields = [key for key, value in models.items() if key in known and not isinstance(value, dict)]
    others = {key: value for key, value in models.items() if key not in known}
    if not fields or any(isinstance(value, dict) for value in others.values()):
        return settings, []
    empty = [key for key, value in others.items() if value is None]
    name = empty[0] if len(empty) == 1 else "my_model"
    told = f"`models.{name}` is empty, and its fields lie beside it, not below it: indent them further"
    if not empty:
        told = "`models` has the fields of a model, but not its name: put a name above them"
    below = {key: value for key, value in models.items() if key not in empty}
    mistake = f"{told}, as in `models: {{{name}: {{{fields[0]}: {_shown_inside(models[fields[0]])}}}}}`."
    return {**settings, "models": {name: below}}, [mistake]


def _shown_inside(value: Any) -> str:
    """A value as part of an example; dots for one that is no single word or number."""
    text = paths.shown(value)
    return text if isinstance(value, bool | int | float) else value if _is_word(value) else "..."


def _is_word(value: Any) -> bool:
    """Whether a text needs no quotes in YAML, also within brackets."""
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z][\w ./-]{0,50}", value))


def _without(
    errors: Iterable[jsonschema.ValidationError], given: dict[str, Any], schema: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The settings that were given, with misspelt keys as they are probably meant, and stand-ins for what is wrong.

    So what is sound can be examined too. None if they are wrong still.
    """
    for error in errors:
        node = _at(given, error.absolute_path)
        if error.validator == "additionalProperties":
            for key in node.keys() - set(error.schema.get("properties", {})) if isinstance(node, dict) else ():
                value = node.pop(key)
                if meant := _meant(key, error.schema, schema):
                    node.setdefault(meant, value)
        elif "propertyNames" in error.absolute_schema_path:
            if isinstance(node, dict) and error.instance in node:
                node[_similar_name(error.instance)] = node.pop(error.instance)
        elif error.validator != "required" and error.absolute_path:
            *above, last = error.absolute_path
            if isinstance(around := _at(given, above), dict):
                around.pop(last, None)
    for model in given["models"].values() if isinstance(given.get("models"), dict) else ():
        if isinstance(model, dict):
            for key in ("num_steps", "checkpoint_every"):
                model.setdefault(key, 1)
    _fill(given, schema, schema)
    given = _settled(given, schema, schema)
    return given if _VALIDATOR(schema).is_valid(given) else None


def _similar_name(name: str) -> str:
    """A name of letters that a model's name may have, like a given one."""
    return re.sub("[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:100] or "model"


def _at(settings: Any, path: Iterable[Any]) -> Any:
    """What lies at a path of the settings; None if nothing does."""
    for key in path:
        try:
            settings = settings[key]
        except (KeyError, IndexError, TypeError):
            return None
    return settings


def _explain(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each mistake behind a finding of the validator."""
    path = list(error.absolute_path)
    shown = paths.place(path)
    node = error.schema
    if error.validator == "additionalProperties":
        known = list(node.get("properties", {}))
        for key in sorted(map(str, error.instance.keys() - set(known))):
            near, elsewhere = _meant(key, node, schema), _only_place(key, node, schema)
            hint = f"did you mean `{near}`?" if near else f"the keys here are {', '.join(known)}."
            if elsewhere:
                hint = f"did you mean `{_nested(elsewhere, _shown_inside(error.instance[key]))}`?"
            yield f"{paths.place([*path, key[:60]])} is not a key of boxwright; {hint}"
    elif error.validator == "required":
        missing = [key for key in node["required"] if key not in error.instance]
        # The validator reports each missing key separately; find the one that this error is about.
        key = next(key for key in missing if repr(key) in error.message)
        meaning = _resolve(node["properties"][key], schema).get("description", "")
        yield f"{paths.place([*path, key])} is missing ({meaning})."
    else:
        meaning = node.get("description", "")
        about = f" ({meaning})" if meaning else ""
        if path == ["models"] and "propertyNames" in error.absolute_schema_path:
            example = _similar_name(error.instance)
            yield (
                f"a model's name is {paths.shown(error.instance)}, allowed are up to 100 letters (a to z), digits, "
                f"'_', '.' and '-', the first one a letter or a digit; for example {example}."
            )
            return
        if "propertyNames" in error.absolute_schema_path:
            shown = f"a key of {shown}"
        yield f"{shown} is {paths.shown(error.instance)}, allowed is {_allowed(node)}{about}.{_advice(error)}"


def _meant(key: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """The key of a node that an unknown one probably misspells; None if that belongs elsewhere."""
    return None if _only_place(key, node, schema) else nearest(key, node.get("properties", {}))


def _only_place(key: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The path to a key that is known below a node, or else anywhere, in exactly one place; None if there is none."""
    found = list(_places(key, node, schema)) or list(_places(key, schema, schema))
    return found[0] if len(found) == 1 else None


def _places(
    key: str, node: Mapping[str, Any], schema: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths to a key below a node; a model's name is `<name>`."""
    node = _resolve(node, schema)
    for name, child in node.get("properties", {}).items():
        if name == key:
            yield (*above, name)
        yield from _places(key, child, schema, (*above, name))
    if isinstance(others := node.get("additionalProperties"), Mapping):
        yield from _places(key, others, schema, (*above, "<name>"))


def _nested(path: Sequence[str], value: str) -> str:
    """A value at a path, as YAML on one line: "early_stopping: {patience: 3}"."""
    first, *others = path
    return f"{first}: {{{_nested(others, value)}}}" if others else f"{first}: {value}"


def _is_misspelt(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> bool:
    """Whether an error is a missing key that was given with a misspelling, which is told as that."""
    if error.validator != "required":
        return False
    unknown = map(str, error.instance.keys() - set(error.schema.get("properties", {})))
    return any(f"'{_meant(key, error.schema, schema)}' is a required property" == error.message for key in unknown)


def _on_one_line(text: str) -> str:
    """A message with line breaks and control characters, which keys and values may have, escaped."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _advice(error: jsonschema.ValidationError) -> str:
    """What to write instead of a wrong value, a sentence with a space before it; "" if that is not known."""
    value, node = error.instance, error.schema
    if isinstance(value, str) and error.validator == "type" and re.fullmatch(r"[+-]?[\d.]+[eE][+-]?\d+", value):
        with suppress(ValueError):
            return f" YAML reads {value} as a text; write {_number(float(value))}."
        return ""
    if isinstance(value, dict | list | None):
        return ""
    choices = [node, *node.get("anyOf", ())]
    items = next((one["items"] for one in choices if "items" in one and "prefixItems" not in one), None)
    as_written = "[{}]" if items else "{}"
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    if items and all(map(_VALIDATOR(items).is_valid, parts)):
        return f" Write `{as_written.format(', '.join(map(_shown_inside, parts)))}`."
    words = [
        word for one in [*choices, items or {}] for word in [*one.get("enum", ()), *filter(None, [one.get("const")])]
    ]
    meant = _words_like(str(value), [word for word in words if isinstance(word, str)])
    return f" Did you mean {' or '.join(f'`{as_written.format(word)}`' for word in meant)}?" if meant else ""


def _words_like(word: str, known: Sequence[str]) -> list[str]:
    """The known words of which one is a part, such as `int8` of `tflite_int8`, else the one that it may misspell."""
    whole = [one for one in known if word.lower() in one.split("_")]
    return whole or list(filter(None, [nearest(word.lower(), known)]))


def _number(value: float) -> str:
    """A number as YAML reads it: without a point in it, 1e-05 is a text."""
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _allowed(node: Mapping[str, Any]) -> str:
    """What a schema node allows, in words."""
    if "anyOf" in node:
        return " or ".join(_allowed(choice) for choice in node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    kinds = node.get("type", "a value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {"null": "null", "object": "a mapping", "integer": "a whole number", "string": "a text"}
    names |= {"array": _list_of(node.get("items", {})), "number": "a number", "boolean": "true or false"}
    if "prefixItems" in node:
        return "a list of one of these and of further steps"
    bounds = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    text = " or ".join(names.get(kind, kind) for kind in kinds)
    limits = [f"{word} {node[key]}" for key, word in bounds.items() if key in node]
    if "minProperties" in node:
        limits.append(f"with at least {node['minProperties']} entry")
    if node.get("uniqueItems"):
        limits.append("without repetition")
    if "pattern" in node:
        limits.append("of letters, digits, '_', '.' and '-'")
    if "maxLength" in node:
        limits.append(f"of at most {node['maxLength']} characters")
    elif "minLength" in node:
        limits.append("that is not empty")
    if "maxItems" in node:
        limits.append(f"of at most {node['maxItems']}")
    return " ".join([text, " and ".join(limits)]).strip()


def _list_of(items: Mapping[str, Any]) -> str:
    """A list of what a schema node allows, in words."""
    names = {"string": "texts", "integer": "whole numbers", "object": "mappings"}
    if "enum" in items:
        return f"a list of {' | '.join(map(str, items['enum']))}"
    return f"a list of {names[items['type']]}" if items.get("type") in names else "a list"


def _wrong_values(settings: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes in single values that a schema cannot find: missing files, unknown kinds of defects."""
    dataset = settings["dataset"]
    yield from paths.unusable_results(settings["results"])
    try:
        defects.policies(dataset["policies"])
    except UserError as error:
        yield from (line.removeprefix("  - ") for line in str(error).splitlines()[1:])
    for key, source in _sources(dataset).items():
        yield from _missing_places(key, source)
    for key, source in {("dataset",): dataset, **_sources(dataset)}.items():
        yield from _unknown_format(paths.place([*key, "format"]), source["format"])
    for side, given in (dataset["records"] or {}).items():
        for pattern in paths.listed(given):
            if not _files_of(pattern):
                yield from paths.missing(f"`dataset.records.{side}`", pattern)
    yield from paths.missing("`dataset.label_map`", dataset["label_map"])
    for side in ("train", "eval", "test"):
        yield from paths.missing(f"`dataset.split.{side}`", dataset["split"][side])
    for name, model in settings["models"].items():
        key = f"models.{name}.pipeline"
        yield from paths.missing(f"`{key}`", model["pipeline"])
        yield from paths.patterns(key, model["pipeline"])
        if what := looks.like(model["pipeline"] or os.devnull):
            yield f"`{key}` names {model['pipeline']}, which looks like {what}, and not like a pipeline.config."
        yield from _missing_checkpoint(f"models.{name}.checkpoint", model["checkpoint"])
    for folder in paths.listed(settings["predict"]["images"]):
        yield from paths.missing("`predict.images`", folder, folder=True)


def _refused_later(settings: Mapping[str, Any]) -> Iterator[str]:
    """What would be refused once the data are read (`preflight`), and can be told already together with the others."""
    for folder in paths.listed(settings["predict"]["images"]):
        if Path(folder).is_dir():
            yield from filter(
                None, [to_predict.nothing(folder, settings["results"], settings["dataset"]["max_pixels"])]
            )
    metrics = {"export.metric": settings["export"]["metric"]}
    for name, model in settings["models"].items():
        metrics[f"models.{name}.early_stopping.metric"] = (model["early_stopping"] or {}).get("metric")
    known = names.of_classes([])
    of_a_class = tuple(name.removesuffix("x") for name in names.of_classes(["x"]) if name not in known)
    for key, metric in metrics.items():
        if metric is not None and metric not in known and not metric.startswith(of_a_class):
            yield unknown_metric(key, metric, known)


def _contradictions(settings: Mapping[str, Any]) -> Iterator[str]:
    """Keys that do not fit together, and keys that only together can be left out."""
    dataset = settings["dataset"]
    if dataset["demo"]:
        for key in ("images", "annotations", "sources", "records"):
            if dataset[key] is not None:
                yield f"`dataset.{key}` is set together with `dataset.demo: true`; remove one of the two."
    elif dataset["records"]:
        for key in ("images", "annotations", "sources"):
            if dataset[key] is not None:
                yield f"`dataset.{key}` is set together with `dataset.records`; remove one of the two."
        for key in ("policies", "classes"):
            if any(dataset[key].values()):
                yield f"`dataset.{key}` repairs what is read, but `dataset.records` are used as they are; remove one."
        for key in ("train", "eval", "test", "test_fraction", "group_by"):
            if dataset["split"][key] is not None:
                yield f"`dataset.split.{key}` is set together with `dataset.records`; remove one of the two."
        for side in ("train", "eval"):
            if not dataset["records"][side]:
                yield f"`dataset.records.{side}` is missing (the TFRecord files of that side)."
    elif dataset["sources"]:
        for key in ("images", "annotations"):
            if dataset[key] is not None:
                yield f"`dataset.{key}` is set together with `dataset.sources`; make it one of the sources."
        if dataset["format"] != formats.AUTO:
            yield "`dataset.format` is set together with `dataset.sources`; give each source its own `format`."
    for key, source in _sources(dataset).items():
        for kind, node in (("images", "the images"), ("annotations", "their annotations")):
            if source[kind] is None and (kind == "annotations" or source["annotations"] is None):
                demo = "; or `dataset.demo: true` for drawn images" if key == ("dataset",) else ""
                yield f"{paths.place([*key, kind])} is missing (the folder of {node}{demo})."
    split = dataset["split"]
    if (split["train"] is None) != (split["eval"] is None):
        yield "`dataset.split` has only one list; set both `train` and `eval`, or neither for a split by chance."
    if split["source"]:
        for key in ("train", "eval", "test", "test_fraction", "group_by"):
            if split[key] is not None:
                yield f"`dataset.split.source` is set together with `dataset.split.{key}`; remove one of the two."
    if split["test_fraction"] is not None:
        if split["test"] is not None:
            yield "`dataset.split` has both `test` and `test_fraction`; the test images are either listed or drawn."
        if split["train"] is None and split["eval_fraction"] + split["test_fraction"] >= 1:
            yield (
                f"`dataset.split.eval_fraction` is {split['eval_fraction']} and `test_fraction` is "
                f"{split['test_fraction']}, which leaves nothing to train on; together they must be below 1."
            )
    for name, model in settings["models"].items():
        if model["pipeline"] is None and not from_zoo(model):
            yield (
                f"`models.{name}.pipeline` is missing (an OD API pipeline.config; only a checkpoint `{PREFIX}<name>` "
                "comes with its own)."
            )
        yield from _untrainable(f"models.{name}.checkpoint", model)
    expanded = Counter(name for name, _ in _repeats(settings["models"], settings["results"]))
    for name in (name for name, count in expanded.items() if count > 1):
        yield f"`models` has {name} twice: once under this name and once as a repetition over seeds; rename one."
    for name in expanded:
        if re.search(r"(.+)\1{19}$", name):  # Snakemake takes such a wildcard for an endless loop of rules
            yield f"`models` has {name}, which repeats itself 20 times or more; choose another name."
    many = list(_too_many_checkpoints(settings["models"]))
    yield from many
    wanted = settings["export"]["checkpoint"]
    for step in wanted if isinstance(wanted, list) else [wanted]:
        for name, model in settings["models"].items() if not many else ():
            if isinstance(step, int) and step not in checkpoint_steps(model):
                saved = steps_in_words(checkpoint_steps(model))
                yield f"`export.checkpoint` is {step}, but models.{name} is saved only at {saved}."


def _untrainable(key: str, model: Mapping[str, Any]) -> Iterator[str]:
    """A mistake if a model takes all from a detector of the zoo that cannot be trained here."""
    if model["pipeline"] is not None or not from_zoo(model):
        return
    try:
        lacks = table.lacks(catalogue.find(model["checkpoint"]))
    except UserError:  # there is no such detector
        return
    if lacks:
        yield (
            f"`{key}` is {model['checkpoint']}, which cannot be trained here: the engine does not have {lacks}. "
            "`boxwright models` lists those that can."
        )


def _sources(dataset: Mapping[str, Any]) -> dict[tuple[str | int, ...], Mapping[str, Any]]:
    """The sources of a data set by the paths of their keys; none for the demo, nor for records used as they are."""
    if dataset["demo"] or dataset["records"]:
        return {}
    sources = dataset["sources"]
    return {("dataset", "sources", number): one for number, one in enumerate(sources or ())} or {("dataset",): dataset}


def _missing_places(key: Sequence[str | int], source: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes in the places of a source's images and annotations; the latter may be a file."""
    for kind in ("images", "annotations"):
        for place in paths.listed(source[kind]):
            if kind == "images" or not paths.is_file(place):
                yield from paths.missing(paths.place([*key, kind]), place, folder=True)


def _files_of(given: str | list[str]) -> list[str]:
    """The files that some paths and patterns lead to, in their order and each pattern's sorted."""
    return [path for pattern in paths.listed(given) for path in sorted(glob.glob(pattern)) if Path(path).is_file()]  # noqa: PTH207


def _unknown_format(key: str, given: str) -> Iterator[str]:
    known = [formats.AUTO, *formats.by_key()]
    if given not in known:
        yield f"{key} is {paths.shown(given)}; {did_you_mean(given, known)}"


def _too_many_checkpoints(models: Mapping[str, Any]) -> Iterator[str]:
    """A mistake if more checkpoints are asked for than can be planned."""
    counts = {
        name: math.ceil(model["num_steps"] / model["checkpoint_every"]) * len(_seeds(model))
        for name, model in models.items()
    }
    total = sum(counts.values())
    if total <= MOST_CHECKPOINTS:
        return
    name = max(counts, key=counts.get)
    model = models[name]
    most = (MOST_CHECKPOINTS - total + counts[name]) // len(_seeds(model))
    advice = f" Use {math.ceil(model['num_steps'] / most):,} or more." if most > 0 else ""
    yield (
        f"`models.{name}.checkpoint_every` is {model['checkpoint_every']}, which gives {counts[name]:,} checkpoints in "
        f"{model['num_steps']:,} steps{f' ({total:,} in all models)' if total > counts[name] else ''}; at most "
        f"{MOST_CHECKPOINTS:,} can be planned.{advice}"
    )


def from_zoo(model: Mapping[str, Any]) -> bool:
    """Whether a model starts from a detector of the zoo."""
    return (model["checkpoint"] or "").startswith(PREFIX)


def _missing_checkpoint(key: str, source: str | None) -> Iterator[str]:
    """A mistake if a checkpoint (a name of the zoo, a frozen graph, a prefix or a folder) is missing."""
    if source is None:
        return
    if source.startswith(PREFIX):
        try:
            catalogue.find(source)
        except UserError as error:
            yield f"`{key}` is {source}: {after_colon(str(error))}"
        return
    path = Path(source)
    prefix = Path(f"{source}.index")
    if foreign := other_formats.told(path):
        yield f"`{key}` names {source}: {foreign}"
        return
    try:
        in_folder = path.is_dir() and ((path / "checkpoint").is_file() or any(path.glob("*.index")))
        if path.is_file() or prefix.is_file() or in_folder:
            return
    except OSError as error:
        yield f"`{key}` names {paths.shown(source)}, which cannot be read: {error.strerror or error}."
        return
    if path.is_dir():
        yield f"`{key}` names the folder {source}, which holds no checkpoint (no *.index file)."
    else:
        told = f"`{key}` names {source}, but there is no such folder, frozen graph or checkpoint ({source}.index)"
        if path.parent.is_dir() and (near := sorted(one.stem for one in path.parent.glob("*.index"))):
            told += f"; in {path.parent} are {few(near, 5)}"
        name = source.lower().removeprefix(PREFIX)
        yield f"{told}; for that of the zoo write `{PREFIX}{name}`." if name in catalogue.names() else f"{told}."
