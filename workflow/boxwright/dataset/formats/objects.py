"""Collects the objects of one image while a file is read, so that none is passed over without a word."""

from boxwright.dataset.samples import IGNORE, Box
from boxwright.dataset.stated import UNKNOWN, Corners
from boxwright.dataset.statements import PIXELS, Statement


class Objects:
    """The objects of an image in the order of the file, each with its place in it ("line 3")."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []
        self._places: list[str] = []

    def __len__(self) -> int:
        return len(self._boxes)

    def add(
        self,
        place: str,
        name: str,
        corners: Corners,
        shape: str = "",
        *,
        difficult: bool = False,
        truncated: bool = False,
        flags: tuple[str, ...] = (),
    ) -> None:
        """An object with a box; `shape` is what it has in place of one, `flags` are those of `samples`."""
        self._boxes.append(Box(name, *corners, difficult, truncated, shape=shape, flags=" ".join(sorted(flags))))
        self._places.append(place)

    def boxless(self, place: str, name: str, shape: str) -> None:
        """An object that has no rectangle of its own; `shape` is one of `samples.NOT_BOXES`."""
        self.add(place, name, UNKNOWN, shape)

    def region(self, place: str, corners: Corners, name: str = "") -> None:
        """An ignore region: objects in it, of one class or any, are neither learned nor counted."""
        self.add(place, name, corners, flags=(IGNORE,))

    def statement(
        self,
        image: str,
        width: int = 0,
        height: int = 0,
        *,
        unit: str = PIXELS,
        folders: tuple[str, ...] = (),
        other_image: str = "",
        split: str = "",
        marks: tuple[str, ...] = (),
    ) -> Statement:
        """What the file says about the image; the other fields are those of `Statement`."""
        return Statement(
            image,
            width,
            height,
            tuple(self._boxes),
            unit,
            folders,
            other_image,
            split,
            marks=marks,
            places=tuple(self._places) if any(self._places) else (),
        )
