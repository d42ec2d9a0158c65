"""The .proto files have the OD API's schema, and the committed descriptor set is made from them."""

import json
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor

from boxwright import protos

SCALARS = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def enums_of(container):
    return {
        name: {value.name: value.number for value in enum.values} for name, enum in container.enum_types_by_name.items()
    }


def local_name(descriptor):
    return descriptor.full_name.removeprefix("object_detection.protos.")


def default_of(field):
    """The default as schema.json writes it."""
    value = field.default_value
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "true" if value else "false"
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return f"{value:.6g}"
    return str(value)


def field_as_schema(field):
    kind = field.message_type or field.enum_type
    entry = {
        "name": field.name,
        "number": field.number,
        "type": local_name(kind) if kind else SCALARS[field.type],
        "label": "repeated" if field.is_repeated else "optional",
    }
    if field.has_default_value:
        entry["default"] = default_of(field)
    if field.GetOptions().deprecated:
        entry["deprecated"] = True
    if field.containing_oneof:
        entry["oneof"] = field.containing_oneof.name
    return entry


def message_as_schema(message):
    entry = {"fields": [field_as_schema(field) for field in message.fields]}
    if message.enum_types_by_name:
        entry["enums"] = enums_of(message)
    if message.nested_types_by_name:
        entry["messages"] = {name: message_as_schema(nested) for name, nested in message.nested_types_by_name.items()}
    if message.GetOptions().map_entry:
        entry["map_entry"] = True
    return entry


def normal(entry):
    """A message of schema.json, less what a descriptor does not keep in order or at all at run time."""
    entry = {key: value for key, value in entry.items() if key not in ("reserved", "extension_ranges")}
    entry["fields"] = sorted(entry["fields"], key=lambda field: field["number"])
    if "messages" in entry:
        entry["messages"] = {name: normal(nested) for name, nested in entry["messages"].items()}
    return entry


@pytest.fixture(scope="module")
def schema(shared):
    return json.loads((shared / "odapi" / "schema.json").read_text())


def test_files_are_those_of_the_schema(schema):
    folder = protos.DESCRIPTORS.parent / "object_detection" / "protos"
    assert {path.name for path in folder.glob("*.proto")} == set(schema)
    assert len(schema) == 34


def test_messages_fields_and_enums_equal_the_schema(schema):
    for name, expected in schema.items():
        file = protos.pool().FindFileByName(f"object_detection/protos/{name}")
        assert file.package == expected["package"]
        assert {path.name.rpartition("/")[2] for path in file.dependencies} == set(expected["imports"]), name
        assert enums_of(file) == expected.get("enums", {}), name
        assert set(file.message_types_by_name) == set(expected["messages"]), name
        for message_name, message in expected["messages"].items():
            ours = normal(message_as_schema(file.message_types_by_name[message_name]))
            assert ours == normal(message), message_name


def test_reserved_numbers_and_extension_ranges_equal_the_schema(schema):
    from google.protobuf import descriptor_pb2

    def compare(ours, expected):
        assert [[r.start, r.end] for r in ours.reserved_range] == expected.get("reserved", [])
        assert [[r.start, r.end] for r in ours.extension_range] == expected.get("extension_ranges", [])
        for nested in ours.nested_type:
            compare(nested, expected["messages"][nested.name])

    for file in descriptor_pb2.FileDescriptorSet.FromString(protos.DESCRIPTORS.read_bytes()).file:
        if file.package == "object_detection.protos":
            for message in file.message_type:
                compare(message, schema[file.name.rpartition("/")[2]]["messages"][message.name])


def test_committed_descriptor_set_is_a_fresh_build():
    pytest.importorskip("grpc_tools")
    from boxwright.protos.compile import compile_descriptors

    assert protos.DESCRIPTORS.read_bytes() == compile_descriptors(), "run python -m boxwright.protos.compile"


def test_classes_by_attribute():
    config = protos.TrainEvalPipelineConfig()
    config.model.ssd.num_classes = 3
    assert isinstance(config.model, protos.DetectionModel)
    assert protos.message("TrainEvalPipelineConfig") is protos.TrainEvalPipelineConfig
    assert protos.message("CenterNet.ObjectDetection")().task_loss_weight == 1.0
    assert protos.ResizeType.Name(3) == "AREA"
    assert protos.enum("Hyperparams.Activation").Value("RELU_6") == 2
    with pytest.raises(AttributeError, match="NoSuchMessage"):
        protos.NoSuchMessage  # noqa: B018


def test_defaults_that_decide():
    assert protos.InputReader().shuffle and protos.InputReader().max_number_of_boxes == 100
    assert protos.TrainConfig().fine_tune_checkpoint_version == protos.CheckpointVersion.Value("V1")
    assert protos.Optimizer().use_moving_average
    assert protos.BatchNorm().epsilon == pytest.approx(0.001)


def test_default_pool_stays_free():
    protos.pool()
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("object_detection.protos.TrainEvalPipelineConfig")


def test_example_has_the_wire_format_of_tf_example():
    example = protos.Example()
    example.features.feature["k"].int64_list.value.extend([1, 300])
    # Field 1 (features), field 1 (map entry), key "k", value with field 3 (int64_list), field 1 packed: 1, 300.
    assert example.SerializeToString() == bytes.fromhex("0a0e 0a0c 0a016b 1207 1a05 0a03 01ac02")


def test_import_is_fast_and_without_tensorflow():
    code = (
        "import sys, time; start = time.perf_counter(); from boxwright import protos; protos.TrainEvalPipelineConfig();"
        "print('tensorflow' in sys.modules, time.perf_counter() - start)"
    )
    loaded, seconds = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert loaded == "False"
    assert float(seconds) < 1.0, "about 0.06 s on an idle machine"
