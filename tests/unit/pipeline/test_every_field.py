"""The whole schema, field by field: reading and writing, overrides, patching, findings, identities."""

import math
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.pipeline import every_field

from boxwright import protos
from boxwright.catalog.findings import NOTHING, Facts
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
