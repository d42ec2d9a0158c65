"""XML files of annotations, which may come from strangers: no other file is opened and nothing is fetched.

Entities that the file itself declares are expanded, within libxml2's limits.
"""

import re

from lxml import etree

from boxwright.core.errors import UserError

# `collect_ids=False` would be faster, but makes libxml2 load external DTDs.
_PARSER = etree.XMLParser(
    resolve_entities="internal",
    no_network=True,
    load_dtd=False,
    remove_comments=True,
    remove_pis=True,
    remove_blank_text=True,
)
# A comment, a document type, or the name in a start tag.
_TAG = re.compile(rb"<!--.*?(?:-->|\Z)|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>|<([A-Za-z_][\w.:-]*)[\s/>]", re.DOTALL)


def seems(head: bytes, root: str, *within: str) -> bool:
    """Whether a file with this first part has that root, and in it one of some elements, if there are any in `within`.

    It may be in any encoding whose letters are those of ASCII.
    """
    head = head.replace(b"\0", b"")
    first = next((tag for tag in _TAG.finditer(head) if tag[1]), None)
    if first is None or first[1] != root.encode():
        return False
    return not within or re.search(rf"<(?:{'|'.join(within)})[\s/>]".encode(), head[first.end() :]) is not None


def parse(data: bytes) -> etree._Element:
    """The root of a document. Raises UserError with the reason if it is not well-formed or empty."""
    try:
        root = etree.fromstring(data, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        reason = " ".join(getattr(error, "msg", str(error)).split()).replace(" ,", ",")
        raise UserError(f"it is not well-formed XML: {reason}") from error
    if root is None:
        raise UserError("it is not well-formed XML: it has no root")
    return root
