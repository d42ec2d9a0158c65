"""Mutants of label maps, as text and in binary. Independent reading: protobuf with the schema alone."""

import unicodedata
from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from hypothesis import strategies as st

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.dataset import label_map
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import NUMBERS, ODD_TEXT, mutants, varint

# Protobuf's parser of text warns of odd escapes.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")

_TEXTS = [
    'item { id: 1 name: "cat" }\nitem { id: 2 name: "dog" display_name: "the dog" }\n',
    "# classes\nitem {\n  name: '/m/01g317'\n  id: 3\n  display_name: 'person'\n}\nitem: <id: 7, name: 'b' 'us';>\n",
    "\ufeffitem{id:1 display_name:'猫'} item{id:2 name:\"\\347\\214\\252\" keypoints{id:1 label:'tail'}}",
]
_BINARY = [text_format.Parse(text.lstrip("\ufeff"), protos.StringIntLabelMap()).SerializeToString() for text in _TEXTS]
SEEDS = [text.encode() for text in _TEXTS]
WORDS = [
    *("item {", "}", "id: ", "name: ", "display_name: ", "keypoints {", "ancestor_ids: ", "frequency: COMMON", "# "),
    *('"', "'", "\\x", "\\u00e9", "\\ud800", "<", ">", "[", "]", "[a.b/c.d] {", "item { " * 200, "id: 1 id: 2"),
]

_name = st.sampled_from(
    ['"cat"', "'b' 'us'", *[f'"{text}"' for text in ODD_TEXT], '"\\001\\377"', "cat", '"' + "n" * 999 + '"']
)
_item = st.builds(
    "item {{ {} id: {} name: {} {} }}".format,
    st.sampled_from(["", "display_name: 'x'", "keypoints { id: -1 }", "frequency: 9", "exclude: true", "id: 5"]),
    st.sampled_from(["1", "2", "3", "100000", "100001", *NUMBERS]),
    _name,
    st.sampled_from(["", "display_name: 'y'", "instance_count: -1", "hidden_from: 'z'", ","]),
)
_written = st.lists(_item, max_size=6).map(lambda items: "\n".join(items).encode())
_packed_item = st.builds(
    lambda number, name, wire: b"".join([b"\x0a", varint(len(name)), name, bytes([wire]), varint(number)]),
    st.sampled_from([0, 1, 2, 100_000, 100_001, 2**31, 2**63, 2**64 - 1]),
    st.sampled_from([b"cat", b"dog", b"", b"\xff", "猫".encode(), b" cat "]),
    st.sampled_from([0x10, 0x10, 0x10, 0x15, 0x18]),
)
_packed = st.lists(_packed_item, max_size=6).map(
    lambda items: b"".join(b"\x0a" + varint(len(item)) + item for item in items)
)


def _independent(data: bytes) -> list[tuple[str, int]] | None:
    """The names (in one form) and ids as protobuf reads them; None if it reads neither text nor binary."""
    message = protos.StringIntLabelMap()
    try:
        text_format.Parse(data.removeprefix(b"\xef\xbb\xbf").decode(), message)
    except (UnicodeDecodeError, text_format.ParseError):
        try:
            message = protos.StringIntLabelMap.FromString(data)
        except DecodeError:
            return None
    return [(_letters(item.name) or _letters(item.display_name), item.id) for item in message.item]


def _letters(name: str | bytes) -> str:
    """What two forms of one name have in common; protobuf gives bytes that are not UTF-8 as they are."""
    if isinstance(name, bytes):
        return repr(name)
    shown = [one for one in unicodedata.normalize("NFC", name) if unicodedata.category(one)[0] not in "CZ"]
    return "".join(shown)


@fuzz(mutants(SEEDS, words=WORDS, text=True) | _written | mutants(_BINARY) | _packed)
def test_label_map(data: bytes, tmp_path: Path) -> None:
    """Every class has the id that protobuf reads, or one error tells what is wrong."""
    path = tmp_path / "label_map.pbtxt"
    path.write_bytes(data)
    got = told(label_map.read, path)
    other = _independent(data)
    if isinstance(got, UserError):
        assert label_map.beside(tmp_path / "model.ckpt") == path  # so that the error is told before a training
        told(label_map.of_checkpoint, tmp_path / "model.ckpt")
        return
    assert other is not None, "read, although protobuf reads nothing"
    assert {number: _letters(name) for name, number in got.items()} == {number: name for name, number in other}
    assert len(got) == len(other) and list(got.values()) == sorted(got.values())
    assert min(got.values()) >= 1 and max(got.values()) <= label_map.LARGEST_ID
    path.write_text(label_map.to_text(got), encoding="utf-8")
    assert label_map.read(path) == got, "what is written is not what was read"


def test_seeds_are_read(tmp_path: Path) -> None:
    """The seeds give their classes, so that the mutants of them come near."""
    path = tmp_path / "label_map.pbtxt"
    for data in (*SEEDS, *_BINARY):
        path.write_bytes(data)
        assert len(label_map.read(path)) == 2
