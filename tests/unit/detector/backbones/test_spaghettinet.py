"""SpaghettiNet: how it rounds, how its maps are joined, and what its architectures have in common."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.backbones import spaghettinet
from boxwright.detector.backbones.spaghettinet import ARCHITECTURES, WIRING, Grouped, Rounding
from boxwright.detector.layers import Variables

SCOPE = "FeatureExtractor/spaghettinet_edgetpu"


def test_values_take_one_of_256_steps_of_which_one_is_0():
    low, high = -0.8, 5.6
    x = np.random.default_rng(0).uniform(-3, 9, 2000).astype(np.float32)
    step = (high - low) / 255
    start = -round(-low / step) * step
    expected = np.clip(np.round((x - start) / step), 0, 255) * step + start
    found = spaghettinet.rounded(tf.constant(x), tf.constant(low), tf.constant(high))
    np.testing.assert_allclose(found, expected, atol=step * 1.01)  # a tie may go either way
    assert np.mean(np.abs(found - expected) > step / 100) < 0.01
    assert len(np.unique(found)) <= 256 and spaghettinet.rounded(tf.zeros([1]), low, high) == 0


def test_the_range_is_an_average_without_the_bias_of_its_first_values():
    variables = Variables()
    rounding = Rounding(variables, "a/concat")
    low, high = (variables.by_name[f"a/concat/{end}"] for end in ("min", "max"))
    assert (float(low), float(high)) == (0, 6) and not variables.trainable
    seen = [(-1.0, 4.0), (0.5, 8.0), (-3.0, 2.0)]  # 0 always belongs to the range
    for count in range(1, len(seen) + 1):
        x = tf.reshape(tf.constant(seen[count - 1], tf.float32), [1, 1, 2, 1])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = rounding(x, training=True)
        weights = 0.001 * 0.999 ** np.arange(count)[::-1]
        for end, value in ((low, 0), (high, 1)):
            values = [min(each[0], 0) if value == 0 else max(each[1], 0) for each in seen[:count]]
            assert float(end) == pytest.approx(weights @ values / weights.sum(), rel=1e-4)
        # It rounds with the range that this step has made.
        np.testing.assert_array_equal(y, spaghettinet.rounded(x, low, high))
        inside = [float(low) <= value <= float(high) for value in seen[count - 1]]
        assert tape.gradient(y, x).numpy().ravel().tolist() == [float(each) for each in inside]
    before = {name: float(variable) for name, variable in variables.by_name.items()}
    y = rounding(tf.fill([1, 1, 1, 1], 100.0), training=False)
    assert float(y[0, 0, 0, 0]) == pytest.approx(before["a/concat/max"], abs=0.05)
    assert {name: float(variable) for name, variable in variables.by_name.items()} == before
    assert before["a/concat/a/concat/max/local_step"] == 3


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_fits_the_wiring(name):
    nodes = ARCHITECTURES[name]
    assert list(nodes) == list(WIRING)
    for node, (level, sources) in WIRING.items():
        strides = [layer.stride for layer in nodes[node].layers]
        assert all(stride == 1 for stride in strides[1:]), "what has a stride can't be added to its input"
        below = WIRING[sources[0]][0] if sources[0] in WIRING else 1
        if len(sources) == 1 and node != "c0n5":
            assert strides[0] == 2 ** (level - below)
        if isinstance(nodes[node].layers[0], Grouped):
            channels = nodes[sources[0]].channels if sources[0] in nodes else spaghettinet.STEM_CHANNELS
            assert channels % nodes[node].layers[0].groups == 0


@pytest.mark.parametrize("explicit", [False, True])
def test_maps_of_any_size(explicit):
    """Where two maps of a sum differ in size, because a coarse one was enlarged, they are cut to the finer one."""
    variables = Variables()
    network = spaghettinet.features(
        variables, SCOPE, spaghettinet_arch_name="spaghettinet_edgetpu_s", use_explicit_padding=explicit
    )
    maps = network(tf.zeros([1, 72, 100, 3]))
    assert [features.shape[1:] for features in maps.values()] == [
        *((5, 7, 120), (3, 4, 168), (2, 2, 136), (1, 1, 136), (1, 1, 64)),
    ]
    assert {level: features.shape[-1] for level, features in maps.items()} == network.channels
    prefix = "FeatureExtractor/spaghettinet_edgetpu_s/"
    assert all(variable.startswith(prefix) for variable in variables.by_name)
    assert f"{prefix}edge_c0n1_c0n2/1x1_after_downsampling/weights" in variables.by_name
    assert f"{prefix}edge_n4_c0n0/1x1_before_upsample/weights" in variables.by_name


def test_without_a_name_it_is_the_usual_one():
    named, usual = Variables(), Variables()
    spaghettinet.features(named, SCOPE, spaghettinet_arch_name="spaghettinet_edgetpu_m")
    spaghettinet.features(usual, SCOPE)
    assert list(named.by_name) == list(usual.by_name)
