"""`boxwright detect DETECTOR ...`: run an exported detector on images, a video or a camera."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from boxwright.cli import status
from boxwright.core import disk
from boxwright.core.errors import UserError
from boxwright.core.wording import plural

HELP = "run an exported detector on images, a video or a camera"
DESCRIPTION = (
    "Run any exported form of a detector. Prints a line of JSON for each image; with --out it writes drawn images, "
    "JSON and Pascal VOC XML, and all boxes as CSV and as COCO results."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or a file or folder in it")
    parser.add_argument("images", nargs="*", metavar="IMAGES", help="images, folders (searched recursively), patterns")
    parser.add_argument("--video", metavar="FILE", help="a video, instead of images")
    parser.add_argument("--camera", type=int, metavar="N", help="a camera of this machine, instead of images")
    parser.add_argument("--out", metavar="DIR", help="a new folder for the results")
    parser.add_argument(
        "--score-threshold", type=float, default=0.5, metavar="S", help="leave out boxes below this score, 0 to 1 (0.5)"
    )


def run(given: Namespace) -> int:
    """Detect objects on what the command line names; print them, or write them into a folder."""
    return status.of(lambda: _detect(given))


def _detect(given: Namespace) -> None:
    from boxwright import devices
    from boxwright.console import job, progress
    from boxwright.export import predict, sources, video
    from boxwright.runtimes import find

    if sum([bool(given.images), given.video is not None, given.camera is not None]) != 1:
        raise UserError("Name images, or one of --video FILE and --camera N.")
    if not given.images and not given.out:
        what = "video" if given.camera is None else "camera"
        raise UserError(f"A {what} needs --out DIR, the folder for what is found.")
    if not 0 <= given.score_threshold <= 1:
        raise UserError(f"--score-threshold takes a number from 0 to 1, not {given.score_threshold}.")
    if given.out:
        disk.require_new_folder(given.out)
    detector, lowest = find.find(given.detector), given.score_threshold
    images = sources.images(given.images) if given.images else []
    frames = None if given.images else sources.Video(given.video, given.camera)
    with Path(os.devnull).open("w") as nowhere:
        if not detector.form.packages:  # TensorFlow runs it
            job.import_tensorflow(nowhere)
            devices.take_for_detection()
    detect, names = predict.Watched(detector.load()), detector.names()
    if detector.has_foreign_label_map:
        progress.warn(
            f"{detector.label_map} is the label map of another detector; the class names are those in {detector.path}."
        )
    if frames is not None:
        counts = video.run(detect, names, frames, given.out, lowest)
        print(f"{plural(counts['detections'], 'object')} on {plural(counts['frames'], 'frame')}: {given.out}")
    elif given.out:
        counts = predict.run(detect, names, images, given.out, score_threshold=lowest, tables=True, keep=True)
        print(f"{plural(counts['detections'], 'object')} on {plural(counts['images'], 'image')}: {given.out}")
    else:
        for line in predict.lines(detect, names, images, lowest):
            print(line, flush=True)
    if nothing := detect.nothing_found(lowest):
        progress.say(nothing)
