"""What a run will make, decided before its first job: the question that each rule asks of the library.

A `RunPlan` joins the settings, the plan of the data and the patched pipeline.config of every model. For each rule it
gives one identity: a mapping of short hashes over all that can change the bytes of the rule's outputs, and of nothing
else. Snakemake keeps it among the rule's parameters and reruns the rule when it changes; the names in the mapping say
in Snakemake's own reason what has changed.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from boxwright.catalog import forms
from boxwright.core import code, files
from boxwright.dataset import label_map as label_maps
from boxwright.dataset import plan
from boxwright.pipeline import identity, text
from boxwright.pipeline.configure import Wanted, configure
from boxwright.run import preflight, settings
from boxwright.zoo import catalogue

DEMO = Path("resources/demo")

Identity = dict[str, Any]


class RunPlan:
    """The settings, paths and identities of one run.

    `config` is the configuration as Snakemake read it, `scripts` the folder of the rules' scripts. With `plan_data`
    the data set is scanned and planned (the demo is drawn if it is missing); without, the finished plan is read: jobs
    that parse the rules again must not scan the folders again. Without `write` the plan is made and not kept.

    A model of the zoo whose pipeline.config is to be taken cannot be planned before its archive is here: which jobs
    there are, what they depend on and whether the engine can train it stands in that file. With `download` it is
    fetched on the spot; without (a dry run) a missing one is an error. All other archives are fetched by their rule.

    Raises UserError for every mistake in the configuration, in a pipeline.config and in the data.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        scripts: Path,
        plan_data: bool,
        write: bool = True,
        download: bool = False,
    ) -> None:
        self.settings = settings.load(config)
        self.results = self.settings["results"]
        self.models = list(self.settings["models"])
        self.plan_folder = f"{self.results}/data/plan"
        self._scripts = scripts
        dataset = dict(self.settings["dataset"])
        if dataset["demo"]:
            if plan_data and not DEMO.is_dir():
                from boxwright.dataset import demo  # most runs are not the demo's

                demo.draw(DEMO)
            dataset |= {"images": [str(DEMO / "images")], "annotations": [str(DEMO / "annotations")]}
        data = Path(self.results) / "data"
        self.plan = plan.make(dataset, data, write=write) if plan_data else plan.load(data)
        if plan_data:
            preflight.find_pipelines(self, download)
        self.originals, self.configurations = configure(
            Wanted(name, self.shown(name), self.pipeline(name), self.patch_arguments(name)) for name in self.models
        )
        if plan_data:
            preflight.check(self)

    # What there is

    def model(self, name: str) -> dict[str, Any]:
        """The settings of one model."""
        return self.settings["models"][name]

    def shown(self, name: str) -> str:
        """The name in the configuration, which the repetitions of a model share."""
        return self.model(name)["repeat_of"] or name

    def zoo(self, name: str) -> catalogue.Entry | None:
        """The detector of the zoo that a model starts from."""
        return catalogue.find(self.model(name)["checkpoint"]) if settings.from_zoo(self.model(name)) else None

    def zoo_folder(self, name: str) -> list[str]:
        """The unpacked archive of that detector; nothing for a model that starts from elsewhere."""
        entry = self.zoo(name)
        return [str(entry.folder)] if entry else []

    def pipeline(self, name: str) -> str:
        """The pipeline.config that a model is made from."""
        return self.model(name)["pipeline"] or str(self.zoo(name).pipeline)

    def start(self, name: str) -> str | None:
        """The weights that a model starts from."""
        entry = self.zoo(name)
        return str(entry.prefix) if entry else self.model(name)["checkpoint"]

    def steps(self, name: str) -> list[int]:
        """The steps of a model's checkpoints."""
        return settings.checkpoint_steps(self.model(name))

    def steps_to_judge(self, name: str) -> list[int]:
        """The steps after which early stopping decides; what is trained beside an evaluation, it cannot save."""
        return self.steps(name)[:-2] if self.model(name)["early_stopping"] else []

    def step_after(self, name: str, step: int) -> int:
        """The step of the next checkpoint."""
        return next(later for later in self.steps(name) if later > step)

    def early_stopping(self, name: str) -> dict[str, Any]:
        """What a model's early stopping goes by: {metric, patience, min_delta}."""
        wanted = self.model(name)["early_stopping"]
        return {**wanted, "metric": wanted["metric"] or self.settings["export"]["metric"]}

    def checkpoint_before(self, name: str, step: int) -> list[str]:
        """The files of the checkpoint that the segment up to `step` continues; none for the first segment."""
        earlier = [other for other in self.steps(name) if other < step]
        if not earlier:
            return []
        prefix = f"{self.results}/models/{name}/train/model.ckpt-{earlier[-1]}"
        return [f"{prefix}.index", f"{prefix}.data-00000-of-00001"]

    def start_folder(self, name: str, step: int) -> list[str]:
        """The folder of the zoo that the segment up to `step` starts from; none where it continues another segment."""
        return [] if self.checkpoint_before(name, step) else self.zoo_folder(name)

    def shards(self, side: str) -> list[str]:
        """The record files of "train" or "eval"."""
        count = self.settings["dataset"]["shards"][side]
        return [f"{self.results}/data/{side}-{index:05d}-of-{count:05d}.tfrecord" for index in range(count)]

    def patch_arguments(self, name: str) -> dict[str, Any]:
        """What `pipeline.patch.patch` needs to fit a model's pipeline.config to this run."""
        model = self.model(name)
        keys = ("num_steps", "batch_size", "rescale_learning_rate", "rescale_schedule", "overrides")
        return {key: model[key] for key in keys} | {
            "checkpoint": self.start(name),
            "num_classes": len(self.plan.classes),
            "label_map_path": f"{self.results}/data/label_map.pbtxt",
            "train_records": self.shards("train"),
            "eval_records": self.shards("eval"),
        }

    def manifests(self, side: str) -> list[str]:
        """The plan's lists of the samples of "train" or "eval", one for each shard."""
        return [f"{self.plan_folder}/{Path(shard).stem}.jsonl" for shard in self.shards(side)]

    # What each rule depends on

    @property
    def checks(self) -> Identity:
        return self._data("checks", "check_annotations")

    @property
    def split(self) -> Identity:
        return self._data("split", "split_dataset")

    @property
    def label_map(self) -> Identity:
        return self._data("label_map", "write_label_map")

    def records(self, shard: str) -> Identity:
        return self._data(shard, "write_records")

    @property
    def ground_truth(self) -> Identity:
        return {"data": self._shard_identity("eval"), "code": self._code("write_ground_truth")}

    def configuration(self, name: str) -> Identity:
        original = text.to_text(self.originals[name].config)
        written = text.to_text(self.configurations[name])
        return {
            "config": _short(original, written),
            "start": self._start_identity(name),
            "code": self._code("configure_pipeline"),
        }

    def training(self, name: str) -> Identity:
        model = self.model(name)
        return {
            "config": _short(identity.training_identity(self.configurations[name])),
            "data": self._shard_identity("train"),
            "start": self._start_identity(name),
            "seed": model["seed"],
            "tf_threads": model["tf_threads"],
            # GPUs, their number and XLA change roundings as another machine does; a run may go on with others.
            "precision": [model["precision"], model["loss_scale"] if model["precision"] == "float16" else None],
            "code": self._code("train_segment"),
        }

    def preview(self, name: str) -> Identity:
        return {
            "config": _short(text.to_text(self.configurations[name])),
            "data": self._shard_identity("train"),
            "seed": self.model(name)["seed"],
            "steps": self.steps(name),
            "code": self._code("preview_training"),
        }

    def evaluation(self, name: str) -> Identity:
        return {
            "training": _short(self.training(name)),
            "config": _short(identity.evaluation_identity(self.configurations[name])),
            "data": self._shard_identity("eval"),
            "code": self._code("evaluate_checkpoint"),
        }

    def training_log(self, name: str) -> Identity:
        return {
            "training": _short(self.training(name), self.steps(name)),
            "code": self._code("collect_training_log"),
        }

    def decision(self, name: str) -> Identity:
        return {
            "wanted": _short(self.early_stopping(name)),
            "measured": _short(self.evaluation(name)),
            "code": self._code("judge_progress"),
        }

    def choice(self, name: str) -> Identity:
        return {
            "wanted": _short(self.settings["export"], self.model(name)["early_stopping"]),
            "measured": _short(self.evaluation(name), self.steps(name)),
            "code": self._code("choose_checkpoint"),
        }

    def export(self, name: str) -> Identity:
        return {
            "choice": _short(self.choice(name)),
            "config": _short(text.to_text(self.configurations[name])),
            "form": _short(forms.CHECKPOINT.deciding()),
            "code": self._code("export_detector"),
        }

    def export_form(self, name: str, form: forms.Form) -> Identity:
        """Of one form of a model's exported detector; another form has no part in it but that which it is made from."""
        if form.made_from is None:
            return self.export(name)
        return {
            "source": _short(self.export_form(name, forms.named(form.made_from))),
            "form": _short(form.deciding()),
            "code": code.identity(self._scripts / "export_form.py", form.module, form.runtime),
        }

    def exports(self, name: str) -> Identity:
        """Of the checks of all forms, side by side."""
        return {
            "forms": _short([self.export_form(name, form) for form in forms.FORMS]),
            "code": self._code("compare_forms"),
        }

    def prediction(self, name: str) -> Identity:
        predict = self.settings["predict"]
        images = self._folder_identity(predict["images"]) if predict["images"] else self._shard_identity("eval")
        return {
            "detector": _short(self.export_form(name, forms.MAIN)),
            "images": images,
            "drawing": _short(predict["score_threshold"], predict["line_thickness"]),
            "code": code.identity(self._scripts / "predict_images.py", forms.MAIN.runtime),
        }

    # What the figures of the report depend on

    @property
    def found(self) -> dict[str, int]:
        """How many images and annotations were found, and how many images are on no side of the split, by reason."""
        counts = self.plan.counts
        found = counts["found"] | {key: counts[key] for key in ("left_out", "on_neither_list")}
        # A plan that is read has its keys in another order than one just made, and Snakemake compares their text.
        return dict(sorted(found.items()))

    @property
    def statistics(self) -> Identity:
        data = _short(self._samples("train"), self._samples("eval"), self.plan.identities["checks"], self.found)
        return {"data": data, "code": self._code("describe_dataset")}

    def anchors(self, name: str) -> Identity:
        return {
            "data": _short(self._samples("train"), self._samples("eval")),
            "model": _short(identity.anchor_identity(self.configurations[name])),
            "code": self._code("measure_anchors"),
        }

    def drawing(self, name: str) -> Identity:
        return {"choice": _short(self.choice(name)), "code": self._code("draw_model")}

    @property
    def comparison(self) -> Identity:
        families = [(name, self.model(name)["repeat_of"]) for name in self.models]
        return {
            "models": _short(families, [self.exports(name) for name in self.models]),
            "data": _short(self.statistics),
            "code": self._code("compare_models"),
        }

    # How it is found out

    def _data(self, output: str, script: str) -> Identity:
        return {"data": self.plan.identities[output], "code": self._code(script)}

    def _shard_identity(self, side: str) -> str:
        names = [Path(shard).stem for shard in self.shards(side)]
        code = self._code("write_records")
        return _short(code, self.plan.identities["label_map"], [self.plan.identities[name] for name in names])

    def _samples(self, side: str) -> str:
        return _short([self.plan.identities[Path(shard).stem] for shard in self.shards(side)])

    def _code(self, script: str) -> str:
        return code.identity(self._scripts / f"{script}.py")

    @cached_property
    def _hashes(self) -> files.HashCache:
        return files.HashCache(Path(self.plan_folder) / "hashes.json")

    def _start_identity(self, name: str) -> str | None:
        source = self.model(name)["checkpoint"]
        if source is None:
            return None
        if entry := self.zoo(name):
            return _short(entry.identity)
        path = Path(source)
        found = [path] if path.is_file() else sorted((path if path.is_dir() else path.parent).iterdir())
        if not path.exists():
            found = [file for file in found if file.name.startswith(path.name + ".")]
        found += filter(None, [label_maps.beside(path)])
        return _short([(file.name, self._hashes[file]) for file in found if file.is_file()])

    def _folder_identity(self, folder: str) -> str:
        found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return _short([(str(path.relative_to(folder)), self._hashes[path]) for path in found])


def _short(*parts: Any) -> str:
    """A short hash of plain values, the same whatever the order of keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
