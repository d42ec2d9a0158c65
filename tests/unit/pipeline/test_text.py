"""Text protobuf in and out."""

import pytest

from boxwright.catalog.findings import Finding, RefusedError
from boxwright.core.errors import UserError
from boxwright.pipeline import text
from boxwright.protos import model_of

DIALECT = """# a comment
model: <
  ssd {
    num_classes: 3;   # as in some published files
    freeze_batchnorm: False,
    feature_extractor { type: 'ssd_' "mobilenet_v1" conv_hyperparams { activation: RELU_6, } }
    anchor_generator { ssd_anchor_generator { aspect_ratios: [1.0, .5] aspect_ratios: 2e0 aspect_ratios: [] } }
    post_processing { batch_non_max_suppression { score_threshold: 1e-8 iou_threshold: 6e-1f } }
  }
>
train_config { freeze_variables: ["a#b", 'c"d'] batch_size: 0x10 }
"""


def test_dialect_of_the_published_files():
    ssd = text.parse(DIALECT).model.ssd
    assert ssd.num_classes == 3
    assert ssd.feature_extractor.type == "ssd_mobilenet_v1"
    assert list(ssd.anchor_generator.ssd_anchor_generator.aspect_ratios) == [1.0, 0.5, 2.0]
    assert ssd.post_processing.batch_non_max_suppression.score_threshold == pytest.approx(1e-8)
    assert ssd.post_processing.batch_non_max_suppression.iou_threshold == pytest.approx(0.6)
    train = text.parse(DIALECT).train_config
    assert list(train.freeze_variables) == ["a#b", 'c"d'] and train.batch_size == 16


def test_round_trip_keeps_every_value():
    config = text.parse(DIALECT)
    assert text.parse(text.to_text(config)) == config
    config.train_config.fine_tune_checkpoint = 'ü "quoted" \\ path\n'
    assert text.parse(text.to_text(config)) == config


def test_every_published_configuration_round_trips(shared):
    paths = sorted((shared / "odapi" / "configs").glob("*.config"))
    assert len(paths) == 24
    for path in paths:
        document = text.read_document(path)
        assert text.parse(text.to_text(document.config)) == document.config, path.name
        model_of(document.config)


def test_scan_sees_what_protobuf_reads(shared):
    """The scan and protobuf's parser are two readers: every scalar that is set has a line in the scan."""

    def leaves(message, path=""):
        for field, value in message.ListFields():
            here = f"{path}.{field.name}" if path else field.name
            if field.message_type and field.message_type.GetOptions().map_entry:
                continue
            for index, item in enumerate(value if field.is_repeated else [value]):
                inner = f"{here}.{index}" if field.is_repeated else here
                yield inner
                if field.message_type:
                    yield from leaves(item, inner)

    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        document = text.read_document(path)
        source = path.read_text().splitlines()
        for leaf in leaves(document.config):
            name = next(part for part in reversed(leaf.split(".")) if not part.isdigit())
            assert name in source[document.lines[leaf] - 1], (path.name, leaf)


def test_all_unknown_fields_are_named_with_place_and_nearest():
    source = "model {\n  ssd {\n    num_clases: 3\n  }\n}\ntrain_cfg { batch { size: 3 } }\n"
    with pytest.raises(UserError) as error:
        text.parse(source, "my.config")
    first, second = str(error.value).splitlines()
    assert first == "my.config:3:5: model.ssd has no field `num_clases`; nearest known: num_classes"
    assert second.startswith(
        "my.config:6:1: TrainEvalPipelineConfig has no field `train_cfg`; nearest known: train_config"
    )


