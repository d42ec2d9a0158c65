"""The words by which tools call the sides of a split, in annotations and in names of files and folders."""

import re
from functools import lru_cache

# The sides as `split` calls them.
_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "eval", "evaluation", "dev"), "eval"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
# Words in a name: letters, with digits and other signs between them ("instances_val2017.json").
_LETTERS = re.compile(r"[a-z]+")


@lru_cache(maxsize=4096)
def of_word(word: str) -> str:
    """The side that a word means, as annotations state it; "" if it means none."""
    return _WORDS.get(word.strip().lower(), "")


@lru_cache(maxsize=4096)
def of_path(path: str) -> str:
    """The side that a path tells by the name of the file, else of the innermost folder that tells one; else ""."""
    *folders, name = path.lower().replace("\\", "/").split("/")
    for part in (name.rpartition(".")[0] or name, *reversed(folders)):
        found = {_WORDS[word] for word in _LETTERS.findall(part) if word in _WORDS}
        if len(found) == 1:
            return found.pop()
    return ""
