"""What the schema finds wrong in a configuration, in words: the key, its value, what is allowed and what to write."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema
from google.protobuf.message import Message

from boxwright import protos
from boxwright.core import wording
from boxwright.core.errors import UserError
from boxwright.core.wording import nearest
from boxwright.pipeline import schema as pipeline_schema
from boxwright.pipeline import settled
from boxwright.run import config_file, paths
from boxwright.run.key_lines import Place
from boxwright.run.other_programs import CLASSES, FIELDS, HELD_OUT, KEYS, NUMBERS, SIDES


def resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
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
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _finite),
)


def _fits(value: Any, node: Mapping[str, Any]) -> bool:
    """Whether a part of the schema, which may refer to others, allows a value."""
    return VALIDATOR({**node, "$defs": config_file.schema()["$defs"]}).is_valid(value)


_OF_EPOCHS = "an epoch is as many steps as there are training images, divided by `batch_size`"
# From here on a bound is there for the machine, and not for people.
_VAST = 10**6


def explain(errors: Iterable[jsonschema.ValidationError], schema: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """The place and one sentence for each mistake behind the findings of the validator; of a missing key, the place of
    the block that lacks it."""
    errors = list(errors)
    # A value of a wrong type, such as 0.5 for a whole number, may be out of the bounds too.
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    for error in errors:
        again = error.validator != "type" and tuple(error.absolute_path) in mistyped
        if not again and not _is_misspelt(error, schema):
            yield from _explain(error, schema)


def _explain(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    path = list(error.absolute_path)
    here = tuple(path)
    shown = paths.place(path)
    node = error.schema
    if error.validator == "additionalProperties":
        known = list(node.get("properties", {}))
        for key in sorted(map(str, error.instance.keys() - set(known))):
            near, elsewhere = meant(key, node, schema), _only_place(key, node, schema)
            hint = _of_others(path, key, node, error.instance[key])
            if not hint and near:
                hint = f"did you mean `{near}`?"
            elif not hint and elsewhere:
                hint = f"did you mean `{_nested(elsewhere, _shown_inside(error.instance[key]))}`?"
            hint = hint or f"the keys here are {', '.join(known)}."
            of_file = _of_pipeline(path[1], key, error.instance) if path[:1] == ["models"] and len(path) == 2 else ""
            yield (*here, key), f"{paths.place([*path, key[:60]])} is not a key of boxwright; {of_file or hint}"
    elif error.validator == "required":
        missing = [key for key in node["required"] if key not in error.instance]
        # The validator reports each missing key separately; find the one that this error is about.
        key = next(key for key in missing if repr(key) in error.message)
        meaning = resolve(node["properties"][key], schema).get("description", "")
        yield here, f"{paths.place([*path, key])} is missing ({meaning})."
    else:
        meaning = node.get("description", "")
        about = f" ({meaning})" if meaning else ""
        if path == ["models"] and "propertyNames" in error.absolute_schema_path:
            example = similar_name(error.instance)
            yield (
                (*here, error.instance),
                f"a model's name is {paths.shown(error.instance)}, but may have only letters (a to z), digits, '_', "
                f"'.' and '-', at most 100, and must begin with a letter or a digit; for example {example}.",
            )
            return
        if len(path) == 2 and path[0] == "models" and path[1] in node.get("properties", {}):
            yield here, f"{shown} is a field of a model, but lies beside the models: indent it below the name of one."
            return
        if "propertyNames" in error.absolute_schema_path:
            here, shown = (*here, error.instance), f"a key of {shown}"
        allowed = _allowed(node, error.instance)
        yield here, f"{shown} is {paths.shown(error.instance)}, but must be {allowed}{about}.{_advice(error)}"


def meant(key: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """The key of a node that an unknown one probably misspells; None if that belongs elsewhere."""
    known = node.get("properties", {})
    of_model = "overrides" in known
    below = sum(place[-1] == key for place in _places(node, schema)) == 1
    of_sides = ("split" in known and key.lower() in SIDES) or ("eval_fraction" in known and key.lower() in HELD_OUT)
    if below or of_sides or key.lower() in CLASSES or (of_model and (_fields_named(key, {}) or alias(key, node))):
        return None
    return nearest(key, known)


def alias(key: str, node: Mapping[str, Any]) -> str | None:
    """The key of a model that another program calls so; None if there is none, and where no model is."""
    found = KEYS.get(key.lower())
    return found if found in node.get("properties", {}) and key not in node["properties"] else None


def _of_others(path: Sequence[str | int], key: str, node: Mapping[str, Any], value: Any) -> str:
    """What to write instead of a key that other programs have, a clause; "" for other keys."""
    if found := alias(key, node):
        return f"set `{found}`: {_OF_EPOCHS}." if "epochs" in key.lower() else f"did you mean `{found}`?"
    if path[:1] == ["models"]:
        return ""
    if key.lower() in CLASSES:
        return "leave it out: the classes are those of the annotations."
    if key.lower() in HELD_OUT and path == ["dataset", "split"]:
        is_share = isinstance(value, float) and 0 < value < 1
        return f"did you mean `{f'eval_fraction: {value:g}' if is_share else 'eval'}`?"
    if key.lower() in SIDES and path == ["dataset"]:
        return (
            "`split` says which images are on which side: `split: {source: true}` takes folders called train, valid "
            "and test in `images`, and `split: {train: train.txt, eval: eval.txt}` two lists."
        )
    return ""


def is_of_pipeline(key: str, model: Mapping[str, Any]) -> bool:
    """Whether an unknown key of a model is a field of pipeline.config."""
    return bool(_fields_named(key, model))


def _of_pipeline(name: str, key: str, model: Mapping[str, Any]) -> str:
    """How a model's key that is a field of pipeline.config is set, a clause; "" for other keys."""
    found = _fields_named(key, model)
    if not found:
        return ""
    if key == "num_classes":
        return "leave it out: the run counts the classes of the data."
    for field in found:
        if instead := settled.instead_of(field, name):
            return f"it is a field of pipeline.config that the run decides: set {instead}."
    return _as_override(found, model[key], _file_of(model) or protos.TrainEvalPipelineConfig())


