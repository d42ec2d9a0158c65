"""Times of the box package: targets, hard example mining and suppression of an SSD.

The peer for mining and suppression is the plain form, one suppression op over all boxes of an image or class; both must
choose the same boxes. The predictions are random, but as sharp as a trained detector's: a few objects stand out.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import mining, nms, targets
from boxwright.boxes.coders.faster_rcnn_box_coder import FasterRcnnBoxCoder
from boxwright.boxes.matchers.argmax_matcher import ArgmaxMatcher
from boxwright.pipeline import parts

FEATURES = [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]


def milliseconds(function, repeats):
    """The median time of a call, in ms, after one warm-up call."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def predictions(generator, batch, grid, classes):
    """Random box codes and logits: noise, and twenty objects per image that some anchors nearby detect."""
    codes = generator.normal(0, 0.3, [batch, len(grid), 4])
    logits = generator.normal(-6, 1, [batch, len(grid), classes])
    middle = (grid[:, :2] + grid[:, 2:]) / 2
    for image in range(batch):
        for _ in range(20):
            distance = np.abs(middle - generator.uniform(0, 1, 2)).sum(1)
            logits[image, np.argsort(distance)[:12], generator.integers(classes)] += generator.uniform(2, 9, 12)
    return tf.constant(codes, tf.float32), tf.constant(logits, tf.float32)


def plain_mining(boxes, losses, threshold):
    """Which boxes suppression keeps, by one op over all boxes of an image."""

    def one(image):
        kept = tf.image.non_max_suppression(boxes[image], losses[image], tf.shape(losses)[1], threshold)
        return tf.scatter_nd(kept[:, None], tf.ones_like(kept), tf.shape(losses)[1:]) > 0

    return tf.map_fn(one, tf.range(tf.shape(losses)[0]), fn_output_signature=tf.bool)


def plain_suppression(boxes, scores, settings, window):
    """Suppression by one op per class."""
    return nms._finish(boxes, nms._per_class(boxes, scores, settings), settings, window)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8, help="images of a training step")
    parser.add_argument("--boxes", type=int, default=30, help="ground truth boxes per image")
    parser.add_argument("--classes", type=int, default=90)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)

    generator = np.random.default_rng(0)
    message = protos.AnchorGenerator(ssd_anchor_generator={"aspect_ratios": [1, 2, 0.5, 3, 1 / 3]})
    grid = parts.make(message).generate(FEATURES, (300, 300))
    codes, logits = predictions(generator, options.batch, grid.numpy(), options.classes)

    low = generator.uniform(0, 0.7, [options.batch, options.boxes, 2])
    truth = tf.constant(np.concatenate([low, low + generator.uniform(0.05, 0.3, low.shape)], -1), tf.float32)
    labels = tf.one_hot(generator.integers(1, options.classes + 1, low.shape[:2]), options.classes + 1)
    weights, counts = tf.ones(low.shape[:2]), tf.fill([options.batch], options.boxes)

    @tf.function
    def assign():
        background = tf.one_hot(0, options.classes + 1)
        chosen = {"matcher": ArgmaxMatcher(force_match_for_each_row=True), "box_coder": FasterRcnnBoxCoder()}
        return targets.assign(grid, truth, labels, weights, counts, background=background, **chosen)

    print(f"targets, {options.batch} images, {len(grid)} anchors: {milliseconds(assign, options.repeats):.1f} ms")

    boxes, losses = FasterRcnnBoxCoder().decode(codes, grid), tf.reduce_sum(tf.nn.softplus(logits), axis=-1)
    match = assign().match
    miner = mining.Miner(3000, 0.99, 1.0, 0.0, 3, 0)
    mine = tf.function(lambda: mining.mine(miner, losses, tf.zeros_like(losses), boxes, match))
    keep = tf.function(lambda: mining._unsuppressed(boxes, losses, tf.ones_like(losses, tf.bool), 0.99))
    plain = tf.function(lambda: plain_mining(boxes, losses, 0.99))
    np.testing.assert_array_equal(keep(), plain())
    print(f"hard example mining, {options.batch} images: {milliseconds(mine, options.repeats):.1f} ms")
    print(f"  comparing all pairs: {milliseconds(plain, max(3, options.repeats // 5)):.1f} ms")

    settings = nms.Settings(0.6, 1e-8, 100, 100)
    window = tf.constant([[0.0, 0.0, 1.0, 1.0]])
    arguments = (boxes[:1, :, None], tf.sigmoid(logits[:1]), settings, window)
    ours, peer = tf.function(nms.multiclass), tf.function(plain_suppression)
    for a, b in zip(ours(*arguments), peer(*arguments), strict=True):
        np.testing.assert_array_equal(a, b)
    ours_ms, peer_ms = (milliseconds(lambda f=f: f(*arguments), options.repeats) for f in (ours, peer))
    print(f"suppression, 1 image, {options.classes} classes: {ours_ms:.1f} ms")
    print(f"  one op per class: {peer_ms:.1f} ms")


if __name__ == "__main__":
    main()
