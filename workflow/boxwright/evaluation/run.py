"""Measure one checkpoint on the evaluation records: metrics, analysis, detections, TensorBoard events, a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.console import progress
from boxwright.core.files import write_json
from boxwright.evaluation import analysis, coco, names, summaries
from boxwright.evaluation.data import Dataset, Detections, Records, Subset, check_classes, dataset_of, detections_of
from boxwright.evaluation.detect import Network, detect, load
from boxwright.evaluation.measure import measure
from boxwright.evaluation.table import figure, table
from boxwright.records.example import Record

# Training images that are measured too: enough to show overfitting, few enough to cost little.
TRAINING_SAMPLE = 100


class Outputs(NamedTuple):
    """The files to write: metrics.json, analysis.json, COCO's results, and the event files of the TensorBoard runs
    `eval/` and `eval_train/`.
    """

    metrics: Path
    analysis: Path
    detections: Path
    events: Path
    train_events: Path


def run(
    config: Message,
    checkpoint: str | Path,
    records: Sequence[str | Path],
    train_records: Sequence[str | Path],
    label_map: Mapping[str, int],
    out: Outputs,
    *,
    model: str,
    step: int,
    seed: int,
    precision: str = "float32",
    inference_precision: str = "float32",
) -> dict[str, Any]:
    """Measure `checkpoint` (a prefix) of the detector that `config` describes on every evaluation record once.

    A fixed sample of the training images, at most `TRAINING_SAMPLE` and no more than there are evaluation images, is
    measured too: a detector that is much better on these images overfits.

    config: TrainEvalPipelineConfig; its eval_config says whether moving averages are used, the lowest score at which a
        detection is shown and counted (min_score_threshold), and how many images TensorBoard shows.
    records, train_records: TFRecord files; label_map: class name -> id.
    precision, inference_precision: what the checkpoint was trained in and what it is measured in; noted.

    Prints the table and returns the content of metrics.json. Raises UserError for records without images or boxes,
    classes that the model does not have, and detections that are not finite.
    """
    examples = Records(records)
    dataset = dataset_of(examples, label_map)
    network = load(config, checkpoint)
    check_classes(network.num_classes, label_map)
    found = _detect(network, examples, dataset, "evaluation")
    settings = config.eval_config
    measured = measure(dataset, found, round(settings.min_score_threshold, 6))
    shown = summaries.Shown(
        settings.num_visualizations, settings.min_score_threshold, settings.max_num_boxes_to_visualize
    )

    training = Records(train_records)
    sample = Subset(training, summaries.spread(len(training), min(TRAINING_SAMPLE, len(examples), len(training))))
    result = {
        "model": model,
        "step": step,
        "seed": seed,
        "precision": precision,
        "inference_precision": inference_precision,
        "images": len(dataset.images),
        "boxes": dataset.objects,
        "metrics": measured.metrics,
        "undefined": measured.undefined,
        "training_sample": _measure_sample(network, sample, label_map, step, out.train_events, shown),
    }
    coco.write_results(out.detections, found)
    summaries.write(out.events, step, measured.metrics, measured.curves, shown, examples, dataset, found)
    analysis.write(out.analysis, measured.analysis)
    write_json(out.metrics, result)
    progress.say(table(result, measured.analysis))
    progress.conclude(figure(result, measured.analysis))
    return result


def _measure_sample(
    network: Network,
    sample: Sequence[Record],
    label_map: Mapping[str, int],
    step: int,
    events: Path,
    shown: summaries.Shown,
) -> dict[str, Any] | None:
    """COCO's twelve numbers on some training images, `{images, boxes, metrics}`; None if they have no box."""
    if not any(len(record.boxes) for record in sample):
        events.unlink(missing_ok=True)  # left by an earlier evaluation, when there were boxes
        return None
    dataset = dataset_of(sample, label_map, "training")
    found = _detect(network, sample, dataset, "training")
    values, _ = coco.metrics(dataset, coco.evaluate(dataset, found))
    values = {name: values[name] for name, *_ in names.COCO_NUMBERS}
    summaries.write(events, step, values, {}, shown, sample, dataset, found)
    return {"images": len(dataset.images), "boxes": dataset.objects, "metrics": values}


def _detect(network: Network, records: Sequence[Record], dataset: Dataset, label: str) -> Detections:
    answers = progress.track(detect(network, records), total=len(records), label=label, unit="images")
    return detections_of(answers, dataset.images)
