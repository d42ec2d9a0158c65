"""The `boxwright` command: helpers around a run of the workflow.

boxwright run ...          train, measure, export and report, as `make run` does
boxwright report           write the report of a finished run
boxwright lint FILE ...    find problems in pipeline.config files
boxwright models           list the detectors of the model zoo
boxwright fetch NAME ...   download detectors of the model zoo
boxwright doctor           show what this machine has, and what would fail on it
boxwright evaluate ...     measure an exported detector on annotated images
boxwright detect ...       run an exported detector on images, a video or a camera
boxwright benchmark ...    show size and speed of an exported detector's forms on this machine
boxwright convert ...      write annotations in another format
boxwright init FOLDER      write a configuration for a folder of annotated images
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from google.protobuf.message import Message

from boxwright.catalog import formats
from boxwright.catalog.findings import LEVELS, Facts
from boxwright.checkpoints import checkpoint_index
from boxwright.core.errors import UserError
from boxwright.core.wording import plural, printable
from boxwright.dataset import convert, label_map
from boxwright.pipeline.lint import lint
from boxwright.pipeline.text import read_document
from boxwright.run import doctor, init, launch
from boxwright.zoo import catalogue, fetch, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 without errors, 1 with errors, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="boxwright", description="Helpers around a run of the workflow.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "lint",
        help="find problems in pipeline.config files",
        description="Check pipeline.config files. Exit status: 0 without errors, 1 with errors, 2 on wrong usage.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a pipeline.config of the OD API")
    command.set_defaults(run=lambda given: run_lint(given.files))
    command = commands.add_parser(
        "models",
        help="list the detectors of the model zoo",
        description="List the detectors of the model zoo with their published figures and whether they can be trained.",
    )
    command.set_defaults(run=lambda given: run_models())
    command = commands.add_parser(
        "fetch",
        help="download detectors of the model zoo",
        description="Download detectors of the model zoo into resources/zoo below this folder, check and unpack them.",
    )
    command.add_argument("names", nargs="+", metavar="NAME", help="as `boxwright models` lists it")
    command.add_argument(
        "--trust",
        action="store_true",
        help="take archives without a known checksum also from servers without encryption or a valid certificate",
    )
    command.set_defaults(run=lambda given: run_fetch(given.names, given.trust))
    command = commands.add_parser(
        "doctor",
        help="show what this machine has, and what would fail on it",
        description="Check this machine. Exit status: 0 if nothing would fail, 1 otherwise.",
    )
    command.add_argument("--configfile", metavar="FILE", help="the configuration of a run to check the machine for")
    command.set_defaults(run=lambda given: run_doctor(given.configfile))
    command = commands.add_parser(
        "evaluate",
        help="measure an exported detector on annotated images",
        description="Measure any exported detector on any annotated images, without training. Annotations are checked "
        "as before a training, with every policy at its default.",
    )
    command.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or a file or folder in it")
    command.add_argument(
        "--images", required=True, nargs="+", metavar="DIR", help="folders of the images, searched recursively"
    )
    command.add_argument(
        "--annotations",
        required=True,
        nargs="+",
        metavar="PATH",
        help="files or folders of the annotations, in any format of docs/formats.md",
    )
    command.add_argument(
        "--out", metavar="DIR", help="write metrics, analysis, detections and figures into this folder"
    )
    command.set_defaults(run=lambda given: run_evaluate(given.detector, given.images, given.annotations, given.out))
    command = commands.add_parser(
        "detect",
        help="run an exported detector on images, a video or a camera",
        description="Run any exported form of a detector. Prints a line of JSON for each image; "
        "with --out it writes drawn images, JSON and Pascal VOC XML, and all boxes as CSV and as COCO results.",
    )
    command.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or a file or folder in it")
    command.add_argument("images", nargs="*", metavar="IMAGES", help="images, folders (searched recursively), patterns")
    command.add_argument("--video", metavar="FILE", help="a video, in place of images")
    command.add_argument("--camera", type=int, metavar="N", help="a camera of this machine, in place of images")
    command.add_argument("--out", metavar="DIR", help="a new folder for everything that is found")
    command.add_argument(
        "--score-threshold", type=float, default=0.5, metavar="S", help="leave out boxes below this score (0.5)"
    )
    command.set_defaults(run=run_detect)
    command = commands.add_parser(
        "benchmark",
        help="show size and speed of an exported detector's forms on this machine",
        description="Measure each form of a detector with its own runtime on the CPU: megabytes, and milliseconds for "
        "an image as median (and quartiles) with 1 and 2 threads, after a warm-up.",
    )
    command.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or one form in it")
    command.add_argument("images", nargs="*", metavar="IMAGES", help="images to measure on; without any, a drawn one")
    command.set_defaults(run=lambda given: run_benchmark(given.detector, given.images))
    command = commands.add_parser(
        "convert",
        help="write annotations in another format",
        description="Read annotations in any format of docs/formats.md and write them in another one, with every box "
        "that the checks do not refuse. What was changed and what the target cannot say is told.",
    )
    command.add_argument("source", metavar="SOURCE", help="the file or folder of the annotations")
    command.add_argument("target", metavar="TARGET", help="a new folder for the converted annotations")
    command.add_argument("--to", required=True, choices=sorted(convert.TARGETS), help="the format to write")
    command.add_argument(
        "--images", nargs="+", metavar="DIR", default=[], help="folders of the images (default: the source's folder)"
    )
    command.add_argument(
        "--format", choices=sorted(formats.by_key()), default=formats.AUTO, help="the format of the source"
    )
    command.set_defaults(
        run=lambda given: run_convert(given.source, given.target, given.to, given.images, given.format)
    )
    command = commands.add_parser(
        "init",
        help="write a configuration for a folder of annotated images",
        description="Look at the images and annotations in a folder, in any format of docs/formats.md, and write a "
        "configuration that runs, with the reasons for each choice. Nothing is asked, everything can be edited.",
    )
    command.add_argument("folder", metavar="FOLDER", help="the folder of the images and their annotations")
    command.add_argument("--out", metavar="FILE", default="my.yaml", help="the file to write (default: my.yaml)")
    command.set_defaults(run=lambda given: run_init(given.folder, given.out))
    command = commands.add_parser(
        "run",
        help="train, measure, export and report",
        description="Run the workflow and write its report. All other options and targets go to Snakemake: -n shows "
        "what would be done.",
    )
    command.add_argument("--configfile", metavar="FILE", help="the configuration (default: the demo)")
    command.add_argument("--cores", metavar="N", default="all", help="processors to use (default: all)")
    command.set_defaults(run=lambda given: run_workflow(lambda: launch.run(given.configfile, given.cores, others)))
    command = commands.add_parser(
        "report",
        help="write the report of a finished run",
        description="Write report.html into the results folder of a finished run: all figures and tables in one file.",
    )
    command.add_argument("--configfile", metavar="FILE", help="the configuration of the run (default: the demo)")
    command.set_defaults(run=lambda given: run_workflow(lambda: launch.report(given.configfile)))
    given, others = parser.parse_known_args(arguments)
    if others and given.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        return given.run(given)
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe; without this, Python would report that again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def run_workflow(start: Callable[[], int]) -> int:
    """The exit status of what `start` starts; 1 with a sentence for a user's mistake."""
    try:
        return start()
    except UserError as error:
        print(printable(error), file=sys.stderr)
        return 1


