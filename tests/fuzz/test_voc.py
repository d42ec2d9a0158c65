"""Mutants of Pascal VOC annotations, with document types and entities. Independent reading: expat."""

import codecs
import math
import re
from xml.etree import ElementTree

from hypothesis import strategies as st

from boxwright.core.errors import UserError
from boxwright.dataset import annotation_facts
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import POLYGON, ROTATED
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import NUMBERS, ODD_TEXT, mutants

_OBJECT = (
    "<object><name>{name}</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"
    "<bndbox><xmin>{number}</xmin><ymin>6</ymin><xmax>40</xmax><ymax>30.5</ymax></bndbox></object>"
)
_POLYGON = (
    "<object><name>tree</name><deleted>0</deleted><polygon><pt><x>1</x><y>2</y></pt><pt><x>30</x><y>4</y></pt>"
    "<pt><x>9</x><y>40</y></pt></polygon></object><object><name>bus</name><robndbox><cx>20</cx><cy>20</cy><w>10</w>"
    "<h>4</h><angle>0.5</angle></robndbox></object><object><name>van</name><bndbox><x1>1</x1><y1>2</y1><x2>9</x2>"
    "<y2>3</y2><x3>8</x3><y3>12</y3></bndbox></object>"
)
_DEEPER = (
    "<objects>{one}{one}</objects><item><name>ape</name>{frame}</item><object><name>cow</name>{frame}{frame}</object>"
    "<object><name>dog</name><part><name>head</name>{frame}</part>{frame}</object>"
).format(
    one=_OBJECT.format(name="ant", number=8),
    frame="<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>",
)
_DOCUMENT = (
    "{head}<annotation{attribute}><folder>images</folder><filename>{file}</filename><path>/home/me/images/a.jpg</path>"
    "<source><database>Unknown</database></source><size><width>64</width><height>48</height><depth>3</depth></size>"
    "<segmented>0</segmented>{objects}</annotation>\n{tail}"
)
_HEADS = (
    "",
    '<?xml version="1.0"?>\n',
    '<?xml version="1.0" encoding="utf-8"?>\n',
    '<?xml version="1.1" encoding="latin-1" standalone="yes"?>',
    "<!DOCTYPE annotation>",
    '<!DOCTYPE annotation SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE annotation PUBLIC "-//x" "http://127.0.0.1:9/x.dtd" [<!ENTITY c "cat">]>',
    '<!DOCTYPE annotation [<!ENTITY c "cat"><!ENTITY n "4"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>',
    '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY c "c<b/>at">]>',
    '<!DOCTYPE annotation [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY c "&#99;at">]>',
    '<!DOCTYPE annotation [<!ELEMENT annotation ANY><!ATTLIST annotation verified CDATA "yes"><!ENTITY c "&c;">]>',
    '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {one} "{f"&{other};" * 10}">' for other, one in zip("abcdefgh", "bcdefghc", strict=True))
    + "]>",
)
_NAMES = (
    "cat",
    "&c;",
    "c&d;t",
    "&h;",
    "ca<!-- x -->t",
    "<![CDATA[ca<t]]>",
    "ca<?pi x?>t",
    "&#x63;at",
    "a\r\n b",
    "&x;",
)
_FRAMES = ("bndbox", "robndbox", "polygon")
_PART = ElementTree.Element("part")
_TAILS = ("", "<!-- end -->", "<annotation/>", "\0", "x", "<?pi?>")


def _document(head: str, attribute: str, file: str, objects: list[str], tail: str) -> str:
    return _DOCUMENT.format(head=head, attribute=attribute, file=file, objects="".join(objects), tail=tail)


_text = st.sampled_from([*_NAMES, *ODD_TEXT, *NUMBERS])
_objects = st.builds(
    _OBJECT.format, name=_text, number=st.sampled_from(["8", "&n;", "8<!-- x -->0", *NUMBERS])
) | st.just(_POLYGON)
_written = st.builds(
    _document,
    st.sampled_from(_HEADS),
    st.sampled_from(["", ' verified="yes"', ' a="1" a="2"', ' xmlns="http://x"', " x:y='&c;'", ' xmlns:x="y" x:z="1"']),
    _text,
    st.lists(_objects, max_size=3),
    st.sampled_from(_TAILS),
)
_encoded = st.builds(
    lambda text, encoding: text.encode(encoding, "replace"),
    _written,
    st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32", "cp037"]),
)

SEEDS = [
    *(
        _document(head, "", "a.jpg", [_OBJECT.format(name=name, number=8), more], "").encode()
        for head, name in zip(_HEADS, (*_NAMES, *_NAMES), strict=False)
        for more in ("", _POLYGON, _DEEPER)
    ),
    _document("", "", "a.jpg", [_OBJECT.format(name="a\r\n b", number=8)], "").encode(),
]
WORDS = [
    *("<!DOCTYPE x [", "<!ENTITY c '", "]>", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "&c;", "&#0;", "&#xD800;"),
    *("<object>", "</object>", "<bndbox>", "<name>", "<polygon>", "<robndbox>", "<size>", "<annotation>", "xmlns='x'"),
    *(
        "<deleted>1</deleted>",
        "<objects>",
        "</objects>",
        "<part>",
        "</part>",
        "</bndbox>",
        "<bndbox><xmin>3</xmin></bndbox>",
        "<xi:include href='/etc/passwd'/>",
        "<x:y>",
        "<a>" * 300,
        "encoding='",
        "SYSTEM '",
    ),
]


