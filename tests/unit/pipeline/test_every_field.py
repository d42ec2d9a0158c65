"""The whole schema, field by field: reading and writing, overrides, patching, findings, identities."""

import ast
import math
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from google.protobuf import message_factory
from tests.unit.pipeline import every_field

from boxwright import protos
from boxwright.catalog import check
from boxwright.catalog.findings import NOTHING, Facts
from boxwright.catalog.messages import spec_of
from boxwright.catalog.spec import Block, Only, always
from boxwright.core.errors import UserError
from boxwright.pipeline import coverage, identity, text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.overrides import apply
from boxwright.pipeline.patch import patch

VARIANTS = range(every_field.variants())
FACTS = Facts(num_classes=2, max_boxes=7, anchor_coverage=0.5, checkpoint_names=["FeatureExtractor/MobilenetV1/x"])


def deprecated(message):
    for field, value in message.ListFields():
        if field.GetOptions().deprecated:
            yield field.name
        elif field.message_type and not every_field.is_map(field):
            for item in value if field.is_repeated else [value]:
                yield from deprecated(item)


@pytest.mark.parametrize("choice", VARIANTS)
def test_every_field_in_every_spelling_is_read_as_it_was_meant(choice):
    config = every_field.filled(choice)
    assert text.parse(text.to_text(config)) == config
    document = text.parse_document(every_field.written(config, seed=choice))
    assert document.config == config
    entries = {path for path, value in every_field.leaves(config) if isinstance(value, dict) and value}
    assert {path for path, _ in every_field.leaves(config)} - set(document.lines) == entries, "entries of maps alone"
    # Some of the drawn strings have escapes, as Windows paths have by mistake.
    told = [note.field.rpartition(".")[2] for note in document.notes if "is an escape" not in note.text]
    assert sorted(set(told)) == sorted(set(deprecated(config))) and len(told) >= 10


def test_files_from_windows_and_with_a_byte_order_mark(tmp_path):
    config = every_field.filled(0)
    path = tmp_path / "pipeline.config"
    path.write_bytes(b"\xef\xbb\xbf" + text.to_text(config).replace("\n", "\r\n").encode())
    assert text.read(path) == config
    damaged = text.to_text(config).replace("train_config {", "train_config {\n  batch_sise: 3", 1)
    path.write_bytes(b"\xef\xbb\xbf" + damaged.replace("\n", "\r\n").encode())
    line = damaged[: damaged.index("batch_sise")].count("\n") + 1
    with pytest.raises(
        UserError, match=rf":{line}:3: train_config has no field `batch_sise`; nearest known: batch_size"
    ):
        text.read(path)


def test_every_misspelt_field_is_told_with_its_place_and_the_nearest():
    config = every_field.filled(1)
    source = text.to_text(config).splitlines()
    tried = 0
    for number, line in enumerate(source):
        name = line.strip().partition(":")[0].partition(" ")[0]
        if len(name) < 6 or name in ("center_net",) or number % 7:
            continue
        wrong = "\n".join([*source[:number], line.replace(name, f"{name[:-1]}{name[-1]}x", 1), *source[number + 1 :]])
        with pytest.raises(UserError) as caught:
            text.parse(wrong, "my.config")
        column = len(line) - len(line.lstrip()) + 1
        told = str(caught.value).splitlines()[0]
        assert told.startswith(f"my.config:{number + 1}:{column}: ") and f"has no field `{name}x`" in told, told
        assert f"nearest known: {name}" in told
        tried += 1
    assert tried >= 30


@pytest.mark.parametrize("choice", VARIANTS)
def test_overrides_reach_every_field(choice):
    config = every_field.filled(choice)
    built = protos.TrainEvalPipelineConfig()
    paths = dict(every_field.leaves(config))
    changes = apply(built, paths)
    assert built == config
    assert len(changes) == len(paths)
    assert apply(built, paths) == []
    apply(built, dict.fromkeys(reversed(paths)))
    assert not [path for path, value in every_field.leaves(built) if value != {}]


@pytest.mark.parametrize("numbers", every_field.NUMBERS)
def test_nothing_that_can_be_written_is_a_traceback(numbers):
    for choice in VARIANTS if numbers == "plain" else VARIANTS[::7]:  # 7 reaches every member of the smaller one-ofs
        config = every_field.filled(choice, numbers)
        if not any(math.isnan(value) for _, value in every_field.leaves(config) if isinstance(value, float)):
            assert text.parse(text.to_text(config)) == config
        changed = [config]
        for batch_size in (None, 8):
            try:
                new, changes = patch(
                    config,
                    num_classes=2,
                    label_map_path="label_map.pbtxt",
                    train_records=["a"],
                    eval_records=["b"],
                    num_steps=100,
                    checkpoint="model.ckpt" if choice % 2 else None,
                    batch_size=batch_size,
                )
            except UserError as error:
                assert "only ssd, faster_rcnn and center_net can be patched" in str(error)
                continue
            assert changes and all(str(change) for change in changes)
            changed.append(new)
        for one in changed:
            for facts in (NOTHING, FACTS):
                findings = lint(one, facts)
                assert findings and all(str(finding) for finding in findings)
            for identify in (identity.training_identity, identity.evaluation_identity, identity.anchor_identity):
                assert identify(one)
            if numbers != "large":  # anchors on a picture of that size fill the memory
                share = coverage.share(one, [[0.1, 0.1, 0.5, 0.5]], [[200, 300]])
                assert share is None or 0 <= share <= 1


