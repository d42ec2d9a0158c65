"""The configuration: checked against its schema, with every default filled in.

`workflow/schemas/config.schema.yaml` holds each key with its meaning, bounds and default. `load` reports all mistakes
at once, each with the key, its value and what is allowed; an unknown key comes with the nearest known one.
"""

import copy
import glob
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from boxwright.catalog import formats
from boxwright.checkpoints import other_formats
from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.core.wording import after_colon, few, from_here, plural, steps_in_words
from boxwright.dataset import defects
from boxwright.dataset.split import SIDES
from boxwright.pipeline import looks
from boxwright.run import config_file, key_lines, paths, plain_values, schema_mistakes
from boxwright.run.key_lines import Place
from boxwright.zoo import PREFIX, catalogue, table

# Settings of a model that say how a machine is used and do not change results.
MACHINE = ("gpus", "gpu_memory_mb", "jit_compile", "save_every_s")

# Checkpoints of all models together. Each is trained, evaluated and judged by jobs of its own, and planning slows down
# with the square of their number.
MOST_CHECKPOINTS = 5000

# Passes in which mistakes are mended: keys that are misspelt, what is below these, and what is below that.
_MOST_MENDED = 4
# What stands for keys that are missing while the others are examined.
_STAND_INS = {
    "num_steps": 1,
    "checkpoint_every": 1,
    "dataset": {"demo": True},
    "models": {"model": {"num_steps": 1, "checkpoint_every": 1}},
}
# The files from which most models are made.
_TEMPLATES = config_file.SCHEMA.parents[2] / "config/pipelines"
# In a place, above the name of a field of pipeline.config that is given as a key of a model.
_FIELD = "pipeline.config"


class SettingsError(UserError):
    """The mistakes in a configuration.

    sound: the settings as `load` gives them, with stand-ins for what is wrong and without models that cannot be
    configured; None if nothing is sound. data_is_sound: whether those of the data set are. unsettled: the models with
    fields of pipeline.config among their keys, which are not set so. files: those that it comes from.
    """

    def __init__(
        self,
        mistakes: Sequence[str],
        sound: dict[str, Any] | None,
        data_is_sound: bool,
        unsettled: Iterable[str],
        files: Iterable[str | Path],
    ) -> None:
        lines = [f"  - {_on_one_line(text)}" for text in mistakes]
        super().__init__("\n".join([f"The configuration has {plural(len(lines), 'mistake')}:", *lines]))
        self.sound, self.data_is_sound, self.unsettled = sound, data_is_sound, set(unsettled)
        self.files = list(files)


class _Mistake(NamedTuple):
    """A mistake in words, and the places of the keys that it is about."""

    places: tuple[Place, ...]
    text: str