@pytest.mark.parametrize(
    ("source", "place", "words"),
    [
        ("model { ssd { num_classes: 'a' } }", "1:28", ["model.ssd.num_classes takes a whole number, not 'a'"]),
        ("model {\n ssd {\n  freeze_batchnorm: maybe } }", "3:21", ["freeze_batchnorm takes true or false, not maybe"]),
        ("model { ssd: 3 }", "1:14", ["model.ssd takes a block, `ssd { ... }`, not 3"]),
        ("train_config { batch_size: -1 }", "1:28", ["batch_size takes a whole number of at least 0, not -1"]),
        ("train_config { batch_size: 4294967296 }", "1:28", ["takes a whole number from 0 to 4294967295, not 4"]),
        (
            "model { ssd { feature_extractor { conv_hyperparams { activation: RELU_7 } } } }",
            "1:66",
            ["takes one of NONE, RELU, RELU_6, SWISH", "RELU_7"],
        ),
        (
            'train_config {\n fine_tune_checkpoint: "abc\n}',
            "2:24",
            ["fine_tune_checkpoint takes a text: a quotation mark is not closed"],
        ),
        (
            "train_config { freeze_variables: ['a', 3] }",
            "1:40",
            ["freeze_variables.1 takes a text, not 3"],
        ),
        ("model {\n  ssd {\n    num_classes: 3\n}\n", "4:1", ["the block `model` that line 1 opens"]),
        ("}", "1:1", ["this } closes no block: take it out"]),
        ("model { ssd {} } }", "1:18", ["this } closes no block: take it out"]),
        ("model { ssd { num_classes: 1 } matcher {} loss {} } }", "1:30", ["one } too many", "`matcher`", "!loss"]),
        (
            "model { ssd {} } image_resizer {} }",
            "1:16",
            ["one } too many", "`image_resizer`", "!no field"],
        ),
        ("model { ssd { clases: 1 } } }", "1:15", ["has no field `clases`", "this } closes no block"]),
        (
            "model { ssd { num_classes = 3 } }",
            "1:27",
            ["model.ssd.num_classes takes a whole number: a colon"],
        ),
        ("model { ssd }", "1:13", ["model.ssd takes a block, `ssd { ... }`: its block begins with {"]),
        ("model { ssd { // three\n num_classes: 3 } }", "1:15", ["a comment begins with `#`"]),
        ("train_config { gradient_clipping_by_norm: 0,5 }", "1:45", ["'5' cannot be a field", "decimal point"]),
        (
            "model { ssd { feature_extractor { conv_hyperparams { activation: RELUU } } } }",
            "1:66",
            ["nearest known: RELU"],
        ),
        (
            "model { [other.project.field] { a: [1] } }",
            "1:9",
            ["`[other.project.field]` extends model with a field of"],
        ),
    ],
)
def test_errors_name_place_field_and_type(source, place, words):
    with pytest.raises(UserError) as error:
        text.parse(source, "my.config")
    assert str(error.value).startswith(f"my.config:{place}: ")
    for word in words:
        assert (word.removeprefix("!") in str(error.value)) != word.startswith("!")


def test_blocks_without_end_are_no_traceback():
    with pytest.raises(UserError, match=r"my\.config: too many nested blocks"):
        text.parse("model {" * 5000, "my.config")


def test_extensions_of_another_project_are_all_told():
    source = "[a.b] { c: 3 }\ntrain_input_reader { external_input_reader { [a.d] { e: 'f' } } }\nmodel { detr {} }"
    with pytest.raises(UserError) as error:
        text.parse(source, "my.config")
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "my.config:1:1",
        "my.config:2:46",
        "my.config:3:9",
    ]


def test_notes_on_deprecated_and_repeated_fields():
    document = text.parse_document(
        "train_config {\n batch_size: 1\n batch_size: 2\n from_detection_checkpoint: true\n"
        " optimizer { adam_optimizer {} rms_prop_optimizer {} }\n}\ntrain_config { num_steps: 3 }"
    )
    assert document.config.train_config.batch_size == 2 and document.config.train_config.num_steps == 3
    notes = {(note.line, note.field): note.text for note in document.notes}
    assert set(notes) == {
        (3, "train_config.batch_size"),
        (4, "train_config.from_detection_checkpoint"),
        (5, "train_config.optimizer.rms_prop_optimizer"),
        (7, "train_config"),
    }
    assert "last value counts" in notes[3, "train_config.batch_size"]
    assert "deprecated" in notes[4, "train_config.from_detection_checkpoint"]
    assert "replaces `adam_optimizer`" in notes[5, "train_config.optimizer.rms_prop_optimizer"]


def test_place_falls_back_to_the_enclosing_block():
    document = text.parse_document("model {\n  ssd {\n    num_classes: 3\n  }\n}", "my.config")
    assert document.place("model.ssd.num_classes") == "my.config:3"
    assert document.place("model.ssd.feature_extractor.type") == "my.config:2"
    assert document.place("train_config.batch_size") == "my.config:1"


