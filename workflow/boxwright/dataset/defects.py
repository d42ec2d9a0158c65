"""The table of all defects that the checks report: what each means, its policies, and what to do about it.

The policies: `fix` repairs what can be repaired, `drop_box` and `drop_image` leave the box or the image out, `ignore`
makes the box an ignore region, `keep` uses it as it is, `fail` stops before anything is written. checks.tsv lists each
case, whatever its policy.

A box that is dropped because something is wrong with it is an ignore region too, where its place is known: an object is
likely there, so it must not be learned as background.
"""

from collections.abc import Mapping
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.wording import did_you_mean, nearest

FIX, DROP_BOX, DROP_IMAGE, IGNORE, KEEP, FAIL = "fix", "drop_box", "drop_image", "ignore", "keep", "fail"
# In place of a policy that the user did not set and that depends on the number of cases (`Defect.few`).
BY_NUMBER = "by_number"
# The defect of annotations in which a tool's fault has left a trace.
ODD = "annotation_odd"
# That of images which annotations name although nobody has annotated them.
UNLABELLED = "image_unlabelled"


class Defect(NamedTuple):
    """meaning: a clause for the terminal; policies: the allowed ones, default first; advice: what the user can do,
    empty if nothing.

    few: a number of files and a share of all files; where the cases are more than both, the default is `fail` instead.
    remedy: what is left of the advice where there is no configuration; None for all of it. What stands in brackets at
    the end of `meaning` is what is done where the policy is `fix` or `keep`.
    """

    meaning: str
    policies: tuple[str, ...]
    advice: str
    few: tuple[int, float] | None = None
    remedy: str | None = None

    def what_to_do(self, adjustable: bool = True) -> str:
        """The advice, where there is a configuration whose keys can be set, and where there is none."""
        return self.advice if adjustable or self.remedy is None else self.remedy

    def told(self, action: str = "") -> str:
        """The meaning in a case with this action, or with the default: what is not done is not said."""
        action = action or self.policies[0]
        return self.meaning if action in (FIX, KEEP) else self.meaning.partition(" (")[0]


