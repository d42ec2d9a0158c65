"""Of equal values OpenVINO's model takes the first, as ONNX does."""

import numpy as np
import pytest

pytest.importorskip("openvino")

from boxwright.core.openvino import openvino
from boxwright.export import openvino_model


@pytest.mark.parametrize(("count", "values"), [(5, 5), (7, 100), (100, 3000)])
@pytest.mark.parametrize("different", [1, 2, 10, 1_000_000])
def test_the_best_are_the_first_of_equal_values(count, values, different):
    from openvino import opset13 as op

    given = op.parameter([-1, -1], np.float32)
    best = op.topk(given, op.constant(np.int64(count)), -1, "max", "value", "i64")
    model = openvino.Model([best.output(0), best.output(1)], [given])
    openvino.utils.replace_node(best, openvino_model._stable(best))
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    scores = np.random.default_rng(0).integers(0, different, (3, values)).astype(np.float32) / different
    found = compiled([scores])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(found[compiled.output(1)], order)
    np.testing.assert_array_equal(found[compiled.output(0)], np.take_along_axis(scores, order, 1))