def run_doctor(config: str | None) -> int:
    """Print what was found about this machine."""
    findings = doctor.examine(config)
    print(doctor.table(findings))
    return int(any(finding.level == doctor.FAILS for finding in findings))


def run_models() -> int:
    """Print the table of the zoo."""
    print(table.render())
    return 0


def run_fetch(names: Sequence[str], trust: bool = False) -> int:
    """Fetch detectors one after the other; no download starts when a name is unknown."""
    try:
        for entry in [catalogue.find(name) for name in names]:
            print(fetch.fetch(entry, trust))
    except UserError as error:
        print(printable(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The partial download is kept; the next attempt continues from there.", file=sys.stderr)
        return 130
    return 0


def run_evaluate(path: str, images: Sequence[str], annotations: Sequence[str], out: str | None) -> int:
    """Measure the detector at `path` and print what was found; write all results to the folder `out` if it is given."""
    # What only this command needs would make the others slow.
    from boxwright.console import job
    from boxwright.evaluation import any_images, exported
    from boxwright.evaluation.table import table as measured
    from boxwright.report import folder
    from boxwright.runtimes import find

    try:
        detector = find.find(path)
        prepared = any_images.prepare(detector, images, annotations)
        print("\n".join([prepared.passed.text(), *prepared.notes]), flush=True)
        with Path(os.devnull).open("w") as nowhere:
            job.import_tensorflow(nowhere)
        evaluation = prepared.measure(detector)
        result = exported.content(evaluation, {"detector": str(detector.path), "form": detector.form.name})
        subject = f"the {detector.form.title} {detector.path}"
        print("\n" + measured(result, evaluation.measured.analysis, subject[:1].upper() + subject[1:]))
        if out:
            folder.write(out, prepared, evaluation, result, subject)
            print(f"\nThe results are in {out}; the figures are in {Path(out) / 'figures'}.")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def run_detect(given: argparse.Namespace) -> int:
    """Detect objects on what the command line names; print them, or write them into a folder."""
    from boxwright.console import job
    from boxwright.export import predict, sources, video
    from boxwright.runtimes import find

    def detect() -> None:
        if sum([bool(given.images), given.video is not None, given.camera is not None]) != 1:
            raise UserError("Name images, or one of --video FILE and --camera N.")
        if not given.images and not given.out:
            raise UserError("A video needs --out DIR, the folder for what is found.")
        if given.out and Path(given.out).exists() and not _is_empty_folder(Path(given.out)):
            raise UserError(f"{given.out} exists and is no empty folder. Name a new one, so that nothing is lost.")
        detector, lowest = find.find(given.detector), given.score_threshold
        images = sources.images(given.images) if given.images else []
        frames = None if given.images else sources.Video(given.video, given.camera)
        with Path(os.devnull).open("w") as nowhere:
            if not detector.form.packages:  # TensorFlow runs it
                job.import_tensorflow(nowhere)
        run = detector.load()
        if frames is not None:
            counts = video.run(run, detector.label_map, frames, given.out, lowest)
            print(f"{plural(counts['detections'], 'object')} on {plural(counts['frames'], 'frame')}: {given.out}")
        elif given.out:
            counts = predict.run(run, detector.label_map, images, given.out, score_threshold=lowest, tables=True)
            print(f"{plural(counts['detections'], 'object')} on {plural(counts['images'], 'image')}: {given.out}")
        else:
            for line in predict.lines(run, detector.label_map, images, lowest):
                print(line, flush=True)

    return _told(detect)


def run_benchmark(path: str, images: Sequence[str]) -> int:
    """Print size and speed of the forms of the detector at `path`, on some images."""
    from boxwright.export import benchmark, sources
    from boxwright.images import loader
    from boxwright.runtimes import find

    def measure() -> None:
        detector = find.find(path)
        shown = [loader.load_rgb(one.path) for one in sources.images(images)] if images else []
        print(benchmark.table(benchmark.run(detector, detector.label_map.parent != Path(path), shown)))

    return _told(measure)


def run_convert(source: str, target: str, to: str, images: Sequence[str], key: str) -> int:
    """Convert annotations and print what was done."""
    return _told(lambda: print(printable(convert.convert(source, target, to, images, key))))


def run_init(folder: str, out: str) -> int:
    """Write a configuration for the images in a folder, and print what was found."""
    return _told(lambda: print(printable(init.write(folder, out))))


def _told(work: Callable[[], None]) -> int:
    """Do the work of a command; the exit status, with the user's mistake or the interruption told."""
    try:
        work()
    except UserError as error:
        print(printable(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def run_lint(paths: Sequence[str]) -> int:
    """Print the findings on each file with their lines, then their counts."""
    counts: Counter[str] = Counter()
    for path in paths:
        for level, text in _findings(path):
            counts[level] += 1
            print(printable(text))
    said = [plural(counts[level], level) for level in reversed(LEVELS) if counts[level]]
    print(f"{plural(len(paths), 'file')}: {', '.join(said) or 'no findings'}")
    return 1 if counts["error"] else 0


def _findings(path: str) -> list[tuple[str, str]]:
    """Level and printed line of each finding in one file."""
    try:
        document = read_document(path)
        classes = _classes(document.config)
        last = max(classes.values(), default=None)
        names = _checkpoint_names(document.config)
        facts = Facts(last, id_gaps=last not in (None, len(classes)), checkpoint_names=names)
        findings = lint(document.config, facts)
    except UserError as error:
        lines = [line if line.startswith(path) else f"{path}: {line}" for line in str(error).splitlines()]
        return [("error", f"error: {line}") for line in lines]
    notes = [(note.level, f"{path}:{note.line}: {note.level} {note.field}: {note.text}") for note in document.notes]
    return [(finding.level, f"{document.place(finding.field)}: {finding}") for finding in findings] + notes


def _classes(config: Message) -> dict[str, int]:
    """The classes of the label map that a configuration names; empty if the file does not exist."""
    path = config.train_input_reader.label_map_path
    return label_map.read(path) if path and Path(path).is_file() else {}


def _checkpoint_names(config: Message) -> list[str] | None:
    """Names of the tensors in the checkpoint that a configuration names; None if it does not exist."""
    named = config.train_config.fine_tune_checkpoint
    return checkpoint_index.names(named) if named and Path(f"{named}.index").is_file() else None


if __name__ == "__main__":
    sys.exit(main())