DEFECTS: dict[str, Defect] = {
    # the image file
    "image_unreadable": Defect(
        "the image cannot be decoded", (DROP_IMAGE, FAIL), "replace the file with a readable JPEG or PNG"
    ),
    "image_not_fetched": Defect(
        "the image is a pointer of Git LFS, not the image itself",
        (DROP_IMAGE, FAIL),
        "run `git lfs pull` in the repository that the images come from",
    ),
    "image_truncated": Defect(
        "the image file is empty or ends early", (DROP_IMAGE, FAIL), "copy or download the file again"
    ),
    "image_extension_lies": Defect(
        "the file extension does not match the content (the true format is used)",
        (FIX, DROP_IMAGE, FAIL),
        "rename the file",
    ),
    "image_format": Defect(
        "the image is neither JPEG nor PNG (written to the records as PNG)", (FIX, DROP_IMAGE, FAIL), ""
    ),
    "image_grayscale": Defect("the image is gray (decoded to three equal channels)", (KEEP, DROP_IMAGE, FAIL), ""),
    "image_cmyk": Defect(
        "the image is CMYK (converted to RGB)", (FIX, DROP_IMAGE, FAIL), "check that the colours are right"
    ),
    "image_16_bit": Defect(
        "the image has more than 8 bits per channel (the upper 8 are used)",
        (FIX, DROP_IMAGE, FAIL),
        "if its values use a smaller range, scale them to 8 bits yourself",
    ),
    "image_alpha": Defect("the image is transparent (composited on white)", (FIX, DROP_IMAGE, FAIL), ""),
    "image_huge": Defect(
        "the image has more pixels than `dataset.max_pixels`, or a longer side than decoders take",
        (DROP_IMAGE, FAIL),
        "scale it down, or for its number of pixels raise `dataset.max_pixels`",
        remedy="scale it down",
    ),
    "image_name": Defect(
        "the image's name cannot be written: it is not UTF-8 or has control characters",
        (DROP_IMAGE, FAIL),
        "rename the file and its annotation",
    ),
    # its orientation and size
    "exif_rotation": Defect(
        "EXIF says that the image is stored rotated (pixels and boxes are turned upright)",
        (FIX, DROP_IMAGE, FAIL),
        "",
    ),
    "exif_ambiguous": Defect(
        "EXIF rotates the image, and it is unclear whether its boxes are upright (they are read as in the images of "
        "the data set where it is clear, else as upright)",
        (KEEP, DROP_IMAGE, FAIL),
        "look at these images with their boxes",
    ),
    "exif_illegal": Defect(
        "the EXIF orientation is not a legal value (the image is used as stored)",
        (KEEP, DROP_IMAGE, FAIL),
        "remove the tag",
    ),
    "size_mismatch": Defect(
        "the size in the annotation is not the size of the image",
        (FIX, KEEP, DROP_IMAGE, FAIL),
        "look at these images with their boxes; `keep` takes the boxes as pixels of the image in any case",
        remedy="look at these images with their boxes",
    ),
    "boxes_normalised": Defect(
        "the boxes lie between 0 and 1, as shares of the image do, and the format has pixels",
        (DROP_IMAGE, FIX, KEEP, FAIL),
        "`fix` takes them as shares and scales them, `keep` takes them as pixels; or export the annotations in pixels",
        remedy="export the annotations in pixels",
    ),
    # the boxes
    "box_from_polygon": Defect(
        "the object has a polygon and no box (the rectangle around the polygon is used)",
        (FIX, DROP_BOX, DROP_IMAGE, FAIL),
        "",
    ),
    "box_rotated": Defect(
        "the object has a rotated box (the upright rectangle around it is used)",
        (FIX, DROP_BOX, DROP_IMAGE, FAIL),
        "draw upright boxes: those around slanted objects also hold much background",
    ),
    "box_from_mask": Defect(
        "the object has a mask, a circle or an ellipse and no box (the rectangle around it is used)",
        (FIX, DROP_BOX, DROP_IMAGE, FAIL),
        "",
    ),
    "object_not_a_box": Defect(
        "the object is drawn as points, a line or a cuboid, which is no box",
        (DROP_BOX, DROP_IMAGE, FAIL),
        "draw a box around it; an image that has only such objects is left out",
    ),
    "box_not_a_number": Defect(
        "a coordinate is missing or not a finite number",
        (DROP_IMAGE, DROP_BOX, FAIL),
        "draw the box again; with `drop_box` the object counts as background, since its place is unknown",
        remedy="draw the box again",
    ),
    "box_inverted": Defect(
        "xmin > xmax or ymin > ymax (its corners are swapped)",
        (DROP_BOX, FIX, DROP_IMAGE, FAIL),
        "draw the box again; `fix` swaps the corners",
        remedy="draw the box again",
    ),
    "box_zero_area": Defect("the box has no area", (DROP_BOX, DROP_IMAGE, FAIL), "draw the box again"),
    "box_outside": Defect(
        "the box extends beyond the image (clipped)", (FIX, DROP_BOX, DROP_IMAGE, FAIL), "draw the box again"
    ),
    "box_subpixel": Defect(
        "the box is less than one pixel wide or high", (DROP_BOX, KEEP, DROP_IMAGE, FAIL), "draw the box again"
    ),
    "box_twice": Defect(
        "two boxes of one class are in the same place, IoU over 0.95 (both are kept)",
        (DROP_BOX, KEEP, DROP_IMAGE, FAIL),
        "delete the worse one of the two",
    ),
    "box_of_two_classes": Defect(
        "two boxes of different classes are in the same place, IoU over 0.95 (both are kept)",
        (KEEP, DROP_IMAGE, FAIL),
        "if one class is wrong, remove its box",
    ),
    "box_difficult": Defect(
        "the box is marked as difficult (it counts like any other)",
        (KEEP, DROP_BOX, IGNORE),
        "`ignore` neither learns nor counts it, `drop_box` makes it background",
        remedy="",
    ),
    "box_ignored": Defect(
        "the box is marked as a crowd, as a group of objects or as a region to ignore (it counts like any other)",
        (IGNORE, KEEP, DROP_BOX),
        "`ignore` neither learns nor counts it, `keep` takes it as one object, `drop_box` makes it background",
        remedy="",
    ),
    "image_emptied": Defect(
        "no box of the image is left (it counts as an image without objects)",
        (DROP_IMAGE, KEEP, FAIL),
        "draw its boxes again",
    ),
    # the classes
    "class_missing": Defect(
        "an object has no name",
        (DROP_BOX, DROP_IMAGE, FAIL),
        'name the object; if all such objects are of one class, `dataset.classes.rename: {"": its name}` names them',
        remedy="name the object",
    ),
    "class_unknown": Defect(
        "the class is not in the given label map",
        (FAIL, DROP_BOX, DROP_IMAGE),
        "correct the name in the annotation, or add the class to the label map",
        remedy="correct the name in the annotation",
    ),
    "class_spelling": Defect(
        "a class name was normalised (Unicode NFC, single spaces, no invisible characters)",
        (FIX, FAIL),
        "correct the name in the annotations",
    ),
    "class_misspelt": Defect(
        "a rare class name is a letter or two away from a frequent one",
        (KEEP, FAIL),
        "if it is a mistake, correct the name in the annotation",
    ),
    "class_similar": Defect(
        "two class names differ only in case, spaces or punctuation",
        (KEEP, FAIL),
        "use one spelling if they are one class",
    ),
    "class_background": Defect(
        "a class is called background, which is also the detectors' name for places without an object",
        (FAIL, KEEP),
        "give it another name, or rename it in `dataset.classes.rename`; if its boxes are no objects, list it in "
        "`dataset.classes.ignore`",
        remedy="give it another name",
    ),
    "class_number": Defect(
        "a class is a number whose name is in no file",
        (FAIL, KEEP),
        "put the file with the names beside the annotations, or correct it where it cannot be read, or give names in "
        "`dataset.classes.rename`; `keep` takes the number as the name",
        remedy="put the file with the names beside the annotations, or correct it where it cannot be read",
    ),
    # the annotation file as a whole
    "object_without_image": Defect(
        "an object refers to an image that the annotation does not have",
        (DROP_BOX, FAIL),
        "export the annotations again",
    ),
    "object_superseded": Defect(
        "objects belong to an annotation that another one of the same image replaces, so they do not count",
        (DROP_BOX, FAIL),
        "",
    ),
    UNLABELLED: Defect(
        "the annotation names an image that nobody has annotated yet",
        (DROP_IMAGE, FAIL),
        "annotate it, and export again; with `image_without_annotation: keep` such images have no objects",
        remedy="annotate it, and export again",
    ),
    "class_attribute": Defect(
        "regions have several attributes, and the most likely one is taken as the class",
        (KEEP, FAIL),
        "look at the classes; if the attribute is the wrong one, name the right one `class` and export again",
    ),
    ODD: Defect(
        "the annotation shows traces of a fault in the tool that wrote it",
        (KEEP, FAIL),
        "compare it with what the tool shows",
    ),
    # which image belongs to which annotation
    "image_without_annotation": Defect(
        "no annotation belongs to the image",
        (DROP_IMAGE, KEEP, FAIL),
        "annotate it; `keep` takes it as an image without objects",
        remedy="annotate it",
    ),
    "annotation_without_image": Defect(
        "no image belongs to the annotation", (DROP_IMAGE, FAIL), "add the image, or correct the name in the annotation"
    ),
    "annotation_malformed": Defect(
        "the annotation cannot be parsed", (DROP_IMAGE, FAIL), "repair or redo the annotation"
    ),
    "annotation_foreign": Defect(
        "the annotation is in another format than the one that is read",
        (DROP_IMAGE, FAIL),
        "name its format in `dataset.format`, or each of several in `dataset.sources`; if docs/formats.md does not "
        "have it, export the annotations in one that it has",
        remedy="export the annotations in a format that docs/formats.md has",
    ),
    "annotation_not_fetched": Defect(
        "the annotation is a pointer of Git LFS, not the annotation itself",
        (DROP_IMAGE, FAIL),
        "run `git lfs pull` in the repository that the annotations come from",
    ),
    "annotation_names_another": Defect(
        "the annotation has the file name of one image and states the name of another (its file name decides)",
        (KEEP, DROP_IMAGE, FAIL),
        "look at these images with their boxes: `keep` is right if images and annotations were renamed together; "
        "otherwise give each annotation file the name of its image",
        few=(2, 0.02),
        remedy="look at these images with their boxes; if the boxes are those of others, give each annotation file the "
        "name of its image",
    ),
    "annotation_stale_name": Defect(
        "the annotation states the name of an image that does not exist (another name that it has decides)",
        (KEEP, DROP_IMAGE, FAIL),
        "correct the stated name, unless images and annotations were renamed together",
    ),
    "annotation_contradiction": Defect(
        "the annotation's name, place, stated size and stated path are those of different images (the first decides)",
        (KEEP, DROP_IMAGE, FAIL),
        "look at these images with their boxes",
    ),
    "annotation_ambiguous": Defect(
        "several images have the name that the annotation states",
        (FAIL, DROP_IMAGE),
        "list the folders that go together in the same order, `images: [a/images, b/images]` and "
        "`annotations: [a/xml, b/xml]`; or arrange annotations in the same folders as images, or give the images "
        "different names",
        remedy="arrange annotations in the same folders as images, or give the images different names",
    ),
    "annotation_twice": Defect(
        "several annotations belong to one image (the one with its file name is used)",
        (FIX, DROP_IMAGE, FAIL),
        "remove the wrong annotation, or correct the image that it names",
    ),
    "same_name": Defect(
        "another image has the same name in another folder or format",
        (KEEP, DROP_IMAGE, FAIL),
        "if they are the same image, delete one of them; `drop_image` keeps the first",
        remedy="if they are the same image, delete one of them",
    ),
    # the same image more than once
    "duplicate_same_boxes": Defect(
        "another image has the same bytes and the same boxes",
        (KEEP, DROP_IMAGE, FAIL),
        "remove one of them; `drop_image` keeps the first",
        remedy="remove one of them",
    ),
    "duplicate_other_boxes": Defect(
        "another image has the same bytes but different boxes",
        (KEEP, DROP_IMAGE, FAIL),
        "decide which annotation is right; `drop_image` keeps the first",
        remedy="decide which annotation is right",
    ),
    "duplicate_across_split": Defect(
        "the bytes of an image are also on another side of the split",
        (FAIL, DROP_IMAGE, KEEP),
        "remove one of them from its list; `drop_image` keeps the one that measures, or tests",
        remedy="remove one of them from its list",
    ),
    "near_duplicate_across_split": Defect(
        "an evaluation image shows the same picture as a training image, or a test image as one of either (encoded "
        "again, scaled, cropped, mirrored, captioned, or taken a moment apart), so the figures flatter the detector",
        (KEEP, DROP_IMAGE, FAIL),
        "put both on one side; `drop_image` leaves out the one that measures, or tests",
        remedy="put both on one side",
    ),
}