def _contradicts_itself(data: bytes) -> bool:
    """Whether expat may read another encoding: it does not know UTF-32, and believes the declaration.

    libxml2 believes the first bytes.
    """
    declared = b"encod" in data.replace(b"\0", b"")
    return b"\0\0" in data[:8] or (declared and (data.startswith(codecs.BOM_UTF8) or b"\0" in data))


def _stops_at_a_letter(error: Exception, data: bytes) -> bool:
    """Whether expat stops at a character beyond ASCII.

    Its names are those of XML's fourth edition; the fifth, which libxml2 follows, allows nearly all characters in them.
    """
    line, column = getattr(error, "position", (0, 0))
    lines = re.split("\r\n|\r|\n", data.decode("utf-8", "replace"))
    return 0 < line <= len(lines) and lines[line - 1][column : column + 1] > "\x7f"


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _number(element: ElementTree.Element | None, tag: str) -> float:
    try:
        return float(_text_of(element, tag))
    except ValueError:
        return math.nan


def _text_of(element: ElementTree.Element | None, tag: str) -> str:
    found = None if element is None else element.find(tag)
    return "" if found is None else (found.text or "").strip()


@fuzz(mutants(SEEDS, words=WORDS, text=True) | _encoded)
def test_voc(data: bytes) -> None:
    """Expat reads the same boxes, or refuses the file too.

    What libxml2 alone refuses is named: entities, depth, and what XML forbids and expat lets pass (undeclared prefixes,
    other encodings and versions, a zero, a fragment in the address of an entity).
    """
    got = told(voc.read, data)
    line = annotation_facts.line(data, "voc")
    (kept,) = annotation_facts.said([line.partition("\t")[2]])
    if _contradicts_itself(data):
        return
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        excused = "encoding" in str(error) or _stops_at_a_letter(error, data)
        assert isinstance(got, UserError) or excused, f"read, although {error}"
        return
    if isinstance(got, UserError):
        assert isinstance(kept, str)
        assert root.tag != "annotation" or re.search(
            "(?i)entit|excessive|namespace|encoding|huge|version|0x0|fragment", str(got)
        ), got
        return
    (statement,) = got.statements
    assert repr(kept[0].statement()) == repr(statement)  # as text, in which nan equals nan
    assert statement.image == _text_of(root, "filename")
    for side, stated in (("width", statement.width), ("height", statement.height)):
        number = _number(root.find("size"), side)
        assert stated == (int(number) if 0 < number < 2**31 else 0)
    objects = [one for one in _objects(root) if not _is_deleted(one[0])]
    counts = [max([1, *(sum(frame.tag == tag for frame in frames) for tag in _FRAMES[:2])]) for _, frames in objects]
    assert len(statement.boxes) == sum(counts)
    if any(count > 1 for count in counts):
        return
    for (one, frames), box in zip(objects, statement.boxes, strict=True):
        assert box.class_name == _text_of(one, "name")
        assert box.difficult == (_text_of(one, "difficult").lower() in ("1", "true", "yes"))
        if box.shape not in (POLYGON, ROTATED):
            frame = next((frame for frame in frames if frame.tag == "bndbox"), None)
            stated = [_number(frame, tag) for tag in ("xmin", "ymin", "xmax", "ymax")]
            assert all(map(_same, stated, box.corners))


def _is_deleted(element: ElementTree.Element) -> bool:
    return _text_of(element, "deleted").lower() in ("1", "true", "yes")


def _objects(root: ElementTree.Element) -> list[tuple[ElementTree.Element, list[ElementTree.Element]]]:
    """All objects and what else holds a frame, each with its frames, in the order of the file."""
    found: dict[int, tuple[ElementTree.Element, list[ElementTree.Element]]] = {}

    def walk(element: ElementTree.Element, parent: ElementTree.Element, item: ElementTree.Element | None) -> None:
        if element.tag == "object":
            found[id(element)] = element, []
        elif element.tag in _FRAMES and item is not _PART:
            owner = parent if item is None else item
            found.setdefault(id(owner), (owner, []))[1].append(element)
        inside = {"object": element, "part": _PART}.get(element.tag, item)
        for child in element:
            walk(child, element, inside)

    walk(root, root, None)
    return list(found.values())


def test_seeds_are_read() -> None:
    """The plainest seed gives its boxes, so that the mutants of it come near."""
    (statement,) = voc.read(SEEDS[0]).statements
    assert [box.class_name for box in statement.boxes] == ["cat"]
    (statement,) = voc.read(SEEDS[1]).statements
    assert [box.class_name for box in statement.boxes] == ["cat", "tree", "bus", "van"]
    (statement,) = voc.read(SEEDS[2]).statements
    assert [box.class_name for box in statement.boxes] == ["cat", "ant", "ant", "ape", "cow", "cow", "dog"]
    (statement,) = voc.read(SEEDS[-1]).statements
    assert [box.class_name for box in statement.boxes] == ["a\n b"]