def test_other_messages_parse_too():
    label_map = text.parse("item { id: 1 name: 'cat' }", "label_map.pbtxt", kind="StringIntLabelMap")
    assert label_map.item[0].name == "cat"


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"none\.config"):
        text.read(tmp_path / "none.config")
    binary = tmp_path / "binary.config"
    binary.write_bytes(b"\x80\x81")
    with pytest.raises(UserError, match="not a text file"):
        text.read(binary)
    marked = tmp_path / "marked.config"
    marked.write_bytes(b"\xef\xbb\xbfmodel {\r\n ssd { num_classes: 3 }\r\n}\r\n")
    assert text.read(marked).model.ssd.num_classes == 3


def test_empty_model_is_told():
    with pytest.raises(UserError, match="faster_rcnn, ssd"):
        model_of(text.parse("train_config {}"))


def test_all_values_that_do_not_fit_are_told_with_the_unknown_fields():
    source = (
        "model { ssd {\n num_clases: 3\n freeze_batchnorm: maybe\n num_classes: { }\n add_background_class: 'yes'\n"
        " loss: 3\n} }\ntrain_config {\n batch_size: eight\n num_steps: 2.5\n freeze_variables: ['a', 3]\n}"
    )
    with pytest.raises(UserError) as error:
        text.parse(source, "my.config")
    told = [line.removeprefix("my.config:") for line in str(error.value).splitlines()]
    assert [line.partition(":")[0] for line in told] == ["2", "3", "4", "5", "6", "9", "10", "11"]
    assert told[2] == "4:15: model.ssd.num_classes takes a whole number, not {"
    assert told[6] == "10:13: train_config.num_steps takes a whole number of at least 0, not 2.5"


def test_a_missing_brace_is_named_beside_the_fields_it_misplaces():
    with pytest.raises(UserError) as error:
        text.parse("model {\n  ssd {\n    num_classes: 3\n  }\ntrain_config { }\n", "my.config")
    assert "model has no field `train_config`" in str(error.value)
    assert "my.config:1: the block `model` that opens here is not closed" in str(error.value)


def test_damaged_files_give_a_place_or_parse():
    """Any single character taken out of a file, or doubled, ends in a message or in a clear error."""
    outcomes = set()
    for position in range(len(DIALECT)):
        for damaged in (
            DIALECT[:position] + DIALECT[position + 1 :],
            DIALECT[:position] + DIALECT[position] + DIALECT[position:],
            DIALECT[:position],
        ):
            try:
                text.parse_document(damaged, "my.config")
                outcomes.add("parsed")
            except UserError as error:
                assert str(error).startswith("my.config:"), (position, error)
                outcomes.add("told")
    assert outcomes == {"parsed", "told"}


def test_a_field_that_the_schema_has_no_longer_is_left_out_with_a_note():
    """As in the pipeline.config of ssd_mobilenet_v2_coco_2018_03_29 of the zoo."""
    before = 'model {\n  ssd {\n    feature_extractor {\n      type: "ssd_mobilenet_v2"\n'
    after = "      use_depthwise: true\n    }\n    num_clases: 3\n  }\n}\n"
    for gone in (
        "batch_norm_trainable: true\n",
        "batch_norm_trainable: true; ",
        "batch_norm_trainable\n:\ntrue # yes\n",
    ):
        written = f"{before}      {gone}{after}"
        document = text.parse_document(written.replace("num_clases", "num_classes"))
        assert document.config == text.parse(f"{before}{after}".replace("num_clases", "num_classes"))
        (note,) = document.notes
        assert (note.line, note.column, note.field) == (5, 7, "model.ssd.feature_extractor.batch_norm_trainable")
        assert "freeze_batchnorm" in note.text
        line = written[: written.index("num_clases")].count("\n") + 1
        with pytest.raises(UserError, match=rf"^pipeline.config:{line}:5: model.ssd has no field `num_clases`"):
            text.parse(written)
    with pytest.raises(UserError, match=r"model\.ssd has no field `batch_norm_trainable`"):
        text.parse("model { ssd { batch_norm_trainable: true } }")


