"""The plan of a data set: which image becomes which record, and an identity for every file that will be written.

`make` is called each time a run is planned. If nothing changed, it only checks every file's size and times and loads
the existing plan. Otherwise it reads the changed files, decides again and writes the results that differ. All files of
a plan lie in `plan/` below the data folder:

    plan.json             identities, classes, counts, summary
    across_split.tsv      the evaluation images that show the same as a training image, and that image; if there are any
    checks.tsv import.tsv split.tsv label_map.pbtxt train-*.jsonl eval-*.jsonl test-*.jsonl  from which rules make files
    facts.txt             the facts of each file, so that it is read once (`memory`)
    contents.txt          what is further known of each image's content, so that it is computed once (`contents`)
    near_duplicates.tsv   the pairs of near-duplicates that were found last (`near_duplicates`)
    sides.tsv             the side of every sample that was ever drawn (`split_history`)
    sides_of_lists.tsv    the same where only the test side is drawn, from a list for evaluation
    stamp.json            what the plan was made from (`plan_folder`)
    written/              of records that are to be written anew, what they were written from (`changes`)

An identity is a hash of what the bytes of a result depend on: no file times, no locations, no order of keys.
"""

import contextlib
import gc
import hashlib
import importlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxwright.console.progress import say
from boxwright.core import code, files, hashing, pointers
from boxwright.core.errors import UserError
from boxwright.dataset import (
    changes,
    contents,
    defects,
    gate,
    grouping,
    label_map,
    meant,
    memory,
    near_duplicates,
    scan,
    sources,
    split_history,
    stated_ids,
    summary,
)
from boxwright.dataset.checks import Checker
from boxwright.dataset.class_rules import ClassRules
from boxwright.dataset.decide import Decision, Found, Split, decide
from boxwright.dataset.plan_folder import PlanFolder
from boxwright.dataset.samples import NO_BOXES, PlannedSample, boxes_from_json
from boxwright.dataset.split import EVAL, SIDES, TEST, TRAIN
from boxwright.images import loader

ACROSS_SPLIT = "across_split.tsv"
# Imported only where records are used as they are.
_GIVEN = "boxwright.dataset.given_records"


class TooLittleError(UserError):
    """A side of the split has no objects, so there is nothing to train on, or to measure with."""


@dataclass(frozen=True)
class Plan:
    """The plan of a data set.

    identities: of "checks", "import", "split", "label_map", each shard ("train-00000-of-00004", ...) and, if there is
    one, "across_split". classes: id by name.
    counts: numbers of images, boxes and classes of each side, and of files found and left out. summary: text for the
    terminal.
    """

    identities: dict[str, str]
    classes: dict[str, int]
    counts: dict[str, Any]
    summary: str

    @property
    def num_classes(self) -> int:
        """The number of classes that a detector needs: the last id, because it has a column for each id up to it."""
        return max(self.classes.values())


