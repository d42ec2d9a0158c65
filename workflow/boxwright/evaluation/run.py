"""One checkpoint measured on the evaluation records: metrics, detections, TensorBoard events, a table."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright import progress
from boxwright.annotations import images
from boxwright.errors import UserError
from boxwright.evaluation import analysis as analyses
from boxwright.evaluation import coco, pascal
from boxwright.evaluation.data import Dataset, Detections, Records, dataset_of, detections_of
from boxwright.evaluation.detect import detect
from boxwright.evaluation.table import table
from boxwright.figures import draw
from boxwright.files import writing
from boxwright.records.events import EventWriter

# The longer side of a picture in TensorBoard: sharp enough to judge, small enough to keep for every checkpoint.
_PICTURE_SIDE = 640


def run(
    config: Any,
    checkpoint: str | Path,
    records: Sequence[str | Path],
    label_map: Mapping[str, int],
    *,
    model: str,
    step: int,
    seed: int,
    metrics: str | Path,
    analysis: str | Path,
    detections: str | Path,
    events: str | Path,
) -> dict[str, Any]:
    """Measure `checkpoint` (a prefix) of the detector that `config` describes on every record once.

    config: TrainEvalPipelineConfig; its eval_config says whether moving averages are used, from which score on a
        detection is shown and counted (min_score_threshold), and how many pictures go to TensorBoard.
    records: TFRecord files; label_map: class name -> id.
    metrics, analysis, detections, events: files to write (metrics.json, analysis.json, COCO's results, an event file
        of the run `eval/`).

    Prints the table and returns the content of metrics.json. Raises UserError for records without images or boxes,
    classes that the model does not know, and detections that are not numbers.
    """
    examples = Records(records)
    dataset = dataset_of((examples[position] for position in range(len(examples))), label_map)
    _check_classes(config, label_map)
    found = detections_of(
        progress.track(
            detect(config, checkpoint, examples), total=len(examples), label=f"Evaluating step {step}", unit="images"
        ),
        dataset.images,
    )
    values, undefined, analysed = measure(dataset, found, round(config.eval_config.min_score_threshold, 6))
    result = {
        "model": model,
        "step": step,
        "seed": seed,
        "images": len(dataset.images),
        "boxes": len(dataset.truth),
        "metrics": values,
        "undefined": undefined,
    }
    coco.write_results(detections, found)
    _write_events(events, step, values, config.eval_config, examples, dataset, found)
    analyses.write(analysis, analysed)
    with writing(metrics, "w") as file:
        file.write(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    names = dataset.class_names()
    progress.say(table(result, {names[number]: count for number, count in dataset.boxes_per_class().items()}))
    return result


def measure(
    dataset: Dataset, detections: Detections, score_threshold: float = 0.5
) -> tuple[dict[str, float | None], dict[str, str], dict[str, Any]]:
    """All metrics by the OD API's names, None where undefined; the reason for each that is; and the analysis.

    Detections of classes that the label map does not have are left out.
    """
    detections = detections.where(np.isin(detections.classes, list(dataset.class_names())))
    evaluated = coco.evaluate(dataset, detections)
    of_coco, coco_reasons = coco.metrics(dataset, evaluated)
    of_pascal, pascal_reasons = pascal.metrics(dataset, detections)
    analysed = analyses.analyse(dataset, detections, evaluated, score_threshold)
    return of_coco | of_pascal, coco_reasons | pascal_reasons, analysed


def _check_classes(config: Any, label_map: Mapping[str, int]) -> None:
    classes = getattr(config.model, config.model.WhichOneof("model")).num_classes
    beyond = [f"{name} ({number})" for name, number in label_map.items() if not 1 <= number <= classes]
    if beyond:
        raise UserError(
            f"The model has {classes} classes, so it cannot know: {', '.join(beyond)}. num_classes in pipeline.config "
            "and the label map must be of one data set."
        )


def _write_events(path, step, values, settings, examples, dataset, found) -> None:
    """Metrics as scalars and a few images, detections beside ground truth, spread over the records."""
    # The event writer is made for live use and writes in place; the file of a finished evaluation appears whole.
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / Path(path).name
        with EventWriter(whole) as writer:
            writer.scalars(step, {name: value for name, value in values.items() if value is not None})
            count = min(settings.num_visualizations, len(examples))
            for number, position in enumerate(np.linspace(0, len(examples) - 1, count).round().astype(int)):
                picture = draw.shrunk(images.load_rgb(examples[position].encoded), _PICTURE_SIDE)
                sheet = _side_by_side(picture, position, settings, dataset, found)
                writer.image(step, f"eval_side_by_side_{number}", sheet)
        with writing(path) as file:
            file.write(whole.read_bytes())


def _side_by_side(picture, position, settings, dataset, found) -> np.ndarray:
    names = dataset.class_names()
    size = (dataset.images.heights[position], dataset.images.widths[position]) * 2
    thickness = max(2, round(max(picture.shape) / 200))
    mine = np.flatnonzero((found.image == position) & (found.scores >= settings.min_score_threshold))
    mine = mine[np.argsort(-found.scores[mine], kind="stable")][: settings.max_num_boxes_to_visualize]
    left = draw.boxes(
        picture,
        found.boxes[mine] / size,
        found.classes[mine].tolist(),
        [f"{names.get(found.classes[row], 'unknown')} {found.scores[row]:.2f}" for row in mine],
        thickness=thickness,
    )
    true = np.flatnonzero(dataset.truth.image == position)
    right = draw.boxes(
        picture,
        dataset.truth.boxes[true] / size,
        dataset.truth.classes[true].tolist(),
        [names[number] for number in dataset.truth.classes[true].tolist()],
        thickness=thickness,
    )
    title = f"detections from {settings.min_score_threshold:g}"
    return draw.side_by_side(left, right, (title, "ground truth"))