def _as_override(found: Sequence[str], value: Any, config: Message) -> str:
    """How a field of pipeline.config, which may be one of those `found`, is set by an override, a clause."""
    from boxwright.pipeline import overrides

    if len(found) == 1 and overrides.can_be_set(config, found[0], value):
        return f"it is a field of pipeline.config: write `overrides: {{{found[0]}: {_shown_inside(value)}}}`."
    below = overrides.values_below(config, found[0])
    if below is None:
        return f"it is a field of pipeline.config: set it by its path in `overrides`, such as `{found[0]}`."
    example = f"such as `{below[0]}`" if below else f"which begin with `{found[0]}.`"
    return f"it is a block of pipeline.config: set the fields in it by their paths in `overrides`, {example}."


def _fields_named(key: str, model: Mapping[str, Any]) -> list[str]:
    """The paths of fields of pipeline.config with this name: those that the model's file sets, else all."""
    from boxwright.pipeline import overrides  # few configurations have a wrong key

    key = FIELDS.get(key.lower(), key)
    config = _file_of(model)
    found = overrides.fields_named(config, key) if config else []
    return found or [f"{home}.{key}" for home in pipeline_schema.homes(key, "")]


def _file_of(model: Mapping[str, Any]) -> Message | None:
    """The configuration in a model's file; None if that cannot be read."""
    from boxwright.pipeline import text

    path = model.get("pipeline")
    try:
        return text.read(path) if isinstance(path, str) and paths.is_file(path) else None
    except UserError:
        return None


