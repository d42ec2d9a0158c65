"""The run plan: the models of a run, their checkpoints and the paths of all files, decided before the first job.

It joins the settings, the plan of the data and the patched pipeline.config of every model. `identities` defines what
the results of each rule depend on, `preflight` checks what must hold before the first job.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

from boxwright.catalog import forms
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.forms import Form
from boxwright.core.errors import UserError
from boxwright.dataset import enough
from boxwright.dataset import plan as data_plan
from boxwright.dataset.split import SIDES
from boxwright.pipeline.configure import Wanted, configure
from boxwright.protos import model_of
from boxwright.run import key_lines, paths, pipelines, settings
from boxwright.zoo import catalogue

DEMO = Path("resources/demo")
# The folder of the predictions on the evaluation images; those on other folders have its name after it.
PREDICTIONS = "predictions"


class PlanError(UserError):
    """What is wrong with the data and the pipeline.config files of a run.

    plan: the RunPlan without these: `data` is None if they are wrong, and the models are those with a configuration.
    """

    def __init__(self, mistakes: Sequence[str], plan: "RunPlan") -> None:
        super().__init__("\n".join(mistakes))
        self.plan = plan


class RunPlan:
    """The models, steps and paths of one run.

    `config` is the configuration as Snakemake read it from `files`. With `plan_data` the data set is scanned and
    planned (the demo is drawn if it is missing). Without, the finished plan is read, since jobs parse the rules again
    but must not scan the folders again. Without `write` the plan is made but not stored. `download`: see
    `pipelines.find`.

    settings: with all defaults. results: the results folder. data: the plan of the data set. originals: by model, the
    document that its pipeline.config is made from. configurations: by model, the patched message. unsettled: the models
    (by their names in the configuration) whose fields are not all what they are meant to be, since some are mistaken.

    Raises UserError for every mistake in the configuration, or else PlanError for every one in a pipeline.config
    and in the data. `refusal` tells with them what else speaks against a run.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        files: Sequence[str | Path] = (),
        *,
        plan_data: bool,
        write: bool = True,
        download: bool = False,
    ) -> None:
        self._make(settings.load(config, files), files, plan_data, write, download)

    @classmethod
    def of_sound(cls, sound: dict[str, Any], files: Sequence[str | Path] = (), *, with_data: bool) -> Self:
        """The plan of sound settings beside mistakes (`settings.SettingsError`); without its `data` if these are wrong.

        Nothing is stored, so it is also without the data of a demo that is not drawn yet, and models whose
        pipeline.config is not here are left out. Raises PlanError for mistakes in the data and in pipeline.config
        files, and for archives of the zoo that cannot be used.
        """
        plan = cls.__new__(cls)
        plan._make(sound, files, plan_data=True, write=False, download=False, with_data=with_data, complete=False)
        return plan

    def _make(
        self,
        found: dict[str, Any],
        files: Sequence[str | Path],
        plan_data: bool,
        write: bool,
        download: bool,
        with_data: bool = True,
        complete: bool = True,
    ) -> None:
        self.settings = found
        self.files = files
        self.results = self.settings["results"]
        self.models = list(self.settings["models"])
        self.plan_folder = f"{self.results}/data/plan"
        mistakes = []
        with_data = with_data and (complete or DEMO.is_dir() or not found["dataset"]["demo"])
        try:
            self.data = self._plan_data(plan_data, write) if with_data else None
        except UserError as error:
            if not plan_data:
                raise
            self.data = None
            mistakes.append(str(error))
        complete = complete and not mistakes  # nothing is downloaded for a run that is refused
        if plan_data:
            find = partial(pipelines.find, download=download) if complete else pipelines.require_usable
            try:
                find(found["models"], trust=found["zoo_trust"])
            except UserError as error:
                mistakes.append(str(error))
        there = [name for name in self.models if (complete and not mistakes) or Path(self.pipeline(name)).is_file()]
        self.originals, self.configurations, wrong = configure(
            Wanted(name, self.shown(name), self.pipeline(name), self.patch_arguments(name)) for name in there
        )
        self.models = [name for name in self.models if name in self.configurations]
        self.unsettled = set(wrong)
        of_files = [line for shown, lines in wrong.items() for line in self._located(shown, *lines)]
        if mistakes := [*self.located(mistakes), *of_files]:
            raise PlanError(mistakes, self)

    @property
    def _written(self) -> dict[str, Any]:
        """The settings with each model below its name in the configuration."""
        return self.settings | {"models": {self.shown(name): model for name, model in self.settings["models"].items()}}

    def located(self, texts: Iterable[str]) -> list[str]:
        """The lines of texts, those that begin with the name of a key after the file and the line that it is in."""
        return key_lines.named(texts, self._written, self.files)

    def _located(self, shown: str, head: str, *lines: str) -> Iterator[str]:
        """The mistakes in a model's pipeline.config, of overrides after the file and the line that they are in."""
        told = [line.removeprefix("  - ") for line in lines]
        found = [re.match(r"override `([^`]+)`:", line) for line in told]
        places = [[("models", shown, "overrides", match[1])] if match else [] for match in found]
        located = key_lines.located(zip(places, told, strict=True), self._written, self.files)
        yield from (head, *(f"  - {line}" for line in located))

    def _plan_data(self, anew: bool, write: bool) -> data_plan.Plan:
        dataset, folder = dict(self.settings["dataset"]), Path(self.results) / "data"
        if not anew:
            return data_plan.load(folder)
        if dataset["demo"]:
            if not DEMO.is_dir():
                from boxwright.dataset import demo  # most runs are not the demo's

                demo.draw(DEMO)
            dataset |= {"images": [str(DEMO / "images")], "annotations": [str(DEMO / "annotations")]}
        return data_plan.make(dataset, folder, write=write, results=self.results)

    @cached_property
    def is_stored(self) -> bool:
        """Whether the plan's folder has the lists of these data."""
        try:
            return data_plan.load(Path(self.plan_folder).parent).identities == self.data.identities
        except UserError:
            return False

    @property
    def sides(self) -> list[str]:
        """The sides of the split: "train", "eval" and, if there is one, "test"."""
        return [side for side in SIDES if self.data and side in self.data.counts]

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms in which every detector is exported."""
        return forms.chosen(self.settings["export"]["forms"])

    @property
    def choice(self) -> dict[str, Any]:
        """The settings that choose the checkpoint to export: {checkpoint, metric}."""
        return {key: self.settings["export"][key] for key in ("checkpoint", "metric")}

    @property
    def int8(self) -> dict[str, int]:
        """The training images that int8 forms are calibrated with: {count, seed}."""
        wanted = self.settings["export"]["int8"]
        return {"count": wanted["images"], "seed": wanted["seed"]}

    @property
    def exported(self) -> dict[str, Any]:
        """The settings that decide which checkpoints are exported: {checkpoint, metric}, and further steps, {also}."""
        also = self.settings["export"]["also"]
        return self.choice | ({"also": also} if also else {})

    @property
    def predicted(self) -> dict[str, str | None]:
        """The predictions of every model: the name of their folder, and the folder of the images.

        The latter is None for the evaluation images, which are predicted on where the configuration names no folder.
        """
        named = paths.names_of(paths.listed(self.settings["predict"]["images"]))
        return {f"{PREDICTIONS}-{name}": folder for name, folder in named.items()} or {PREDICTIONS: None}

    # Models

    def model(self, name: str) -> dict[str, Any]:
        """The settings of one model."""
        return self.settings["models"][name]

    def shown(self, name: str) -> str:
        """The model's name in the configuration, which its repetitions over seeds share."""
        return self.model(name)["repeat_of"] or name

    def zoo(self, name: str) -> catalogue.Entry | None:
        """The detector of the zoo that a model starts from."""
        return pipelines.entry(self.model(name))

    def zoo_folder(self, name: str) -> list[str]:
        """The folder of that detector's unpacked archive; empty for a model that starts from something else."""
        entry = self.zoo(name)
        return [str(entry.folder)] if entry else []

    def pipeline(self, name: str) -> str:
        """The pipeline.config that a model is made from."""
        return pipelines.path(self.model(name))

    def start(self, name: str) -> str | None:
        """The checkpoint that a model starts from; None for random weights."""
        return pipelines.start(self.model(name))

    def patch_arguments(self, name: str) -> dict[str, Any]:
        """What `pipeline.patch.patch` needs to fit a model's pipeline.config to this run."""
        model = self.model(name)
        keys = ("num_steps", "batch_size", "rescale_learning_rate", "rescale_schedule", "overrides")
        return {key: model[key] for key in keys} | {
            "checkpoint": self.start(name),
            "num_classes": self.data.num_classes if self.data else 1,
            "label_map_path": f"{self.results}/data/label_map.pbtxt",
            "train_records": self.shards("train"),
            "eval_records": self.shards("eval"),
        }

    def lacking(self, name: str) -> str:
        """What to give the training of a model before anything else, in words: time or images; "" if it has both."""
        if few := self.too_few_steps(name):
            return f"Train it longer (`num_steps: {self.usual_steps(name)}` is usual): {few}."
        few = enough.too_few_images(*(self.data.counts[side]["images"] for side in self.sides[:2]))
        return f"Annotate more images: {few}." if few else ""

    def too_few_steps(self, name: str) -> str:
        """That the training of a model is too short to learn from its images, a clause; "" if it is not."""
        images = self.data.counts["train"]["images"]
        return enough.too_few_steps(self.steps(name)[-1], self.batch_size(name), images, self.start(name) is None)

    def usual_steps(self, name: str) -> int:
        """The number of steps that such a training usually takes."""
        images = self.data.counts["train"]["images"]
        return enough.usual_steps_within_limits(images, self.batch_size(name), self.start(name) is None)

    def batch_size(self, name: str) -> int:
        """The images of a step."""
        return max(self.configurations[name].train_config.batch_size, 1)

    # Steps

    def steps(self, name: str) -> list[int]:
        """The steps of a model's checkpoints."""
        return settings.checkpoint_steps(self.model(name))

    def steps_to_judge(self, name: str) -> list[int]:
        """The steps after which early stopping decides; not the last two, as no segment is left that it could save."""
        return self.steps(name)[:-2] if self.model(name)["early_stopping"] else []

    def step_after(self, name: str, step: int) -> int:
        """The step of the next checkpoint."""
        return next(later for later in self.steps(name) if later > step)

    def early_stopping(self, name: str) -> dict[str, Any]:
        """The settings of a model's early stopping: {metric, patience, min_delta}."""
        wanted = self.model(name)["early_stopping"]
        return {**wanted, "metric": wanted["metric"] or self.settings["export"]["metric"]}

    # Files

    def checkpoint(self, name: str, step: int) -> list[str]:
        """The files of a model's checkpoint: index and data."""
        prefix = f"{self.results}/models/{name}/train/model.ckpt-{step}"
        return [f"{prefix}.index", f"{prefix}.data-00000-of-00001"]

    def checkpoint_before(self, name: str, step: int) -> list[str]:
        """The files of the checkpoint that the segment up to `step` continues; none for the first segment."""
        earlier = [other for other in self.steps(name) if other < step]
        return self.checkpoint(name, earlier[-1]) if earlier else []

    def start_folder(self, name: str, step: int) -> list[str]:
        """The folder of the zoo that the segment up to `step` starts from; none if it continues another segment."""
        return [] if self.checkpoint_before(name, step) else self.zoo_folder(name)

    def shards(self, side: str) -> list[str]:
        """The record files of a side of the split; none if there is no such side."""
        count = self.settings["dataset"]["shards"][side] if side in self.sides else 0
        return [f"{self.results}/data/{side}-{index:05d}-of-{count:05d}.tfrecord" for index in range(count)]

    def manifests(self, side: str) -> list[str]:
        """The plan's lists of the samples of a side, one for each shard."""
        return [f"{self.plan_folder}/{Path(shard).stem}.jsonl" for shard in self.shards(side)]

    @property
    def with_anchors(self) -> list[str]:
        """The models of families that have anchors."""
        families = {name: model_of(config)[1] for name, config in self.configurations.items()}
        return [name for name in self.models if FAMILIES[families[name]].anchor_generator]

    @property
    def across_split(self) -> str | None:
        """The list of the evaluation images that show the same as a training image; None if there is none."""
        listed = "across_split" in self.data.identities
        return f"{self.plan_folder}/{data_plan.ACROSS_SPLIT}" if listed else None

    @property
    def found(self) -> dict[str, int]:
        """The numbers of images and annotations found, and of images on no side of the split, by reason."""
        counts = self.data.counts
        found = counts["found"] | {key: counts[key] for key in ("left_out", "on_neither_list")}
        # Sorted, since Snakemake compares the text, and a plan read from disk has its keys in another order than a new
        # one.
        return dict(sorted(found.items()))
