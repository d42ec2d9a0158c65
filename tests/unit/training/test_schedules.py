import math

import pytest
from google.protobuf import text_format

from boxwright import protos
from boxwright.pipeline import parts
from boxwright.training import schedules


def schedule(text: str) -> schedules.Schedule:
    return schedules.make(parts.numbers(text_format.Parse(text, protos.LearningRate())))


def test_exponential_in_stairs_and_smooth():
    stairs = schedule("exponential_decay_learning_rate { initial_learning_rate: 8 decay_steps: 10 decay_factor: 0.5 }")
    assert [stairs(step) for step in (0, 9, 10, 19, 20)] == [8, 8, 4, 4, 2]
    smooth = schedule(
        "exponential_decay_learning_rate { initial_learning_rate: 8 decay_steps: 10 decay_factor: 0.25 "
        "staircase: false }"
    )
    assert smooth(5) == pytest.approx(4)


def test_decay_counts_from_the_end_of_the_burn_in_and_the_minimum_lifts_it():
    rate = schedule(
        "exponential_decay_learning_rate { initial_learning_rate: 8 decay_steps: 10 decay_factor: 0.5 "
        "burnin_learning_rate: 1 burnin_steps: 5 min_learning_rate: 2 }"
    )
    assert [rate(step) for step in (0, 4, 5, 14, 15, 25, 35, 1000)] == [2, 2, 8, 8, 4, 2, 2, 2]


def test_manual_steps_change_at_their_step():
    text = (
        "manual_step_learning_rate { initial_learning_rate: 1 schedule { step: 10 learning_rate: 5 } "
        "schedule { step: 20 learning_rate: 2 } %s }"
    )
    rate = schedule(text % "")
    assert [rate(step) for step in (0, 9, 10, 19, 20, 99)] == [1, 1, 5, 5, 2, 2]
    warmed = schedule(text % "warmup: true")
    assert [warmed(step) for step in (0, 5, 9, 10, 20)] == pytest.approx([1, 3, 4.6, 5, 2])


def test_cosine_rises_holds_and_falls_to_zero():
    rate = schedule(
        "cosine_decay_learning_rate { learning_rate_base: 4 total_steps: 30 warmup_learning_rate: 1 warmup_steps: 6 "
        "hold_base_rate_steps: 4 }"
    )
    assert [rate(step) for step in (0, 2, 6, 10)] == pytest.approx([1, 2, 4, 4])
    assert rate(20) == pytest.approx(2)
    assert rate(15) == pytest.approx(2 * (1 + math.cos(math.pi / 4)))
    assert rate(30) == pytest.approx(0, abs=1e-15)
    assert rate(31) == 0


def test_a_constant_rate():
    rate = schedule("constant_learning_rate { learning_rate: 0.5 }")
    assert [rate(step) for step in (0, 1000)] == [0.5, 0.5]
