"""An ONNX model in OpenVINO's own format: equal scores in ONNX's order, and names that depend on nothing else."""

from pathlib import Path
from typing import Any

import numpy as np

from boxwright.core.openvino import openvino
from boxwright.export import openvino_resize


def converted(source: str | bytes) -> Any:
    """OpenVINO's model of the ONNX model that `source` is, or that lies there."""
    model = openvino.Core().read_model(source)
    for operation in model.get_ordered_ops():
        if operation.get_type_name() in _OTHER_WAYS:
            openvino.utils.replace_node(operation, _OTHER_WAYS[operation.get_type_name()](operation))
    for number, operation in enumerate(model.get_ordered_ops()):
        kind = operation.get_type_name()
        if kind not in ("Parameter", "Result"):
            # OpenVINO numbers the operations that a process makes, and these numbers are part of their names.
            operation.set_friendly_name(f"{kind}_{number}")
    return model


def _stable(best: Any) -> list[Any]:
    """The two outputs of a TopK, with the first of equal values, as ONNX takes them, in place of any.

    OpenVINO's own stable TopK of N values compares each with each of the K best so far: 0.5 s for 1024 of the scores of
    1917 anchors and 90 classes. This one finds the first K places of the highest values, and sorts only these.
    """
    from openvino import opset13 as op

    values, count = (given.get_source_output() for given in best.inputs())
    settings = best.get_attributes()
    last = values.get_partial_shape().rank.get_length() - 1
    if settings["mode"] != "max" or settings["axis"] not in (-1, last) or last != 1:
        best.set_attribute("stable", True)
        return best.outputs()

    places = _best_places_of_many(values, count)
    found, order = _sorted(op.gather_elements(values, places, 1), count)
    place = op.gather_elements(places, order, 1)
    return [found, op.convert(place, best.get_output_element_type(1)).output(0)]


def _best_places_of_many(values: Any, count: Any) -> Any:
    """`_best_places` from the best blocks of neighbours, where there are many values: a tenth of the time.

    The K highest values are in the K blocks with the highest maxima. Of blocks with equal maxima the first are taken,
    so of the values that equal the least of the K highest, the first are among theirs.
    """
    from openvino import opset13 as op

    size = _block_size(values, count)
    if size is None:
        return _best_places(values, count)
    last = op.constant(np.int64([2]))
    blocks = op.reshape(values, op.constant(np.int64([0, -1, size])), special_zero=True)
    best = _best_places(op.reduce_max(blocks, last), count)
    within = op.constant(np.arange(size, dtype=np.int64)[np.newaxis, np.newaxis])
    rows = op.constant(np.int64([0, -1]))
    places = op.add(op.multiply(op.unsqueeze(best, last), op.constant(np.int64(size))), within)
    places = op.reshape(places, rows, special_zero=True)
    chosen = op.reshape(op.gather(blocks, best, op.constant(np.int64(1)), batch_dims=1), rows, special_zero=True)
    return op.gather_elements(places, _best_places(chosen, count), 1)


def _block_size(values: Any, count: Any) -> int | None:
    """The length of blocks that leaves the fewest values to look at, or None if blocks leave as many."""
    length, number = values.get_partial_shape()[1], getattr(count.get_node(), "data", None)
    if length.is_dynamic or number is None:
        return None
    total, number = length.get_length(), int(number)
    fits = [size for size in range(2, 65) if total % size == 0 and total // size >= number]
    looked_at = {size: total // size + number * size for size in fits}
    best = min(looked_at, key=looked_at.__getitem__, default=1)
    return best if 4 * looked_at.get(best, total) <= total else None


def _best_places(values: Any, count: Any) -> Any:
    """The first `count` places of the highest values in each row [B, N], int64 [B, K], in ascending order.

    Ties do not change the least of the K highest, and all of a higher value are among them.
    """
    from openvino import opset13 as op

    columns = op.constant(np.int64(1))
    highest = op.topk(values, count, -1, "max", "value", "i32").output(0)
    least = op.gather(highest, op.constant(np.int64([-1])), columns)
    above, equal = op.greater(values, least), op.equal(values, least)
    room = op.subtract(count, op.reduce_sum(op.convert(above, "i64"), columns, keep_dims=True))
    enters = op.less_equal(op.cumsum(op.convert(equal, "i64"), columns), room)
    chosen = op.logical_or(above, op.logical_and(equal, enters))
    shape = op.concat([op.constant(np.int64([-1])), op.unsqueeze(count, op.constant(np.int64(0)))], 0)
    column = op.gather(op.non_zero(chosen, "i64"), columns, op.constant(np.int64(0)))
    return op.reshape(column, shape, special_zero=False)


def _sorted(values: Any, count: Any) -> tuple[Any, Any]:
    """The `count` values of each row [B, K], highest first, and their places, int32: of equal values the first first.

    OpenVINO's own stable sort takes 3 ms for 1024 values, two of its others a tenth of that. The second sorts whole
    numbers, no two of which are equal: the rank of a value among the different ones, then its place.
    """
    from openvino import opset13 as op

    found, place = op.topk(values, count, -1, "max", "value", "i32").outputs()
    # The last value, which "edge" ignores, is given because the file would else hold one with a name of its own.
    ends = (op.constant(np.int64([0, number])) for number in (1, -1))
    before = op.pad(found, *ends, "edge", op.constant(np.float32(0)))
    rank = op.cumsum(op.convert(op.less(found, before), "i32"), op.constant(np.int64(1)))
    number = op.convert(count, "i32")
    key = op.add(op.multiply(rank, number), place)
    return found, op.floor_mod(op.topk(key, count, -1, "min", "value", "i32").output(0), number)


def _divided(quotient: Any) -> list[Any]:
    """The output of a Divide, whose first operand is no constant.

    Where sizes are computed from the shape of an image, OpenVINO 2026.4 on a CPU divides x by c if c / x is wanted.
    """
    from openvino import opset13 as op

    dividend, divisor = (given.get_source_output() for given in quotient.inputs())
    if dividend.get_node().get_type_name() != "Constant" or divisor.get_node().get_type_name() == "Constant":
        return quotient.outputs()
    zero = op.subtract(divisor, divisor)
    return op.divide(op.add(zero, dividend), divisor).outputs()


# By kind of operation, the outputs of what computes the same.
_OTHER_WAYS = {"TopK": _stable, "Divide": _divided, "Interpolate": openvino_resize.resized}


def write(source: str | Path, target: str | Path, *, float16: bool) -> None:
    """Write the ONNX model `source` as the .xml file `target` and a .bin file beside it.

    float16: whether weights are stored in float16. Equal models give equal bytes.
    """
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(converted(str(source)), str(target), compress_to_fp16=float16)
