"""Flat graphs from functions: values, names, what is folded, loops and branches, equal bytes."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.export import graph

SPEC = tf.TensorSpec([None, 4], tf.float32)


def run(definition, feeds, fetches):
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=whole) as session:
        return session.run({name: f"{name}:0" for name in fetches}, feeds)


@pytest.fixture(scope="module")
def function():
    weights = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3))
    scale = tf.Variable([1.0, 2.0, 4.0])

    @tf.function
    def inner(x):
        return tf.matmul(x, weights * tf.math.rsqrt(scale)) + scale

    def whole(x):
        y = inner(x * 2.0)
        looped = tf.map_fn(lambda row: row + tf.reduce_sum(scale), y)
        branched = tf.cond(tf.reduce_sum(x) > 0, lambda: looped + 1.0, lambda: inner(x) * 3.0)
        parts = tf.split(scale * 2.0, 3)
        return {"plain": y, "branched": branched, "constant": parts[1] + tf.zeros([2]), "last": tf.identity(parts[2])}

    return whole


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_graph_computes_what_the_function_does(function, sign):
    definition = graph.frozen(function, "x", SPEC)
    x = sign * np.random.default_rng(0).random((5, 4)).astype(np.float32)
    ours = run(definition, {"x:0": x}, ["plain", "branched", "constant", "last"])
    for name, value in function(tf.constant(x)).items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-6, err_msg=name)


def test_no_variable_call_or_function_is_left(function):
    definition = graph.frozen(function, "x", SPEC)
    operations = {node.op for node in definition.node}
    assert not operations & {
        "StatefulPartitionedCall",
        "PartitionedCall",
        "VarHandleOp",
        "ReadVariableOp",
        "While",
        "If",
    }
    assert not definition.library.function
    assert [node.name for node in definition.node if node.op == "Placeholder"] == ["x"]
    assert not any(key.startswith("_") for node in definition.node for key in node.attr)


def test_what_depends_on_constants_alone_is_computed(function):
    definition = graph.frozen(lambda x: {"plain": function(x)["plain"]}, "x", SPEC)
    # x * 2 and one product with a finished matrix, plus a finished vector.
    assert sorted(node.op for node in definition.node) == [
        "AddV2", "Const", "Const", "Const", "Identity", "MatMul", "Mul", "Placeholder",
    ]  # fmt: skip


def test_a_second_output_of_a_constant_node_is_kept():
    def whole(x):
        first, second = tf.unstack(tf.constant([[1.0], [2.0]]) * 3.0)
        return {"out": x * second + first}

    definition = graph.frozen(whole, "x", SPEC)
    assert run(definition, {"x:0": np.ones((1, 4), np.float32)}, ["out"])["out"].tolist() == [[9.0] * 4]
    assert "Unpack" not in {node.op for node in definition.node}


def test_random_numbers_are_not_folded():
    definition = graph.frozen(lambda x: {"out": x + tf.random.uniform([4])}, "x", SPEC)
    assert "RandomUniform" in {node.op for node in definition.node}
    found = run(definition, {"x:0": np.zeros((1, 4), np.float32)}, ["out"])["out"]
    assert ((found > 0) & (found < 1)).all()


def test_equal_functions_give_equal_bytes(function):
    first, second = (graph.frozen(function, "x", SPEC).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_an_operation_that_has_an_outputs_name_makes_room():
    definition = graph.frozen(lambda x: {"scores": tf.identity(x, name="scores") + 1.0}, "x", SPEC)
    assert run(definition, {"x:0": np.ones((1, 4), np.float32)}, ["scores"])["scores"].tolist() == [[2.0] * 4]
