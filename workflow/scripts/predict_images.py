"""Let the exported detector loose on photographs: drawn images, boxes as JSON and as Pascal VOC XML."""

from pathlib import Path

from boxwright.console.job import job

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.dataset import manifest
    from boxwright.export import predict

    model = snakemake.config["models"][snakemake.wildcards.model]
    devices.take(devices.of_inference(model)).tell(progress.say, progress.warn)

    wanted = snakemake.params.wanted
    if wanted["images"]:
        photographs = predict.find(wanted["images"])
    else:
        held_out = [sample for path in snakemake.params.manifests for sample in manifest.read(path)]
        photographs = [predict.Photograph(Path(sample.image), sample.name) for sample in held_out]
    predict.run(
        snakemake.input.detector,
        photographs,
        snakemake.output[0],
        score_threshold=wanted["score_threshold"],
        line_thickness=wanted["line_thickness"],
    )