def names_in_code():
    """The names by which what a model is built from can take a field: of arguments, attributes, annotations, keys."""
    library = Path(protos.__file__).parents[1]
    for path in (path for room in ("boxes", "detector") for path in (library / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.arg):
                yield node.arg
            elif isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
            elif isinstance(node, ast.Subscript):
                yield from (key.value for key in ast.walk(node.slice) if isinstance(key, ast.Constant))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                yield from (key.value for key in node.args[:1] if isinstance(key, ast.Constant))


# Fields without effect whose name an argument has that is not taken from them.
NAMESAKES = {
    "Hyperparams.regularize_depthwise",
    "MaskRCNNBoxPredictor.conv_hyperparams",
    *(
        f"FasterRcnnFeatureExtractor.{name}"
        for name in ("conv_hyperparams", "override_base_feature_extractor_hyperparams", "pad_to_multiple", "fpn")
    ),
}
# Told by a rule of its own; refused in TF1 models and told in TF2 models, by the rules of the families.
ELSEWHERE = {"MaskRCNNBoxPredictor.predict_instance_masks", "Hyperparams.op"}


def places_of_models():
    """Each message that a model can hold, with the facts that each of its places in another message adds."""
    found, left = {}, [(protos.message("DetectionModel").DESCRIPTOR, {})]
    while left:
        descriptor, facts = left.pop()
        known = descriptor in found
        found.setdefault(descriptor, []).append(facts)
        spec = spec_of(descriptor.name)
        for field in () if known else descriptor.fields:
            told = field.name in spec.no_effect
            if field.message_type and not (told or every_field.is_map(field) or is_refused(field)):
                fact = spec.fields.get(field.name)
                left.append((field.message_type, fact.fields if isinstance(fact, Block) else {}))
    return found


def is_refused(field):
    """Whether the engine refuses every value of a field but the schema's default.

    What it finds where the field is not set, such as that an alternative must be chosen, does not count.
    """
    spec, message = spec_of(field.containing_type.name), message_factory.GetMessageClass(field.containing_type)()
    if field.containing_oneof and spec.choices and field.name not in spec.choices:
        return True
    before = {found.field for found in check.findings(message)}
    if field.message_type:
        inner = getattr(message, field.name)
        (inner.add() if field.is_repeated else inner).SetInParent()
    own = {field.name, f"{field.name}.0"} - before
    return isinstance(spec.fields.get(field.name), Only) or any(
        found.rule == check.UNSUPPORTED and found.field in own for found in check.findings(message)
    )


def test_each_field_of_a_model_is_read_or_refused_or_told_to_have_no_effect():
    """Exactly one of these; what is told under a condition is read, or refused, otherwise."""
    read, ways, wrong = set(names_in_code()), Counter(), {}
    for descriptor, places in places_of_models().items():
        reasons = spec_of(descriptor.name).no_effect
        for field in descriptor.fields:
            name = f"{descriptor.name}.{field.name}"
            if field.GetOptions().deprecated or name in ELSEWHERE:
                continue
            if is_refused(field) or all(isinstance(facts.get(field.name), Only) for facts in places):
                found = ["refused"]  # a field of another message that has its name may be read
            else:
                # The code asks which member of a one-of is set.
                found = ["read"] if field.name in read or field.containing_oneof else []
                if field.name in reasons and (reasons[field.name].when is always or not found):
                    found.append("told")
            if name in NAMESAKES:
                found.remove("read")
            if len(found) != 1:
                wrong[name] = found
            ways.update(found)
    assert not wrong, wrong
    assert ways["read"] >= 150 and ways["refused"] >= 25 and ways["told"] >= 30


def mutated(lines, chance):
    """The lines of a file as a slip leaves them: one lost, doubled, moved, of another number or with a stray sign."""
    lines, index = list(lines), chance.randrange(len(lines))
    line, slip = lines[index], chance.randrange(5)
    if slip == 0:
        del lines[index]
    elif slip == 1:
        lines.insert(index, line)
    elif slip == 2:
        lines[index] = chance.choice(lines)
    elif slip == 3:
        lines[index] = re.sub(
            r"-?[\d.]+", lambda _: chance.choice(["0", "-1", "1e30", "nan", "7", "100000"]), line, count=1
        )
    else:
        place = chance.randrange(len(line) + 1)
        lines[index] = line[:place] + chance.choice("{}[]<>:;=,\"'#\\x\0é") + line[place:]
    return lines


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[3] / "config" / "pipelines").glob("*.config")), ids=lambda file: file.stem
)
def test_slips_in_a_file_are_read_or_told(file):
    chance, outcomes = random.Random(0), Counter()
    for _ in range(150):
        lines = file.read_text(encoding="utf-8").splitlines()
        for _ in range(chance.choice([1, 2, 4])):
            lines = mutated(lines, chance)
        try:
            config = text.parse("\n".join(lines), "my.config")
            lint(config, FACTS)
            new, _ = patch(
                config,
                num_classes=2,
                label_map_path="label_map.pbtxt",
                train_records=["a"],
                eval_records=["b"],
                num_steps=chance.choice([1, 100]),
                batch_size=chance.choice([None, 8]),
            )
            lint(new, FACTS)
            coverage.share(new, [[0.1, 0.1, 0.5, 0.5]], [[200, 300]])
            outcomes["read"] += 1
        except UserError:
            outcomes["told"] += 1
    assert outcomes["read"] >= 20 and outcomes["told"] >= 20


def test_messages_without_any_field_are_no_traceback_either():
    for kind in ("ssd", "faster_rcnn", "center_net", "experimental_model"):
        findings = lint(text.parse(f"model {{ {kind} {{}} }} train_config {{}} eval_input_reader {{}}"), FACTS)
        assert findings[0].level == "error" and all(str(finding) for finding in findings)
