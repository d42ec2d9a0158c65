import numpy as np
import tensorflow as tf

from boxwright.boxes import sampling

CANDIDATES = tf.constant([[True] * 90 + [False] * 10, [True] * 100])
POSITIVES = tf.constant([[True] * 20 + [False] * 70 + [True] * 10, [True] * 3 + [False] * 97])
balanced = tf.function(sampling.balanced)


def counts(drawn):
    return [
        np.sum(drawn & POSITIVES, axis=1).tolist(),
        np.sum(drawn & ~POSITIVES, axis=1).tolist(),
    ]


def draw(size, fraction, seed=(1, 2), candidates=CANDIDATES):
    drawn = balanced(candidates, POSITIVES, size, fraction, tf.constant(seed)).numpy()
    assert not np.any(drawn & ~candidates.numpy())
    return drawn


def test_positives_up_to_their_share_then_negatives():
    assert counts(draw(32, 0.25)) == [[8, 3], [24, 29]]
    assert counts(draw(32, 0.5)) == [[16, 3], [16, 29]]


def test_too_few_candidates():
    assert counts(draw(1000, 0.5)) == [[20, 3], [70, 97]]
    few = CANDIDATES & (tf.range(100) < 25)
    assert counts(draw(64, 0.25, candidates=few)) == [[16, 3], [5, 22]]


def test_without_a_size_negatives_follow_positives():
    assert counts(draw(None, 0.25)) == [[20, 3], [60, 9]]


def test_a_function_of_the_seed():
    assert np.array_equal(draw(32, 0.5), draw(32, 0.5))
    assert not np.array_equal(draw(32, 0.5), draw(32, 0.5, seed=(1, 3)))


def test_every_candidate_is_as_likely():
    hits = sum(draw(30, 0.5, seed=(0, seed))[0] for seed in range(200))
    # 15 of 20 positives, 15 of 70 negatives, in 200 draws; four standard deviations around.
    assert np.all(np.abs(hits[:20] - 150) < 25)
    assert np.all(np.abs(hits[20:90] - 200 * 15 / 70) < 24)


def test_too_few_candidates_are_topped_up_with_the_first_others():
    few = tf.constant([[False, True, False, False, True], [True] * 5])
    topped = sampling.topped_up(few, 4).numpy()
    assert topped.tolist() == [[True, True, True, False, True], [True] * 5]
    assert sampling.topped_up(few, 9).numpy().all()
    assert np.array_equal(sampling.topped_up(few, 2), few)