def _only_place(key: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The path to a key that is known below a node, or else anywhere, in exactly one place; None if there is none.

    A key that is known nowhere may misspell one.
    """
    below, anywhere = list(_places(node, schema)), list(_places(schema, schema))
    for name in (key, nearest(key, dict.fromkeys(place[-1] for place in anywhere), cutoff=0.8)):
        for places in (below, anywhere):
            if found := [place for place in places if place[-1] == name]:
                return found[0] if len(found) == 1 else None
    return None


def _places(
    node: Mapping[str, Any], schema: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths to all keys below a node; a model's name is `<name>`."""
    node = resolve(node, schema)
    for name, child in node.get("properties", {}).items():
        yield (*above, name)
        yield from _places(child, schema, (*above, name))
    if isinstance(others := node.get("additionalProperties"), Mapping):
        yield from _places(others, schema, (*above, "<name>"))


def _nested(path: Sequence[str], value: str) -> str:
    """A value at a path, as YAML on one line: "early_stopping: {patience: 3}"."""
    first, *others = path
    return f"{first}: {{{_nested(others, value)}}}" if others else f"{first}: {value}"


def _is_misspelt(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> bool:
    """Whether an error is a missing key that was given with a misspelling, which is told as that."""
    if error.validator != "required":
        return False
    unknown = map(str, error.instance.keys() - set(error.schema.get("properties", {})))
    given = (meant(key, error.schema, schema) or alias(key, error.schema) for key in unknown)
    return any(f"'{key}' is a required property" == error.message for key in given)


def with_indents(settings: dict[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[Place, str]]]:
    """The settings with the keys of a block below it that lie beside it, since none is indented; and the mistakes, each
    with its place."""
    told = []
    for block, node in schema["properties"].items():
        if block not in settings or settings[block] is not None:
            continue
        known, others = node.get("properties", {}), node.get("additionalProperties")
        astray = [key for key in settings if key not in schema["properties"]]
        astray = [key for key in astray if key in known or (isinstance(others, Mapping) and _is_model(settings[key]))]
        if astray:
            names = " and ".join(f"`{key}`" for key in astray)
            lie, them = ("lie", "them") if len(astray) > 1 else ("lies", "it")
            text = f"`{block}` is empty, and {names} {lie} beside it: indent {them} by two spaces."
            told.append(((astray[0],), text))
            kept = {key: value for key, value in settings.items() if key not in astray}
            settings = {**kept, block: {key: settings[key] for key in astray}}
    return settings, told


def with_name(settings: dict[str, Any], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[Place, str]]]:
    """The settings with a name for a model whose fields lie directly below `models`, and the mistake if they do, with
    its place.

    Keys of the configuration among the models are moved to where they belong.
    """
    models = settings.get("models")
    if not isinstance(models, dict):
        return settings, []
    astray = {
        key: models[key]
        for key in schema["properties"]
        if key in models and key not in settings and not _is_model(models[key])
    }
    if astray:
        others = {key: value for key, value in models.items() if key not in astray}
        moved, told = with_name({**settings, **astray, "models": others}, schema)
        told_of = "lies below `models`, but is a key beside it: let it start in the same column."
        return moved, [*((("models", key), f"`{key}` {told_of}") for key in astray), *told]
    known = schema["properties"]["models"]["additionalProperties"]["properties"]
    fields = [key for key, value in models.items() if key in known and not isinstance(value, dict)]
    others = {key: value for key, value in models.items() if key not in known}
    if not fields or any(isinstance(value, dict) for value in others.values()):
        return settings, []
    empty = [key for key, value in others.items() if value is None]
    if len(empty) == 1:
        name = empty[0]
        told = f"`models.{name}` is empty, and its fields lie beside it, not below it: indent them further"
    else:
        name, told = "my_model", "`models` has the fields of a model, but not its name: put a name above them"
    below = {key: value for key, value in models.items() if [key] != empty}
    mistake = f"{told}, as in `models: {{{name}: {{{fields[0]}: {_shown_inside(models[fields[0]])}}}}}`."
    return {**settings, "models": {name: below}}, [(("models", fields[0]), mistake)]


def _is_model(value: Any) -> bool:
    """Whether a value below `models` is a model, which has a number of steps, whatever its name."""
    return isinstance(value, dict) and "num_steps" in value


def _shown_inside(value: Any) -> str:
    """A value as part of an example in YAML; dots for one that is long, or no single value."""
    if isinstance(value, dict | list) or len(text := paths.shown(value)) > 60:
        return "..."
    return config_file.as_yaml(value) if isinstance(value, str) else text


def similar_name(name: str) -> str:
    """A name of letters that a model's name may have, like a given one."""
    return re.sub("[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:100] or "model"


# A key and a value with an equals sign between them.
_ASSIGNED = re.compile(r"[\w.]+ ?=")
_NO_EQUALS = " Between a key and its value stands a colon with a space behind it, and no =."


def _as_block(value: Any, node: Mapping[str, Any]) -> str:
    """What to write where a single value is given for a block of keys, of which it can be that of one."""
    if isinstance(value, str) and _ASSIGNED.match(value):
        return _NO_EQUALS
    known = node["properties"]
    fitting = [key for key in node.get("required", ()) if _fits(value, known[key])]
    if not fitting and isinstance(value, str):
        words = {key: known[key].get("items", {}).get("enum", known[key].get("enum", ())) for key in known}
        fitting = [key for key, of in words.items() if value in of]
        whole = {key: resolve(one, config_file.schema()) for key, one in known.items()}
        fitting = fitting or [key for key in known if whole[key].get("format") == "path" and paths.is_there(value)]
    if len(fitting) != 1 or isinstance(value, bool):
        return ""
    shown = _shown_inside(value)
    return f" Write `{{{fitting[0]}: {f'[{shown}]' if known[fitting[0]].get('type') == 'array' else shown}}}`."


def _advice(error: jsonschema.ValidationError) -> str:
    """What to write instead of a wrong value, a sentence with a space before it; "" if that is not known."""
    value, node, path = error.instance, error.schema, list(error.absolute_path)
    if isinstance(value, list) and node.get("type") == "object":
        dashes = value and all(isinstance(one, dict) for one in value)
        named = [one["name"] for one in value if isinstance(one, dict) and isinstance(one.get("name"), str)]
        if dashes and len(named) == len(value):
            return f" Write `{named[0]}:` in place of `- name: {named[0]}`, and its keys indented below it."
        if "rename" in node.get("properties", {}):
            return " Leave it out: the classes are those of the annotations."
        return " Leave out the - before each name." if dashes else ""
    arrays = (one for one in [node, *node.get("anyOf", ())] if "items" in one)
    if isinstance(value, list) and (array := next(arrays, None)):
        return _of_items(value, array)
    if isinstance(value, dict | list | None):
        return ""
    choices = [node, *node.get("anyOf", ())]
    if block := next((one for one in choices if one.get("properties")), None):
        return _misspelt(value, choices) or _as_block(value, block)
    if isinstance(value, str) and node.get("type") == "object":
        return _NO_EQUALS if _ASSIGNED.match(value) else ""
    of_split = path[:2] == ["dataset", "split"] and path[-1] in SIDES
    if of_split and isinstance(value, int | float) and not isinstance(value, bool):
        return " For a share write `eval_fraction: 0.2`: 20 % of the images measure, and the others train."
    of_share = 1 in (node.get("maximum"), node.get("exclusiveMaximum")) and not isinstance(value, str | bool)
    # Of a number just above 1, nobody knows what was meant.
    numbers = [value / 100] if of_share and value >= 2 else _numbers_like(value) if isinstance(value, str) else ()
    number = next((one for one in numbers if _fits(one, node)), None)
    if number is not None:
        if not isinstance(value, str):
            return f" Write {_number(number)}."
        if value == _number(number):
            return f" In quotes it is a text; write {value} without them."
        return f" YAML reads {value} as a text; write {_number(number)}."
    items = next((one["items"] for one in choices if "items" in one and "prefixItems" not in one), None)
    as_written = "[{}]" if items else "{}"
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    if items and items.get("type") in ("integer", "number"):
        parts = [next((one for one in _numbers_like(str(part)) if _fits(one, items)), part) for part in parts]
    if items and all(_fits(part, items) for part in parts):
        return f" Write `{as_written.format(', '.join(map(_shown_inside, parts)))}`."
    return _misspelt(value, [*choices, items or {}], as_written)


def _misspelt(value: Any, choices: Iterable[Mapping[str, Any]], as_written: str = "{}") -> str:
    """The words of some parts of the schema that a value may misspell, a question with a space before it, else ""."""
    words = [word for one in choices for word in [*one.get("enum", ()), one.get("const")]]
    near = _words_like(str(value), [word for word in words if isinstance(word, str)])
    return f" Did you mean {' or '.join(f'`{as_written.format(word)}`' for word in near)}?" if near else ""


def _of_items(value: list[Any], array: Mapping[str, Any]) -> str:
    """What is wrong with the items of a list, a sentence with a space before it; "" if each of them is allowed."""
    allowed = [*array.get("prefixItems", ()), *[array["items"]] * len(value)]
    wrong = [one for one, node in zip(value, allowed, strict=False) if not _fits(one, node)]
    ordered = sorted(value, key=lambda one: one not in wrong)
    if wrong and _fits(ordered, array):
        return f" Write `[{', '.join(map(_shown_inside, ordered))}]`: only the first can be {ordered[0]}."
    return f" Wrong in it: {', '.join(map(paths.shown, wrong))}." if wrong and len(value) > 1 else ""


def _numbers_like(text: str) -> Iterator[int | float]:
    """The numbers that a text may be meant as: with an exponent, a separator or a unit."""
    text = text.strip().replace("_", "")
    if re.fullmatch(r"[+-]?\d{1,3}([,' ]\d{3})+", text):
        yield int(re.sub(r"[,' ]", "", text))
    if found := re.fullmatch(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?) ?([kKmM%]?)", text):
        factor = {"k": 1e3, "m": 1e6, "%": 1e-2}.get(found[2].lower(), 1)
        number = float(found[1].replace(",", ".")) * factor
        if math.isfinite(number):
            yield _whole(number)


def _whole(number: float) -> int | float:
    """A number without the point, if it is a whole one."""
    number = float(f"{number:.12g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _words_like(word: str, known: Sequence[str]) -> list[str]:
    """The known words of which one is a part, such as `int8` of `tflite_int8`, else the one that it may misspell."""
    word = NUMBERS.get(word.lower(), word)
    whole = [one for one in known if word.lower() in one.split("_")]
    return whole or list(filter(None, [nearest(word.lower(), known)]))


def _number(value: float) -> str:
    """A number as YAML reads it, to which 1e-05 is a text without a point in it."""
    text = repr(value)
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _allowed(node: Mapping[str, Any], given: Any) -> str:
    """What a schema node allows, in words; bounds that no one meets by chance are told if the `given` value does."""
    if "anyOf" in node:
        return " or ".join(_allowed(choice, given) for choice in node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return wording.either([str(one) for one in node["enum"]])
    kinds = node.get("type", "a value")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if "null" in kinds and len(kinds) > 1:
        others = [kind for kind in kinds if kind != "null"]
        return f"{_allowed({**node, 'type': others}, given)} or null"
    names = {"null": "null", "object": _block(node), "integer": "a whole number", "string": "a text"}
    names |= {"array": _list_of(node.get("items", {})), "number": "a number", "boolean": "true or false"}
    if "prefixItems" in node:
        return "a list of one of these and of further steps"
    text = " or ".join(names.get(kind, kind) for kind in kinds)
    limits = _bounds(node, given)
    if "minProperties" in node:
        limits.append(f"with at least {node['minProperties']} entry")
    if "minItems" in node:
        limits.append(f"with at least {node['minItems']} entry")
    if node.get("uniqueItems"):
        again = [one for place, one in enumerate(given) if one in given[:place]] if isinstance(given, list) else []
        limits.append(f"without repetition{f' ({again[0]} is there more than once)' if again else ''}")
    if "pattern" in node:
        limits.append("of letters, digits, '_', '.' and '-'")
    if "maxLength" in node:
        limits.append(f"of at most {node['maxLength']} characters")
    elif "minLength" in node:
        limits.append("that is not empty")
    if "maxItems" in node and isinstance(given, list) and len(given) > node["maxItems"]:
        limits.append(f"with at most {node['maxItems']} entries")
    return " ".join([text, " and ".join(limits)]).strip()


def _bounds(node: Mapping[str, Any], given: Any) -> list[str]:
    """The bounds of a number, in words: "from 0 to 1", "of at least 1", "above 0" and "below 1"."""
    most = node.get("maximum")
    reached = most is not None and (most < _VAST or (VALIDATOR({"type": "number"}).is_valid(given) and given > most))
    if "minimum" in node and reached:
        return [f"from {node['minimum']} to {most}"]
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "of at most",
        "exclusiveMaximum": "below",
    }
    return [f"{word} {node[key]}" for key, word in words.items() if key in node and (key != "maximum" or reached)]


def _block(node: Mapping[str, Any]) -> str:
    """The keys that a schema node wants, in words; some of them where none has to be there."""
    known = list(node.get("required", ())) or list(node.get("properties", {}))[:2]
    return f"a block of keys such as {' and '.join([f'`{key}`' for key in known])}" if known else "a block of keys"


def _list_of(items: Mapping[str, Any]) -> str:
    """A list of what a schema node allows, in words."""
    names = {"string": "texts", "integer": "whole numbers", "object": "blocks of keys"}
    if "enum" in items:
        return f"a list of {wording.either([str(one) for one in items['enum']])}"
    return f"a list of {names[items['type']]}" if items.get("type") in names else "a list"
