"""Helpers for the text of messages: shortened lists, spelling suggestions, numbers with their nouns.

What a result shows takes `few` and `plural` from `counts`: this module is in no code identity.
"""

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from boxwright.core.counts import few as few
from boxwright.core.counts import plural as plural

# Unicode's categories of control characters and of halves of surrogate pairs.
_UNFIT = ("Cc", "Cs")


def shortened(text: str, limit: int = 300) -> str:
    """A text from outside, such as a word of a damaged file, without its middle if it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"


def printable(text: object) -> str:
    """A text for a terminal, with control characters and halves of surrogate pairs escaped ("\\x1b").

    Words of files from others are in messages, and must not move the cursor, hide what was printed or rename a window.
    """
    kinds = ((one, unicodedata.category(one)) for one in str(text))
    return "".join([ascii(one)[1:-1] if kind in _UNFIT and one not in "\n\t" else one for one, kind in kinds])


def a(noun: str) -> str:
    """A noun with its article, which goes by the sound: "a frozen graph", "an ONNX model"."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def without_a_box(count: int, noun: str = "image", where: str = "") -> str:
    """That none of so many images has a box, a clause. where: words behind them, as " in photos"."""
    if count == 1:
        return f"The only {noun}{where} has no box"
    return f"None of the {count} {noun}s{where} has a box"


def either(words: Sequence[str]) -> str:
    """Alternatives in words: "a", "a or b", "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def steps_in_words(steps: Sequence[int], limit: int = 8) -> str:
    """Steps with their noun: "step 10", "steps 10, 20 and 30", "steps 1, 2 and 98 more"."""
    texts = [str(step) for step in steps]
    if len(texts) > limit:
        return f"steps {few(texts, limit)}"
    *others, last = texts
    return f"steps {', '.join(others)} and {last}" if others else f"step {last}"


def from_here(path: str | Path) -> str:
    """A path from the working folder if it is below, else as it is given."""
    return str(Path(path).relative_to(Path.cwd()) if Path(path).is_relative_to(Path.cwd()) else path)


def command(*words: object) -> str:
    """A command of boxwright as it can be typed here: ".venv/bin/boxwright run --configfile 'my images.yaml'".

    words: its name, options and values; they are quoted where the shell needs it. The program is the one beside this
    Python; if there is none, as in an environment of conda, the one that `make env` installs.
    """
    program = Path(sys.executable).with_name("boxwright")
    if not shutil.which(program):
        program = Path(".venv", "Scripts" if os.name == "nt" else "bin", "boxwright")
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return join([from_here(program), *map(str, words)])


def after_colon(sentence: str) -> str:
    """A sentence that follows a colon, which begins with a small letter unless its first word is a name."""
    return re.sub(r"^(An?|No|None|The|There|This)\b", lambda found: found[0].lower(), sentence)


def nearest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` probably misspells, or writes in other case; None if none is close enough.

    Of words that are about as close, one of the same letters is meant: two of them are swapped.
    """
    known = list(known)
    for fold in (str, str.casefold):
        wanted, folded = fold(str(word)), {fold(one): one for one in known}
        if found := difflib.get_close_matches(wanted, folded, n=3, cutoff=cutoff):
            return folded[next((one for one in found if sorted(one) == sorted(wanted)), found[0])]
    return None


def did_you_mean(word: object, known: Iterable[str], cutoff: float = 0.6, quote: str = "`") -> str:
    """A clause about an unknown word: "did you mean `x`?", or the list of all known words.

    The word that is meant may be a part of it, as `voc` of "pascal_voc".
    """
    known = list(known)
    parts = re.split(r"[\W_]+", str(word).lower())
    near = nearest(word, known, cutoff) or next((one for one in known if one.lower() in parts), None)
    return f"did you mean {quote}{near}{quote}?" if near else f"known are {', '.join(known)}"