def load(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> dict[str, Any]:
    """The settings of a run: `config` (as YAML gave it) with every default filled in; `config` is not changed.

    files: those that it comes from, where mistakes are looked up.

    A model with a list of seeds becomes one model for each, `<name>-seed<seed>`; the one that was trained before as
    `<name>`, when it had a single seed of the list, keeps its name and so its results. In the result each model has one
    `seed`, and `repeat_of`: the name in the configuration, or None for a model without repetitions. Models with the
    same `repeat_of` differ only by chance, so their figures have a mean and a spread.

    Of a list in `export.checkpoint` the first is `checkpoint`, and the others are the list `also`.

    A whole number may be written with a point (4.0), and a path may begin with ~, the home folder.

    Raises SettingsError with every mistake: unknown or missing keys, values of a wrong type or out of bounds, paths
    that do not exist, a data set that is neither given nor the demo.
    """
    settings, mistakes, wrong = _examined(config)
    if mistakes:
        sound = _sound(settings, wrong) if settings else None
        files = list(files)
        told = key_lines.located(mistakes, config, files)
        raise SettingsError(told, sound, not _concerns([("dataset",)], wrong), _unsettled(wrong), files)
    return _finished(settings)


def _finished(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without a mistake, with one model for each seed and lists where one value may stand for a list."""
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
    return load(config, [path])


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


def _settled(value: Any, node: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """`value` with 4.0 as 4 where `node` and what is below it want a whole number, and with ~ expanded in paths."""
    node = schema_mistakes.resolve(node, schema)
    if isinstance(value, dict):
        known, others = node.get("properties", {}), node.get("additionalProperties")
        below = {key: known.get(key, others if isinstance(others, Mapping) else {}) for key in value}
        return {key: _settled(child, below[key], schema) for key, child in value.items()}
    choices = [node, *(schema_mistakes.resolve(choice, schema) for choice in node.get("anyOf", ()))]
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
    if isinstance(value, str) and node.get("format") == "path" and value.startswith("~"):
        return paths.expanded(value)
    return value


def _fill(value: Any, node: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Put the defaults of `node` and everything below it into `value`, in place."""
    if isinstance(value, list) and "items" in node:
        for item in value:
            _fill(item, schema_mistakes.resolve(node["items"], schema), schema)
    if not isinstance(value, dict):
        return
    for key, child in node.get("properties", {}).items():
        child = schema_mistakes.resolve(child, schema)
        if key not in value and "default" in child:
            value[key] = copy.deepcopy(child["default"])
        if key in value:
            _fill(value[key], child, schema)
    others = node.get("additionalProperties")
    if isinstance(others, Mapping):
        for key in value.keys() - node.get("properties", {}).keys():
            _fill(value[key], others, schema)


def _examined(config: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[_Mistake], set[Place]]:
    """The settings with defaults, also in place of what is wrong; all mistakes; and the places of what is wrong.

    The settings are None if they are wrong still.
    """
    schema = config_file.schema()
    given, unfit = plain_values.of(config)
    mistakes, wrong = [_Mistake((place,), text) for place, text in unfit], {place for place, _ in unfit}
    if not isinstance(given, dict):
        return None, mistakes, wrong
    given, beside = schema_mistakes.with_indents(given, schema)
    given, nameless = schema_mistakes.with_name(given, schema)
    mistakes += [_Mistake((place,), text) for place, text in (*beside, *nameless)]
    settings = copy.deepcopy(given)
    for _ in range(_MOST_MENDED):
        _fill(settings, schema, schema)
        settings = _settled(settings, schema, schema)
        errors = list(schema_mistakes.VALIDATOR(schema).iter_errors(settings))
        if not errors:
            break
        new = [error for error in errors if not _is_told(error, wrong)]
        mistakes += [_Mistake((place,), text) for place, text in schema_mistakes.explain(new, schema)]
        # Defaults must not keep a value from the key that its own one misspells.
        settings = given or settings
        _mend(settings, errors, wrong, schema)
        given = None
    else:
        return None, _once(mistakes), wrong
    found = [one for one in _contradictions(settings) if not _concerns(one.places, wrong)]
    found += [one for one in _wrong_values(settings) if not _lies_in(one.places, wrong)]
    mistakes += found
    wrong.update(place for one in found for place in one.places)
    return settings, _once(mistakes), wrong


def _once(mistakes: Iterable[_Mistake]) -> list[_Mistake]:
    """Mistakes without those whose words another one has already."""
    return list({one.text: one for one in mistakes}.values())


def _sound(settings: dict[str, Any], wrong: Collection[Place]) -> dict[str, Any]:
    """The sound settings of those with mistakes at some places; see `SettingsError`."""
    models = {}
    for name, model in settings["models"].items():
        fits = not _concerns([("models", name, "pipeline"), ("models", name, "overrides")], wrong)
        bad = _concerns([("models", name, "checkpoint")], wrong)
        if fits and (model["pipeline"] or (from_zoo(model) and not bad)):
            models[name] = model | ({"checkpoint": None} if bad else {})
    folders = [folder for folder in paths.listed(settings["predict"]["images"]) if Path(folder).is_dir()]
    predict = settings["predict"] | {"images": folders or None}
    results = {"results": config_file.schema()["properties"]["results"]["default"]} if ("results",) in wrong else {}
    return _finished(settings | {"models": models, "predict": predict} | results)


def _unsettled(wrong: Collection[Place]) -> set[str]:
    """The models that have a field of pipeline.config among their keys."""
    return {place[1] for place in wrong if place[:1] == ("models",) and place[2:3] == (_FIELD,)}


def _concerns(places: Iterable[Place], wrong: Collection[Place]) -> bool:
    """Whether one of the places is that of something wrong, lies in it or around it."""
    return any(place[: len(one)] == one[: len(place)] for place in places for one in wrong)


def _lies_in(places: Iterable[Place], wrong: Collection[Place]) -> bool:
    """Whether one of the places is that of something wrong, or lies in it."""
    return any(place[: len(one)] == one for place in places for one in wrong)


def _is_told(error: jsonschema.ValidationError, wrong: Collection[Place]) -> bool:
    """Whether an error comes from something wrong that is told already, such as a block that lost its only key."""
    if error.validator == "minProperties":
        return _concerns(_places_of(error), wrong)
    return _lies_in(_places_of(error), wrong)


def _places_of(error: jsonschema.ValidationError) -> list[Place]:
    """The places of what an error is about."""
    above = tuple(error.absolute_path)
    if error.validator == "required":
        return [(*above, key) for key in error.validator_value if key not in error.instance]
    if error.validator == "additionalProperties":
        return [(*above, key) for key in error.instance.keys() - set(error.schema.get("properties", {}))]
    return [above]


def _mend(
    settings: dict[str, Any],
    errors: Iterable[jsonschema.ValidationError],
    wrong: set[Place],
    schema: Mapping[str, Any],
) -> None:
    """Put what is probably meant in place of misspelt keys, and stand-ins for what is wrong, whose places are noted.

    So what is sound can be examined too.
    """
    for error in sorted(errors, key=_turn):
        node, above = _at(settings, error.absolute_path), tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            for key in node.keys() - set(error.schema.get("properties", {})) if isinstance(node, dict) else ():
                value = node.pop(key)
                if near := schema_mistakes.meant(key, error.schema, schema):
                    node.setdefault(near, value)
                elif (other := schema_mistakes.alias(key, error.schema)) in _STAND_INS:
                    node.setdefault(other, _STAND_INS[other])
                    wrong.add((*above, other))
                elif above[:1] == ("models",) and schema_mistakes.is_of_pipeline(key, node):
                    wrong.add((*above, _FIELD, key))
        elif "propertyNames" in error.absolute_schema_path:
            if isinstance(node, dict) and error.instance in node:
                name = schema_mistakes.similar_name(error.instance)
                node[name] = node.pop(error.instance)
                wrong |= {(*above, name, *one[2:]) for one in wrong if one[:2] == (*above, error.instance)}
        elif error.validator == "required":
            for key in error.validator_value if isinstance(node, dict) else ():
                if key in node:
                    continue
                wrong.add((*above, key))
                if key in _STAND_INS:
                    node[key] = copy.deepcopy(_STAND_INS[key])
                elif above:  # the block cannot be used
                    _remove(settings, above)
        else:
            wrong.add(_remove(settings, above))
    for key in ("dataset", "models"):
        if key not in settings:
            wrong.add((key,))
            settings[key] = copy.deepcopy(_STAND_INS[key])


def _turn(error: jsonschema.ValidationError) -> int:
    """When an error is mended: what is missing once keys have their names, and models get theirs at the end."""
    if "propertyNames" in error.absolute_schema_path:
        return 3
    return {"additionalProperties": 1, "required": 2}.get(error.validator, 0)


def _remove(settings: dict[str, Any], place: Place) -> Place:
    """Remove the value at a place, or the whole list that it is in; the place of what was removed."""
    while place and not isinstance(_at(settings, place[:-1]), dict):
        place = place[:-1]
    if place:
        _at(settings, place[:-1]).pop(place[-1], None)
    return place


def _at(settings: Any, path: Iterable[Any]) -> Any:
    """What lies at a path of the settings; None if nothing does."""
    for key in path:
        try:
            settings = settings[key]
        except (KeyError, IndexError, TypeError):
            return None
    return settings


def _on_one_line(text: str) -> str:
    """A message with line breaks and control characters, which keys and values may have, escaped."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _wrong_values(settings: Mapping[str, Any]) -> Iterator[_Mistake]:
    """Mistakes in single values that a schema cannot find: missing files, unknown kinds of defects."""
    dataset = settings["dataset"]
    yield from _each(("results",), paths.unusable_results(settings["results"]))
    try:
        defects.policies(dataset["policies"])
    except UserError as error:
        lines = (line.removeprefix("  - ") for line in str(error).splitlines()[1:])
        yield from _each(("dataset", "policies"), lines)
    for key, source in _sources(dataset).items():
        yield from _missing_places(key, source)
    for key, source in {("dataset",): dataset, **_sources(dataset)}.items():
        place = (*key, "format")
        yield from _each(place, _unknown_format(paths.place(place), source["format"]))
    for side, given in (dataset["records"] or {}).items():
        for pattern in paths.listed(given):
            if not _files_of(pattern):
                place = ("dataset", "records", side)
                yield from _each(place, paths.missing(paths.place(place), pattern))
    for place in (("dataset", "label_map"), *(("dataset", "split", side) for side in SIDES)):
        yield from _each(place, paths.missing(paths.place(place), _at(settings, place)))
    for name, model in settings["models"].items():
        yield from _each(("models", name, "pipeline"), _unfit_pipeline(f"models.{name}.pipeline", model["pipeline"]))
        wrong = _missing_checkpoint(f"models.{name}.checkpoint", model["checkpoint"])
        yield from _each(("models", name, "checkpoint"), wrong)
    for folder, places in _each_path(("predict", "images"), settings["predict"]["images"]):
        yield from (_Mistake(places, told) for told in paths.missing("`predict.images`", folder, folder=True))


def _each(place: Place, texts: Iterable[str]) -> Iterator[_Mistake]:
    """Mistakes at one place."""
    return (_Mistake((place,), text) for text in texts)


def _unfit_pipeline(key: str, path: str | None) -> Iterator[str]:
    template = _TEMPLATES / f"{Path(path or '').name.removesuffix('.config')}.config"
    for told in paths.missing(f"`{key}`", path):
        is_named = "no such file" in told and "did you mean" not in told and path and paths.is_file(str(template))
        yield f"{told.removesuffix('.')}; did you mean {from_here(template)}?" if is_named else told
    yield from paths.patterns(key, path)
    if what := looks.like(path or os.devnull):
        yield f"`{key}` names {path}, which looks like {what}, and not like a pipeline.config."


def _contradictions(settings: Mapping[str, Any]) -> Iterator[_Mistake]:
    """Keys that do not fit together, and keys that only together can be left out."""
    yield from _contradicting_sources(settings["dataset"])
    yield from _contradicting_split(settings["dataset"]["split"])
    yield from _contradicting_models(settings)


def _of_dataset(text: str, *keys: str) -> _Mistake:
    """A mistake about keys of the data set."""
    return _Mistake(tuple(("dataset", *key.split(".")) for key in keys), text)


def _contradicting_sources(dataset: Mapping[str, Any]) -> Iterator[_Mistake]:
    """Places of images and annotations that do not fit together, or are missing."""
    if dataset["demo"]:
        for key in ("images", "annotations", "sources", "records"):
            if dataset[key] is not None:
                told = f"`dataset.{key}` is set together with `dataset.demo: true`; remove one of the two."
                yield _of_dataset(told, key, "demo")
    elif dataset["records"]:
        for key in ("images", "annotations", "sources"):
            if dataset[key] is not None:
                told = f"`dataset.{key}` is set together with `dataset.records`; remove one of the two."
                yield _of_dataset(told, key, "records")
        for key in ("policies", "classes"):
            if any(dataset[key].values()):
                told = f"`dataset.{key}` repairs what is read, but `dataset.records` are used as they are; remove one."
                yield _of_dataset(told, key, "records")
        for key in ("train", "eval", "test", "test_fraction", "group_by"):
            if dataset["split"][key] is not None:
                told = f"`dataset.split.{key}` is set together with `dataset.records`; remove one of the two."
                yield _of_dataset(told, f"split.{key}", "records")
        for side in ("train", "eval"):
            if not dataset["records"][side]:
                told = f"`dataset.records.{side}` is missing (the TFRecord files of that side)."
                yield _of_dataset(told, f"records.{side}")
    elif dataset["sources"]:
        for key in ("images", "annotations"):
            if dataset[key] is not None:
                told = f"`dataset.{key}` is set together with `dataset.sources`; make it one of the sources."
                yield _of_dataset(told, key, "sources")
        if dataset["format"] != formats.AUTO:
            told = "`dataset.format` is set together with `dataset.sources`; give each source its own `format`."
            yield _of_dataset(told, "format", "sources")
    for key, source in _sources(dataset).items():
        for kind, node in (("images", "the images"), ("annotations", "their annotations")):
            if source[kind] is None and (kind == "annotations" or source["annotations"] is None):
                demo = "; or `dataset.demo: true` for drawn images" if key == ("dataset",) else ""
                given = [*key, "images"], [*key, "annotations"], ["dataset", "demo"], ["dataset", "sources"]
                told = f"{paths.place([*key, kind])} is missing (the folder of {node}{demo})."
                yield _Mistake((*map(tuple, given), ("dataset", "records")), told)


def _contradicting_split(split: Mapping[str, Any]) -> Iterator[_Mistake]:
    if (split["train"] is None) != (split["eval"] is None):
        told = "`dataset.split` has only one list; set both `train` and `eval`, or neither for a split by chance."
        yield _of_dataset(told, "split.train", "split.eval")
    if split["source"]:
        for key in ("train", "eval", "test", "test_fraction", "group_by"):
            if split[key] is not None:
                told = f"`dataset.split.source` is set together with `dataset.split.{key}`; remove one of the two."
                yield _of_dataset(told, "split.source", f"split.{key}")
    if split["test_fraction"] is not None:
        if split["test"] is not None:
            told = "`dataset.split` has both `test` and `test_fraction`; the test images are either listed or drawn."
            yield _of_dataset(told, "split.test", "split.test_fraction")
        if split["train"] is None and split["eval_fraction"] + split["test_fraction"] >= 1:
            told = (
                f"`dataset.split.eval_fraction` is {split['eval_fraction']} and `test_fraction` is "
                f"{split['test_fraction']}, which leaves nothing to train on; together they must be below 1."
            )
            yield _of_dataset(told, "split.eval_fraction", "split.test_fraction", "split.train")


def _contradicting_models(settings: Mapping[str, Any]) -> Iterator[_Mistake]:
    models = settings["models"]
    for name, model in models.items():
        pipeline, checkpoint = (("models", name, key) for key in ("pipeline", "checkpoint"))
        if model["pipeline"] is None and not from_zoo(model):
            told = (
                f"`models.{name}.pipeline` is missing (an OD API pipeline.config; only a checkpoint `{PREFIX}<name>` "
                "comes with its own)."
            )
            yield _Mistake((pipeline, checkpoint), told)
        for told in _untrainable(f"models.{name}.checkpoint", model):
            yield _Mistake((pipeline, checkpoint), told)
    expanded = Counter(name for name, _ in _repeats(models, settings["results"]))
    for name in (name for name, count in expanded.items() if count > 1):
        told = f"`models` has {name} twice: once under this name and once as a repetition over seeds; rename one."
        yield _Mistake((), told)
    by_folder = defaultdict(list)
    for name in expanded:
        by_folder[name.casefold()].append(name)
    for same in (found for found in by_folder.values() if len(found) > 1):
        told = f"`models` has {' and '.join(same)}, which are one folder on Windows and macOS; rename one."
        yield _Mistake((), told)
    for name in expanded:
        if re.search(r"(.+)\1{19}$", name):  # Snakemake takes such a wildcard for an endless loop of rules
            yield _Mistake((), f"`models` has {name}, which repeats itself 20 times or more; choose another name.")
    steps = {name: [("models", name, key) for key in ("num_steps", "checkpoint_every")] for name in models}
    many = list(_too_many_checkpoints(models))
    for told in many:
        yield _Mistake(tuple(place for places in steps.values() for place in places), told)
    wanted = settings["export"]["checkpoint"]
    for step in wanted if isinstance(wanted, list) else [wanted]:
        for name, model in models.items() if not many else ():
            if isinstance(step, int) and step not in checkpoint_steps(model):
                saved = steps_in_words(checkpoint_steps(model))
                told = f"`export.checkpoint` is {step}, but models.{name} is saved only at {saved}."
                yield _Mistake((("export", "checkpoint"), *steps[name]), told)


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
            "`make models` lists those that can."
        )


def _sources(dataset: Mapping[str, Any]) -> dict[tuple[str | int, ...], Mapping[str, Any]]:
    """The sources of a data set by the paths of their keys; none for the demo, nor for records used as they are."""
    if dataset["demo"] or dataset["records"]:
        return {}
    sources = dataset["sources"]
    return {("dataset", "sources", number): one for number, one in enumerate(sources or ())} or {("dataset",): dataset}


def _missing_places(key: Place, source: Mapping[str, Any]) -> Iterator[_Mistake]:
    """Mistakes in the places of a source's images and annotations; the latter may be a file."""
    for kind in ("images", "annotations"):
        for path, places in _each_path((*key, kind), source[kind]):
            if kind == "images" or not paths.is_file(path):
                found = paths.missing(paths.place([*key, kind]), path, folder=True)
                yield from (_Mistake((*places, key), told) for told in found)


def _each_path(place: Place, given: str | list[str] | None) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Each path of a key that takes one or a list of them, with its places: in the list, and the key's."""
    for number, path in enumerate(paths.listed(given)):
        yield path, (place,) if isinstance(given, str) else ((*place, number), place)


def _files_of(given: str | list[str]) -> list[str]:
    """The files that some paths and patterns lead to, in their order and each pattern's sorted."""
    return [path for pattern in paths.listed(given) for path in sorted(glob.glob(pattern)) if Path(path).is_file()]  # noqa: PTH207


def _unknown_format(key: str, given: str) -> Iterator[str]:
    if given not in (formats.AUTO, *formats.by_key()):
        yield f"{key} is {paths.shown(given)}; {formats.did_you_mean(given)}"


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
    advice = f" Set it to {math.ceil(model['num_steps'] / most)} or more." if most > 0 else ""
    yield (
        f"`models.{name}.checkpoint_every` is {model['checkpoint_every']}, so {model['num_steps']:,} steps have "
        f"{counts[name]:,} checkpoints{f' ({total:,} in all models)' if total > counts[name] else ''}; a run can have "
        f"at most {MOST_CHECKPOINTS:,}.{advice}"
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
        if source.lower() in ("none", "no", "nothing", "random", "scratch"):
            told += "; for random weights leave the key out"
        if instead := paths.of_windows(source):
            told += f"; {instead}"
        name = source.lower().removeprefix(PREFIX)
        if re.match(r"\w+://", source) or name.endswith((".tar.gz", ".tgz", ".zip")):
            name = re.sub(r"\.(tar\.gz|tgz|zip)$", "", name.rpartition("/")[2])
            told += (
                "; it is an archive: download it, unpack it and give the folder"
                if name not in catalogue.names()
                else ""
            )
        told += f"; for that of the zoo write `{PREFIX}{name}`." if name in catalogue.names() else "."
        yield " ".join(filter(None, (told, other_formats.told_by_name(source))))
