"""The door for names from outside: classes, files and lines of lists, however they are encoded.

The same rules hold for all of them. A name is clean (`clean`) if it is in Unicode's form NFC, its white space is single
spaces, and it holds no character that cannot be seen or written. Two names are the same file, or are suspected to be
the same class, if they are equal without regard to case (`fold`).

Source: Unicode Standard Annex 15 (normalisation), The Unicode Standard, section 3.13 (case folding).
"""

import unicodedata
from functools import lru_cache

# Characters that show nothing, so that two names look alike: the soft hyphen, spaces without width, and marks of the
# direction of text. Joiners of letters stay, because Hindi and Persian are misspelt without them.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)


@lru_cache(maxsize=4096)
def clean(name: str) -> str:
    """A class name as it is used: NFC, each run of white space one space, none at the ends, nothing invisible.

    Control characters and halves of surrogate pairs, which no file in UTF-8 and no XML can hold, are left out.
    """
    return _form("".join([one for one in _form(name) if unicodedata.category(one) != "Cc" and not _forbidden(one)]))


def fold(name: str) -> str:
    """A name in the form that is compared: as `clean` makes it and without regard to case.

    What cannot be written stays, because files whose names differ in it are different files.
    """
    # the short way for most names
    return name.lower() if name.isascii() and " " not in name and name.isprintable() else _form(name).casefold()


def shown(name: str) -> str:
    """A file's name as it can be printed and written to UTF-8 and XML: what cannot be is escaped ("\\xff", "\\x01").

    Python keeps a byte of a file name that is not UTF-8 as half of a surrogate pair.
    """
    return "".join(map(_escaped, name)) if unwritable(name) else name


def unwritable(name: str) -> str:
    """Why a file's name cannot be written to records, tables and XML; "" if it can."""
    if name.isprintable():
        return ""
    if any(unicodedata.category(one) == "Cs" for one in name):
        return "its name is not UTF-8"
    return "its name has control characters" if any(map(_forbidden, name)) else ""


def _forbidden(one: str) -> bool:
    """Whether XML 1.0 forbids a character: control characters but tab and line ends, and two that are none."""
    return (one < " " and one not in "\t\n\r") or one in "\ufffe\uffff" or "\ud800" <= one <= "\udfff"


def _escaped(one: str) -> str:
    if not _forbidden(one):
        return one
    byte = ord(one) - 0xDC00 if "\udc80" <= one <= "\udcff" else ord(one)
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{byte:04x}"


def _form(name: str) -> str:
    if name.isascii() and name.isprintable() and "  " not in name and name[:1] != " " and name[-1:] != " ":
        return name
    return " ".join(unicodedata.normalize("NFC", name.translate(_INVISIBLE)).split())
