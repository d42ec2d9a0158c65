"""EfficientNet below pyramids of other levels than the published ones."""

from boxwright.detector.backbones import efficientnet
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Variables


def test_below_a_pyramid_that_ends_early_the_rest_of_the_network_is_only_in_the_penalty() -> None:
    variables = Variables(seed=1)
    settings = {"conv_hyperparams": Hyperparams(), "width": 1.0, "depth": 1.0}
    network = efficientnet.features(variables, "net", levels=range(3, 5), **settings)
    assert network.channels == {1: 16, 2: 24, 3: 40, 4: 112}
    keys = network.object_graph_keys()
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    last = [name for name in variables.by_name if name.startswith(("net/stack_5/", "net/stack_6/"))]
    assert all("classification_backbone" in keys[name] for name in last)
    assert "_efficientnet" in keys["net/stack_4/block_2/project/weights"]
    trained = {name for name in last if name in variables.trainable}
    assert trained == {name for name in last if name in variables.regularized} != set()
