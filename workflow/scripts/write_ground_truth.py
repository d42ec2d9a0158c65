"""Write the boxes of the evaluation records in COCO's format, with the same image ids as in detections.json."""

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core.wording import plural
from boxwright.dataset import label_map
from boxwright.evaluation import coco
from boxwright.evaluation.data import Records, dataset_of

with job(snakemake):
    classes = label_map.read(snakemake.input.label_map)
    dataset = dataset_of(Records(snakemake.input.records), classes)
    coco.write_ground_truth(snakemake.output[0], dataset)
    progress.conclude(f"{plural(len(dataset.images), 'image')}, {plural(dataset.objects, 'box', 'boxes')}")
