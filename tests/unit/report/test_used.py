"""The page of what a run used: settings, programs, costs."""

from boxwright.report import used

from .made_up import plain

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def test_costs_are_added_up_by_rule(tmp_path):
    files = {
        "train_segment/a-10.tsv": "60.5\t0:01:00\t900.00\t1\t1\t1\t0\t0\t50\t100.0\n",
        "train_segment/a-20.tsv": "30.0\t0:00:30\t1200.00\t1\t1\t1\t0\t0\t50\t50.0\n",
        "write_label_map.tsv": "0.1\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n",
        "damaged.tsv": "\x00\n",
    }
    for name, row in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(HEAD + row)
    found = {one.rule: one for one in used.costs(tmp_path)}
    assert found.keys() == {"train_segment", "write_label_map"}
    assert found["train_segment"] == used.Cost("train_segment", 2, 90.5, 150.0, 1200.0)
    assert found["write_label_map"][1:] == (1, 0.1, None, None)
    assert used.costs(tmp_path / "missing") == []


def test_the_page_tells_settings_programs_and_costs():
    models = {"small": {"num_steps": 20, "seed": 0, "keep": None, "overrides": {"model.ssd.num_classes": 3}}}
    said = plain(used.page(models, {"numpy": "2.3.1"}, [used.Cost("train_segment", 2, 90.5, 150.0, 1200.4)]))
    assert "small setting value num_steps 20 seed 0 keep null overrides model.ssd.num_classes: 3" in said
    assert "numpy 2.3.1" in said and "train segment 2 1 min 30 s 2 min 30 s 1,200 MB" in said


def test_every_setting_has_the_key_of_the_configuration():
    data = {"images": ["a", "b"], "demo": False, "split": {"eval_fraction": 0.2, "train": None}, "policies": {}}
    model = {"checkpoint": None, "early_stopping": {"patience": 2}, "repeat_of": None}
    said = plain(used.page({"Data": data, "Model m": model}, {}, []))
    assert "Data setting value images a, b demo false split.eval_fraction 0.2 split.train null policies {}" in said
    assert "Model m setting value checkpoint null early_stopping.patience 2 Programs" in said


def test_the_programs_are_those_of_this_environment():
    found = used.programs()
    assert {"Python", "boxwright", "numpy", "system", "processor"} <= found.keys() and all(found.values())