def load(data_dir: str | os.PathLike) -> Plan:
    """The plan that `make` wrote last, without looking at the data set. Raises UserError if there is none."""
    path = Path(data_dir) / "plan" / "plan.json"
    try:
        return Plan(**files.parse_json(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"The plan of the data set, {path}, is missing or damaged ({error}). The workflow makes it at its start; "
            "start the workflow from the same folder."
        ) from error


def make(
    dataset: Mapping[str, Any], data_dir: str | os.PathLike, *, write: bool = True, results: str | None = None
) -> Plan:
    """Plan a data set, given as the configuration's `dataset` with every default filled in.

    If `write` is false, or `data_dir` is not writable, the plan is made but not saved. Nothing in `results`, or in
    other folders with results, becomes a sample, nor an image on which we drew boxes; a sentence says so.

    Raises one UserError with all mistakes of a kind: missing folders or lists, policies that are not allowed, defects
    whose policy is `fail` (data_dir/checks.tsv then has the table of all defects), no image left on one of the sides.
    """
    planner = _Planner(dataset, Path(data_dir), write, results)
    plan = _held(planner) or _anew(planner)
    if passed := gate.passed_over(planner.images, planner.annotations, plan.counts["drawn"]):
        say(passed)
    return plan


def _held(planner: "_Planner") -> Plan | None:
    """The plan in the folder, if it was made from exactly what there is now."""
    if planner.folder.holds(planner.stamp):
        with contextlib.suppress(UserError):
            return load(planner.data_dir)
    return None


def _anew(planner: "_Planner") -> Plan:
    # Planning makes millions of small objects without cycles; looking for cycles would take a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return planner.new()
    finally:
        if collecting:
            gc.enable()


class _Planner:
    def __init__(self, dataset: Mapping[str, Any], data_dir: Path, write: bool, results: str | None) -> None:
        self.dataset, self.data_dir, self.results = dataset, data_dir, results
        self.folder = PlanFolder(data_dir, write)
        self.policies = defects.policies(dataset.get("policies") or {})
        self.lists = {side: path for side in SIDES if (path := dataset["split"].get(side))}
        if (TRAIN in self.lists) != (EVAL in self.lists):
            raise UserError("`dataset.split` needs both lists, `train` and `eval`, or neither.")
        self.of_source = bool(dataset["split"].get("source"))
        self.draws = TRAIN not in self.lists and not self.of_source
        self.test_fraction = dataset["split"].get("test_fraction") or 0.0
        self.near_duplicates = self.dataset.get("near_duplicates", True)
        self.group_by = dataset["split"].get("group_by")
        if self.group_by and not self.draws:
            raise UserError(
                "`dataset.split.group_by` is for a split by chance, but there are lists, `train` and `eval`. "
                "Remove the lists or `group_by`."
            )
        grouping.check(self.group_by)
        self.records = dataset.get("records")
        self.sources = [] if self.records else sources.of(dataset)
        nothing = scan.Listing((), ())
        self.images, self.annotations = (nothing, nothing) if self.records else sources.listings(self.sources, results)
        self.stamp = self._stamp()

    def _stamp(self) -> str:
        """A hash of all that the plan is made from, except the code that reads files (see `PlanFolder.holds`)."""
        keys = (
            "images",
            "annotations",
            "format",
            "sources",
            "records",
            "split",
            "shards",
            "policies",
            "max_pixels",
            "classes",
            "verify",
            "near_duplicates",
        )
        settings = {key: self.dataset.get(key) for key in keys}
        given = [path for path in (self.dataset.get("label_map"), *self.lists.values()) if path]
        contents = [_content(path) for path in given]
        places = [self.images.fingerprint(), self.annotations.fingerprint(), sources.above(self.annotations)]
        if self.records:
            stats = [(path, Path(path).stat()) for paths in self.records.values() for path in paths]
            places += [[(path, of.st_size, of.st_mtime_ns, of.st_ino) for path, of in stats], code.identity(_GIVEN)]
        return hashing.short(settings, given, contents, code.identity(__name__), places)

    def new(self) -> Plan:
        """Read what changed, decide, and write."""
        if self.records:
            return self._as_they_are(self.records)
        annotations, told = sources.recognise(self.sources, self.annotations)
        if not sources.hold_images(annotations):
            gate.require_images(self.images, self.annotations, len(self.images), 0)
        for sentence in told:
            say(sentence)
        known, aliases = None, {}
        if given := self.dataset.get("label_map"):
            known, aliases = frozenset(label_map.read(given)), label_map.read_aliases(given)
        rules = ClassRules.of(self.dataset.get("classes"))
        checker = Checker(
            self.policies,
            known,
            aliases,
            rules,
            full=self.dataset.get("verify") == "full",
            max_pixels=self.dataset.get("max_pixels", loader.MAX_PIXELS),
        )
        recollection = memory.Memory(self.folder.path / "facts.txt")
        kinds = ["fingerprint"] if self.near_duplicates else []
        kinds += ["capture"] if isinstance(self.group_by, Mapping) and grouping.EXIF_GAP in self.group_by else []
        seen = contents.Contents(self.folder.path / "contents.txt", kinds)
        history = split_history.read(self.data_dir, self._draw)
        remembered = history.sides
        found, drawn = self._found(annotations, recollection, seen)
        if rules.concerned:
            rules.check(_stated_classes(found))
        decision = decide(found, checker, self._split(history, found, seen))
        if decision.told:
            say(decision.told)
        gate.report_foreign(checker, self.images, self.annotations, annotations, self.results)
        checks = defects.to_tsv(decision.cases)
        self._refuse(decision, checks, len(found.images), history)
        stated = stated_ids.of(annotations, rules)
        classes, classes_text = self._classes(decision, stated.of_use(decision.classes))
        if different := stated.differences(classes):
            told = f"ids of classes are not those of the records' label map: {'; '.join(different)}"
            decision.ledger.notice(stated.file, "tfrecord", told)
            say(f"The {told}. {self.data_dir / 'label_map.pbtxt'} has those that count.")
        shards = {name: _shard_plan(samples, classes) for name, samples in self._shards(decision).items()}
        drawn_before = remembered if self._draw else None
        readers = recollection.identities()
        return self._write(decision, classes, classes_text, shards, len(found.images), drawn, readers, drawn_before, {})

    def _as_they_are(self, records: Mapping[str, Sequence[str]]) -> Plan:
        """The plan of records that are used as they are: each file is a shard."""
        given = importlib.import_module(_GIVEN).read(records, self.dataset.get("label_map"))
        shards, more = {}, {}
        for side, of in given.files.items():
            for index, file in enumerate(of):
                name = f"{side}-{index:05d}-of-{len(of):05d}"
                identity, manifest = _shard_plan(file.samples, given.classes)
                shards[name] = hashing.short(identity, file.sha256), manifest
                said = {"path": file.path, "sha256": file.sha256, "images": len(file.samples)}
                more[f"{name}.given"] = json.dumps(said).encode()
        images = sum(map(len, given.decision.samples.values()))
        if mistake := summary.too_little(given.decision, self.dataset["split"], images):
            raise TooLittleError(mistake)
        return self._write(given.decision, given.classes, given.text.encode(), shards, images, 0, {}, None, more)

    def _write(
        self,
        decision: Decision,
        classes: Mapping[str, int],
        classes_text: bytes,
        shards: Mapping[str, tuple[str, bytes]],
        images: int,
        drawn: int,
        readers: Mapping[str, str | None],
        remembered: Mapping[str, tuple[str, str]] | None,
        more: Mapping[str, bytes],
    ) -> Plan:
        """Write the plan of a decision.

        shards: identity and manifest of each. images: the number of those found, and drawn of those on which we drew
        boxes. remembered: the sides of earlier draws, None if nothing is drawn. more: further files of the plan.
        """
        checks = defects.to_tsv(decision.cases)
        sides = {s.name: (side, s.sha256) for side, samples in decision.samples.items() for s in samples}
        split_table = split_history.to_tsv(sides)
        imported = decision.ledger.to_tsv()
        identities = {
            "checks": hashing.short(checks),
            "import": hashing.short(imported),
            "split": hashing.short(split_table),
            "label_map": hashing.short(classes_text),
        }
        tables = {
            "checks.tsv": checks,
            "import.tsv": imported,
            "split.tsv": split_table,
            "label_map.pbtxt": classes_text,
            **more,
        }
        for name, (identity, manifest) in shards.items():
            identities[name], tables[f"{name}.jsonl"] = identity, manifest
        if decision.across:
            across = "".join([f"{one}\t{other}\n" for one, other in sorted(decision.across.items())]).encode()
            identities["across_split"], tables[ACROSS_SPLIT] = hashing.short(across), across
        counts = _counts(decision, images) | {"drawn": drawn}
        folders = self.images.folders or [path for paths in (self.records or {}).values() for path in paths]
        text = summary.text(decision, counts, classes, folders, self.data_dir / "checks.tsv")
        plan = Plan(identities, dict(classes), counts, text)
        if self.folder.writable:
            tables["plan.json"] = (json.dumps(vars(plan), indent=1, sort_keys=True) + "\n").encode()
            if remembered is not None:
                gone = remembered.keys() - sides.keys()
                ever = split_history.to_tsv(remembered | sides) if gone else split_table
                split_history.write(self.data_dir, self._draw, ever)
            changes.keep(self.data_dir, self.results or self.data_dir, self._identities_before(), identities)
            self.folder.keep(tables, self.stamp, readers)
        return plan

    def _identities_before(self) -> Mapping[str, str]:
        """The identities of the plan that this one replaces; empty without one."""
        try:
            return load(self.data_dir).identities
        except UserError:
            return {}

    @property
    def _draw(self) -> dict[str, Any]:
        """The settings of what is drawn; empty if lists give all sides."""
        settings = self.dataset["split"]
        if self.of_source:
            return {}
        tested = {"test_fraction": self.test_fraction} if self.test_fraction else {}
        if not self.draws:
            return {"lists": True, "seed": settings["seed"]} | tested if tested else {}
        grouped = {"group_by": self.group_by} if self.group_by else {}
        return {key: settings[key] for key in ("eval_fraction", "seed")} | grouped | tested

    def _found(
        self, annotations: Sequence[sources.Annotated], recollection: memory.Memory, seen: contents.Contents
    ) -> tuple[Found, int]:
        """The files and their facts, and the number of images on which we drew boxes; only changed files are read."""
        decode = self.dataset.get("verify") == "full"
        parallel = len(self.images.folders) == len(self.annotations.folders)
        found, drawn, changed = gate.read(
            self.images, annotations, recollection, seen, decode=decode, parallel=parallel, of=self.sources
        )
        if self.folder.writable and changed:
            recollection.save()
        if self.folder.writable:
            seen.save(image.sha256 for image in (*found.image_facts, *drawn))
        gate.require_images(self.images, self.annotations, len(found.images), len(drawn))
        return found, len(drawn)

    def _split(self, history: split_history.History, found: Found, seen: contents.Contents) -> Split:
        finder = None
        if self.near_duplicates:
            last = self.folder.path / "near_duplicates.tsv"
            finder = near_duplicates.Finder(seen.of("fingerprint"), last, self.folder.writable)
        remembered = history.sides
        if not self.test_fraction and TEST not in self.lists:  # there is no test side any more
            remembered = {name: (EVAL if side == TEST else side, sha) for name, (side, sha) in remembered.items()}
        captures = [seen.of("capture").get(image.sha256, "") for image in found.image_facts]
        return Split(
            self.dataset["split"].get("eval_fraction", 0.0),
            self.dataset["split"].get("seed", 0),
            {name: side for name, (side, _) in remembered.items()},
            {sha256: side for side, sha256 in remembered.values()},
            self.lists,
            grouping.groups(self.group_by, found.images, found.names, captures),
            finder,
            self.test_fraction,
            test_grows=self.test_fraction > history.test_fraction,
            source=self.of_source,
        )

    def _refuse(self, decision: Decision, checks: bytes, images: int, history: split_history.History) -> None:
        """Raise a UserError for what stops the run: defects with the policy `fail`, or too little data."""
        if refused := [case for case in decision.cases if case.action == defects.FAIL]:
            where = self.folder.fail(checks)
            folders = [*self.images.folders, *self.annotations.folders]
            raise UserError(summary.refusal(refused, folders, decision.annotations) + where)
        perhaps = () if decision.annotations else meant.described(self.annotations.files())
        remembered = (
            "" if self.lists else split_history.remembering(self.data_dir, self._draw, history, decision.samples)
        )
        split = self.dataset["split"]
        if mistake := summary.too_little(decision, split, images, self.annotations.folders, perhaps, remembered):
            raise TooLittleError(mistake + (self.folder.fail(checks) if decision.cases else ""))

    def _classes(self, decision: Decision, stated: Mapping[str, int]) -> tuple[dict[str, int], bytes]:
        """Ids by class and the label map's text: the given one, or the remembered one extended.

        A remembered class without boxes keeps its id if a label map with it was already written as a result. A class
        that was only ever planned, such as a misspelt name, is forgotten. A new class takes the id that its source
        states, if no other class has it.
        """
        if given := self.dataset.get("label_map"):
            message = label_map.read_message(given)
            return label_map.read(given), label_map.message_text(message).encode()
        old, written = self._remembered_classes()
        kept = {name: number for name, number in old.items() if name in written}
        planned = [name for name in sorted(old, key=old.__getitem__) if name in decision.classes]
        new = [name for name in [*planned, *sorted(decision.classes - old.keys())] if name not in kept]
        for name in new:
            if name in stated and stated[name] not in kept.values():
                kept[name] = stated[name]
        for name in planned:  # closes the gap of a class that is forgotten
            kept.setdefault(name, max(kept.values(), default=0) + 1)
        classes = dict(sorted(label_map.extend(kept, decision.classes).items(), key=lambda one: one[1]))
        return classes, label_map.to_text(classes).encode()

    def _remembered_classes(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """The ids of the last plan, and those that were written as a result, which models may have learned.

        Of two files the sound one speaks for a damaged one. Raises UserError if the result is damaged and alone.
        """
        paths = self.folder.path / "label_map.pbtxt", self.data_dir / "label_map.pbtxt"
        planned, written = map(_read_classes, paths)
        if self.folder.is_changed(paths[0].name):  # another id would be a label map too
            planned = None
        if written is None and not planned:
            raise UserError(
                f"The label map {paths[1]}, which remembers the id of each class, is damaged: with other ids no "
                "finished model fits. Restore it from a backup, or delete it: then the classes are numbered anew."
            )
        if planned is None:
            say(f"{paths[0]} is damaged. The ids of classes are those of {paths[1]}, if it is there, else new.")
        written = planned if written is None else written
        return planned or written, written

    def _shards(self, decision: Decision) -> dict[str, list[PlannedSample]]:
        """The samples of every shard; which one depends on the sample's name alone."""
        shards: dict[str, list[PlannedSample]] = {}
        for side, samples in decision.samples.items():
            count = self.dataset["shards"][side]
            parts: list[list[PlannedSample]] = [[] for _ in range(count)]
            for sample in samples:
                parts[_shard(sample.name, count)].append(sample)
            shards |= {f"{side}-{index:05d}-of-{count:05d}": part for index, part in enumerate(parts)}
        return shards


def _stated_classes(found: Found) -> set[str]:
    """The classes of all boxes in the annotations."""
    said = [statements for statements in found.statements if not isinstance(statements, str)]
    return set().union(*{one.classes for statements in said for one in statements})


def _counts(decision: Decision, found_images: int) -> dict[str, Any]:
    counts: dict[str, Any] = {"found": {"images": found_images, "annotations": decision.annotations}}
    for side, samples in decision.samples.items():
        kinds = Counter([sample.classes for sample in samples])
        classes: Counter[str] = Counter()
        most_of_class = 0
        for names, count in kinds.items():
            of_class = {name: names.count(name) for name in set(names)}
            most_of_class = max(most_of_class, *of_class.values()) if of_class else most_of_class
            classes.update({name: number * count for name, number in of_class.items()})
        counts[side] = {
            "images": len(samples),
            "boxes": classes.total(),
            "most_boxes": max(map(len, kinds), default=0),
            "most_of_class": most_of_class,
            "negatives": kinds[()],
            "regions": sum(len(boxes_from_json(sample.regions)) for sample in samples if sample.regions != NO_BOXES),
            "classes": dict(sorted(classes.items())),
        }
    used = sum(map(len, decision.samples.values()))
    counts["on_neither_list"] = decision.left_out
    counts["left_out"] = found_images - used - decision.left_out
    counts["defects"] = dict(sorted(Counter(case.defect for case in decision.cases).items()))
    return counts


def _shard_plan(samples: Sequence[PlannedSample], classes: Mapping[str, int]) -> tuple[str, bytes]:
    """A shard's identity (of its samples' content and the ids of the classes that occur), and its manifest."""
    contents = [sample.content_json() for sample in samples]
    used = set().union(*{sample.classes for sample in samples})
    regions = [boxes_from_json(sample.regions) for sample in samples if sample.regions != NO_BOXES]
    used.update(box.class_name for boxes in regions for box in boxes if box.class_name in classes)
    ids = json.dumps({name: classes[name] for name in used}, sort_keys=True)
    lines = [sample.to_json(content) for content, sample in zip(contents, samples, strict=True)]
    return hashing.short("\n".join([ids, *contents]).encode()), "\n".join([*lines, ""]).encode()


def _shard(name: str, count: int) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def _read_classes(path: Path) -> Mapping[str, int] | None:
    """The classes in a label map written here; empty if the file is missing, None if it is damaged."""
    try:
        return label_map.read(path) if path.is_file() else {}
    except UserError:
        return None


def _content(path: str) -> str:
    try:
        if pointers.is_file_of_git_lfs(path):
            raise UserError(f"{path} cannot be used: {pointers.GIT_LFS}.")
        return files.sha256_file(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
