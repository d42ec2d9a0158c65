"""Threads, GPUs and memory follow from one number."""

import pytest

from boxwright.run import resources


@pytest.mark.parametrize(
    ("gpus", "training", "inference"),
    [
        (0, (1, 2, 0, 4000), (1, 2, 0, 4000)),
        (1, (4, 4, 1, 12000), (4, 4, 1, 12000)),
        (8, (32, 32, 8, 68000), (4, 4, 1, 12000)),
    ],
)
def test_what_a_job_asks_for(gpus, training, inference):
    model = {"gpus": gpus, "tf_threads": 2}
    assert resources.of_training(model) == training
    assert resources.of_inference(model) == inference
    assert resources.of_inference(model, on_gpus=False) == (1, 2, 0, 4000)


def test_where_tensorflow_takes_all_processors_a_cluster_gives_two():
    assert resources.of_training({"gpus": 0, "tf_threads": "auto"}).processors == 2
    assert resources.of_training({"gpus": 2, "tf_threads": "auto"}).processors == 8