def test_what_is_refused_is_told_with_its_lines():
    document = text.parse_document("model {\n  ssd {\n    num_classes: 0\n    box_coder { }\n  }\n}", "a.config")
    with pytest.raises(UserError) as raised, text.located(document):
        raise RefusedError(
            [
                Finding("error", "impossible-value", "model.ssd.num_classes", 0, "it must be 1 or more", 1),
                Finding("error", "unsupported", "model.ssd.box_coder.square_box_coder", None, "one must be chosen"),
            ]
        )
    assert type(raised.value) is UserError and str(raised.value).splitlines() == [
        "a.config:3: model.ssd.num_classes is 0: it must be 1 or more. Use 1 for num_classes.",
        "a.config:4: model.ssd.box_coder.square_box_coder is not set: one must be chosen.",
    ]


def test_errors_of_damaged_files_stay_short():
    with pytest.raises(UserError, match=r"^pipeline\.config:2: there are zeros in the text"):
        text.parse("model {\n\0\0 }")
    for damaged in (f"model {{ {'x' * 9999}: 1 }}", f"model {{ !{'x' * 9999}: 1 }}", f"model: {'9' * 9999}"):
        with pytest.raises(UserError) as raised:
            text.parse(damaged)
        assert len(str(raised.value)) < 1500
    with pytest.raises(UserError) as raised:
        text.parse("model {\n" + "nothing: 1\n" * 100 + "}")
    assert len(str(raised.value).splitlines()) == 21
    assert str(raised.value).endswith("pipeline.config: and 80 more mistakes")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (r"C:\Users\me\model.ckpt", "has a backslash, which begins an escape"),
        (r"D:\x\data", "has a backslash, which begins an escape"),
        (r"C:\tensorflow\model.ckpt", r"`\t` in it is an escape"),
        (r"C:\models\7\model.ckpt", r"`\7` in it is an escape"),
        (r"C:\\tensorflow\\new\\7", ""),
        ("C:/tensorflow/new", ""),
        (r"caf\303\251/it\'s", ""),
    ],
)
def test_single_backslashes_in_a_path_are_told(path, told):
    """Of Windows: the parser reads them as escapes, or fails with words about codecs."""
    given = f'train_config {{\n  fine_tune_checkpoint: "{path}"\n}}'
    try:
        found = [f"{note.line} {note.level} {note.text}" for note in text.parse_document(given).notes]
    except UserError as error:
        found = [str(error).removeprefix("pipeline.config:")]
    assert len(found) == bool(told)
    for line in found:
        assert told in line and line.startswith("2") and line.endswith(r"a path is written with / or with \\")


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("num_steps: 200", "train_config has one"),
        ("model { ssd { batch_size: 4 } }", "train_config and eval_config have one"),
        ("model { ssd { feature_extractor { num_classes: 4 } } }", "model.ssd has one"),
        ("model { faster_rcnn { second_stage_post_processing { num_classes: 4 } } }", "model.faster_rcnn has one"),
        ("eval_config { label_map_path: 'x' }", "train_input_reader and eval_input_reader have one"),
        ("model { ssd { num_clases: 4 } }", "nearest known: num_classes"),
        ("train_config { batchsize: 4 }", "nearest known: batch_size"),
        # Too many blocks have this one.
        ("train_config { weight: 4 }", "known: "),
    ],
)
def test_a_field_in_a_wrong_block_is_told_with_its_block(given, place):
    with pytest.raises(UserError) as error:
        text.parse(given)
    assert f"; {place}" in str(error.value)


def test_the_blocks_of_a_configuration_say_nothing_of_other_texts():
    with pytest.raises(UserError, match="num_steps") as error:
        text.parse("item { name: 'a' id: 1 } num_steps: 4", kind="StringIntLabelMap")
    assert "train_config" not in str(error.value)


@pytest.mark.parametrize(
    "given", ["{'model': ssd {\n num_classes: 90 } }", '{"model": {"ssd": {}}}', "{ model { ssd { } } }"]
)
def test_a_dictionary_is_told_as_such(given):
    with pytest.raises(UserError, match=r"^my.config:1:1: .* JSON and a printed dictionary .* begins with `model \{`$"):
        text.parse(given, "my.config")


@pytest.mark.parametrize("quoted", ["it's", "'a': 'b'", "a: 'b"])
def test_a_line_with_quotation_marks_is_not_told_as_the_reason(quoted):
    given = f'train_config {{ fine_tune_checkpoint: "{quoted}" batch_size: four }}'
    with pytest.raises(UserError) as error:
        text.parse(given)
    assert str(error.value).endswith("train_config.batch_size takes a whole number of at least 0, not four")
