"""XML files of annotations, which may come from strangers: no other file is opened and nothing is fetched.

Entities that the file itself declares are expanded, within libxml2's limits.
"""

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