# Former names of defects, from when every annotation was an XML file.
ALIASES = {
    "image_without_xml": "image_without_annotation",
    "xml_without_image": "annotation_without_image",
    "xml_malformed": "annotation_malformed",
    "xml_ambiguous": "annotation_ambiguous",
    "xml_twice": "annotation_twice",
}


class Case(NamedTuple):
    """One case of a defect.

    file: path below the searched folder, with the image in brackets if the file is about several images. box: the box
    ("2: cat [1, 2, 30, 40]", counted from 1 in the order of the annotation), "" if the defect is not about a box.
    action: the policy that was applied. detail: the particulars, in a clause.
    """

    file: str
    box: str
    defect: str
    action: str
    detail: str


def policies(given: Mapping[str, str]) -> dict[str, str]:
    """The policy of every defect: the given one, else the default (`BY_NUMBER` where that depends on the number).

    `given` may use former names (`ALIASES`).

    Raises UserError with every unknown defect, every policy that is not allowed for its defect, and every defect that
    has different policies under its name and its former name.
    """
    mistakes = []
    chosen: dict[str, str] = {}
    for key, policy in given.items():
        name = ALIASES.get(key, key)
        if name not in DEFECTS:
            hint = did_you_mean(key, DEFECTS, cutoff=0.6)
            near = nearest(key, DEFECTS, cutoff=0.6)
            if near and policy not in DEFECTS[near].policies:
                hint += f" Its policies are {' | '.join(DEFECTS[near].policies)}, and not {policy}."
            mistakes.append(f"`dataset.policies.{key}` is not a defect; {hint}")
        elif policy not in DEFECTS[name].policies:
            allowed = " | ".join(DEFECTS[name].policies)
            mistakes.append(f"`dataset.policies.{key}` is {policy}; allowed: {allowed}.")
        elif chosen.setdefault(name, policy) != policy:
            former = next(alias for alias, meant in ALIASES.items() if meant == name)
            mistakes.append(
                f"`dataset.policies.{former}` is the former name of `{name}`, and their policies differ "
                f"({given[former]} and {given[name]}); keep only `{name}`."
            )
    if mistakes:
        raise UserError("`dataset.policies` has mistakes:\n" + "\n".join(f"  - {text}" for text in mistakes))
    return {name: chosen.get(name, BY_NUMBER if defect.few else defect.policies[0]) for name, defect in DEFECTS.items()}


def by_number(defect: str, policy: str, cases: int, files: int) -> str:
    """The policy of a defect that occurs `cases` times in so many files; `policy` is that of `policies`."""
    about = DEFECTS[defect]
    if policy != BY_NUMBER or about.few is None:
        return policy
    number, share = about.few
    return FAIL if cases > number and cases > share * files else about.policies[0]


def to_tsv(cases: list[Case]) -> bytes:
    """The table checks.tsv: a header line, then one line per case, sorted by file, box and defect."""
    lines = ["\t".join(Case._fields)]
    lines += ["\t".join(" ".join(cell.split()) for cell in row) for row in sorted(cases, key=order)]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def order(case: Case) -> tuple:
    """What cases are sorted by: file, number of the box, defect."""
    number = case.box.partition(":")[0]
    return case.file, int(number) if number else 0, case.defect, case.detail
