"""The sides of the split that a source states: in its annotations, in the names of its files and folders, in data.yaml.

Roboflow and Ultralytics have folders train, valid and test, COCO files such as `instances_val2017.json`, the tutorials
`train_labels.csv` and `test_labels.csv`, Open Images `validation-annotations-bbox.csv`, AutoML a column.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from boxwright.core.errors import UserError
from boxwright.dataset.side_words import of_path, of_word
from boxwright.dataset.split import EVAL, SIDES, TEST, TRAIN


def of_image(stated: Iterable[str], annotations: Iterable[str], image: str) -> str:
    """The side of an image: as stated for it, by its annotations' paths, by its own folders; "" if nothing tells it.

    annotations: the likeliest first. A path whose end tells nothing, as an image's own name does, ends with "/".
    """
    for word in stated:
        if side := of_word(word):
            return side
    paths = (*annotations, f"{image.rpartition('/')[0]}/")
    return next(filter(None, map(of_path, paths)), "")


def of_places(places: Mapping[str, Sequence[str]], image: str, listed: str) -> str:
    """The side of an image by the folders and lists of each side; "" if none has it, or two have.

    image: its path. listed: the path of a list that names it, "" if there is none. Places may be paths of another
    machine, or climb one folder too high, so only their ends count.
    """
    found = set()
    for word, of in places.items():
        for place in of:
            parts = [part for part in place.replace("\\", "/").lower().split("/") if part not in ("", ".", "..")]
            for path, wanted in ((f"/{listed.lower()}", True), (f"/{image.rpartition('/')[0].lower()}/", False)):
                end = "/".join(parts)
                if parts and (path.endswith(f"/{end}") if wanted else f"/{end}/" in path):
                    found.add(of_word(word))
    return found.pop() if len(found) == 1 else ""


def settled(sides: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The sides of all images by name, and a sentence about them.

    A source with training and test images alone means those to evaluate with, as in the tutorials. Raises UserError if
    there are not two sides.
    """
    counts = Counter(sides.values())
    renamed = counts[TEST] and not counts[EVAL]
    found = {name: EVAL if renamed and side == TEST else side for name, side in sides.items() if side}
    counts = Counter(found.values())
    if not (counts[TRAIN] and counts[EVAL]):
        there = " and ".join(f"{counts[side]} {side}" for side in SIDES if counts[side]) or "none"
        raise UserError(
            "`dataset.split.source` takes the split from the source, but the source does not state both sides "
            f"(images: {there}). Names of folders or files such as train and valid tell a side; without them remove "
            "`dataset.split.source`, and the split is drawn."
        )
    told = ", ".join(f"{counts[side]} {side}" for side in SIDES if counts[side])
    said = f"The split is the source's: {told}."
    return found, said + (" Its test images evaluate, since it has no others." if renamed else "")
