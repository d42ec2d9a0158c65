"""dlib's XML, as its tool imglab writes it: images with boxes, each with a label, in whole pixels.

A box that is marked as to be ignored is an ignore region. Parts (landmarks) belong to their box and are not read.
Source: dlib's documentation of image_dataset_metadata.
"""

from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import IGNORE, OCCLUDED
from boxwright.dataset.statements import Reading, Remark
from boxwright.dataset.xml_files import parse, seems


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the root of an XML file is `<dataset>`, with `<images>` in it."""
    return seems(head, "dataset", "images")


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image, also for those without a box."""
    root = parse(data)
    if root.tag != "dataset":
        raise UserError(f"it is not dlib's: its root is <{root.tag}>, not <dataset>")
    statements, mistakes = [], []
    for image in root.iterfind("images/image"):
        file = image.get("file", "").strip()
        if not file:
            mistakes.append(f"line {image.sourceline} has an image without its file")
        objects = Objects()
        for box in image.iterfind("box"):
            told = {flag: stated.flag(box.get(flag)) for flag in ("difficult", "truncated")}
            flags = tuple(flag for flag in (IGNORE, OCCLUDED) if stated.flag(box.get(flag)))
            values = [stated.number(box.get(key)) for key in ("left", "top", "width", "height")]
            name = stated.name(box.findtext("label"))
            objects.add(f"line {box.sourceline}", name, stated.from_size(*values), flags=flags, **told)
        size = (stated.size(image.get("width")), stated.size(image.get("height")))
        statements.append(objects.statement(file, *size))
    stated.refuse(mistakes)
    if not statements:
        raise UserError("it has no images")
    astray = sum(1 for _ in root.iter("box")) - sum(len(one.boxes) for one in statements)
    said = f"{plural(astray, 'box is', 'boxes are')} outside of <images> and their <image>"
    return Reading(statements, [Remark("object_without_image", said, objects=astray)] if astray else ())
