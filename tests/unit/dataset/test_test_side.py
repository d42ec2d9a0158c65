"""The test side: drawn from the evaluation side or listed, remembered, and apart from what trains and chooses."""

import re
from collections import Counter

import pytest
from tests.unit.dataset.test_plan import negatives, sides
from tests.unit.dataset.test_split import many, sample

from boxwright.core.errors import UserError
from boxwright.dataset import plan, split
from boxwright.dataset.split import EVAL, TEST, TRAIN, draw, draw_test


def drawn(samples, eval_fraction=0.2, test_fraction=0.1, known=(), seed=0, grows=False, **belonging):
    """A draw of all three sides, as the plan makes it."""
    known = dict(known)
    by_bytes = {one.sha256: known[one.name] for one in samples if one.name in known}
    held_out, parts = eval_fraction + test_fraction, 2 if test_fraction else 1
    side_of = draw(samples, held_out, seed, known, by_bytes, **belonging, parts=parts)
    settled = set() if grows else {name for name, side in known.items() if side == EVAL}
    return draw_test(samples, side_of, eval_fraction, test_fraction, seed, settled, **belonging)


def added(samples, sides, test_fraction, eval_fraction=0.2, **belonging):
    """The draw of a test side that is new, or larger than it was."""
    return drawn(samples, eval_fraction, test_fraction, sides, grows=True, **belonging)


def count(sides):
    return [Counter(sides.values())[side] for side in (TRAIN, EVAL, TEST)]


@pytest.mark.parametrize("seed", range(4))
def test_every_class_gets_its_shares(seed):
    samples = many(500, seed=seed)
    found = drawn(samples, 0.2, 0.15, seed=seed)
    for side, fraction in ((EVAL, 0.2), (TEST, 0.15)):
        assert abs(count(found)[(TRAIN, EVAL, TEST).index(side)] / 500 - fraction) < 0.03
        for name in ("common", "rare", "very rare"):
            own = [one for one in samples if name in one.classes]
            share = sum(found[one.name] == side for one in own) / len(own)
            assert abs(share - fraction) < (0.03 if name == "common" else 0.12), (side, name)


@pytest.mark.parametrize(("images", "sides"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (10, [7, 2, 1])])
def test_small_classes_are_measured_before_they_are_tested(images, sides):
    assert count(drawn([sample(f"{i}.jpg", "cat") for i in range(images)])) == sides


@pytest.mark.parametrize("test_fraction", [0.05, 0.1, 0.2, 0.5])
def test_a_test_side_that_is_added_later_takes_nothing_from_training(test_fraction):
    samples = many(400)
    before = draw(samples, 0.2, 0, {}, {})
    after = added(samples, before, test_fraction)
    moved = {name for name in before if before[name] != after[name]}
    assert {(before[name], after[name]) for name in moved} == {(EVAL, TEST)}
    held_out = count(before)[1]
    assert len(moved) == pytest.approx(min(400 * test_fraction, held_out / 2), abs=4)
    for name in ("common", "rare"):  # stratified as well
        own = [one.name for one in samples if name in one.classes and before[one.name] == EVAL]
        share = len(moved.intersection(own)) / len(own)
        assert share == pytest.approx(len(moved) / held_out, abs=0.15)


def test_who_is_on_the_test_side_stays_there():
    samples = many(300)
    first = drawn(samples)
    assert drawn(samples, known=first) == first
    more = samples + [sample(f"new {one.name}", *one.classes) for one in many(200, seed=3)]
    extended = drawn(more, known=first)
    assert {name: extended[name] for name in first} == first
    assert count(extended) == pytest.approx([350, 100, 50], abs=10)
    raised = added(samples, first, 0.2)
    assert all(raised[name] == side for name, side in first.items() if side != EVAL)
    assert count(raised)[2] > count(first)[2]
    lowered = drawn(samples, test_fraction=0.02, known=first)
    assert lowered == first


def test_copies_groups_and_near_duplicates_stay_on_one_side():
    names = [f"{i:02d}.jpg" for i in range(60)]
    samples = [sample(name, "cat", sha256=f"bytes {int(name[:2]) // 2}") for name in names]
    of_group = {name: str(int(name[:2]) // 4) for name in names}
    links = [(f"bytes {i}", f"bytes {i + 2}") for i in range(0, 28, 4)]  # groups 0 and 1, 2 and 3, ...
    found = drawn(samples, 0.3, 0.2, group_of=of_group, links=links)
    assert all(count(found))
    for i in range(0, 56, 8):
        assert len({found[name] for name in names[i : i + 8]}) == 1
    before = draw(samples, 0.4, 0, {}, {}, of_group, links)
    after = added(samples, before, 0.2, 0.4, group_of=of_group, links=links)
    assert count(after)[2]
    for i in range(0, 56, 8):
        assert len({after[name] for name in names[i : i + 8]}) == 1


def test_no_near_duplicate_of_a_training_image_is_drawn_for_the_test():
    """They were apart before, and stay so: the test side takes clean images."""
    samples = [sample(f"{i:02d}.jpg", "cat", sha256=f"bytes {i}") for i in range(20)]
    before = {one.name: EVAL if i >= 10 else TRAIN for i, one in enumerate(samples)}
    links = [(f"bytes {i}", f"bytes {i + 10}") for i in range(6)]  # the evaluation images 10 to 15
    after = added(samples, before, 0.2, 0.3, links=links)
    assert count(after) == [10, 6, 4]
    assert {name for name, side in after.items() if side == TEST} == {f"{i}.jpg" for i in range(16, 20)}


def test_what_is_new_follows_its_near_duplicates_to_the_test():
    samples = [sample(f"{name}.jpg", "cat", sha256=name) for name in "abcd"]
    known = {"a.jpg": TEST, "b.jpg": EVAL, "c.jpg": TRAIN}
    for others, side in (("a", TEST), ("ab", EVAL), ("abc", TRAIN)):
        links = [(other, "d") for other in others]
        assert drawn(samples, known=known, links=links) == known | {"d.jpg": side}


def listed(samples, names, known=(), **belonging):
    return draw(samples, 0.25, 0, dict(known), {}, listed=frozenset(names), **belonging)


def test_a_list_decides_whatever_the_side_was():
    samples = [sample(f"{i:02d}.jpg", "cat") for i in range(20)]
    before = draw(samples, 0.25, 0, {}, {})
    chosen = [
        next(name for name, side in before.items() if side == TRAIN),
        next(name for name, side in before.items() if side == EVAL),
    ]
    after = listed(samples, chosen, before)
    assert after == before | dict.fromkeys(chosen, TEST)
    # taken off the list, both measure; neither has ever trained since
    assert listed(samples, chosen[:1], after) == after | {chosen[1]: EVAL}
    assert count(listed(samples, chosen)) == [13, 5, 2]


def test_what_belongs_to_a_listed_image_comes_with_it():
    samples = [sample(f"{name}.jpg", "cat", sha256=name[0]) for name in ("a", "a again", "b", "c", "d", "e", "f")]
    known = {"b.jpg": EVAL, "c.jpg": TRAIN, "e.jpg": TRAIN}
    links = [("a", "b"), ("a", "c"), ("a", "d")]  # b measures, c trains, d is new
    found = listed(samples, ["a.jpg"], known, links=links)
    assert found["a again.jpg"] == found["b.jpg"] == TEST
    assert found["c.jpg"] == TRAIN  # remembered: a pair that is apart is reported
    assert found["d.jpg"] == TRAIN  # belongs to both, and training has seen the like
    grouped = listed(samples, ["a.jpg"], known, group_of={"a.jpg": "one", "e.jpg": "one", "f.jpg": "two"})
    assert grouped["e.jpg"] == TEST  # a group never crosses


# From the configuration to the plan.


def planned(dataset, out, **changes):
    given = {"eval_fraction": 0.2, "seed": 0, "train": None, "eval": None} | changes
    shards = {"train": 2, "eval": 1, "test": 2}
    return plan.make(dataset.settings(split=given, shards=shards, near_duplicates=False), out)


@pytest.fixture
def filled(dataset):
    dataset.fill(40)
    return dataset


def test_without_a_test_side_nothing_of_it_is_in_the_plan(filled, tmp_path):
    made = planned(filled, tmp_path / "out", test=None, test_fraction=None)
    assert not any("test" in name for name in made.identities)
    assert "test" not in made.counts
    assert set(sides(tmp_path / "out").values()) == {TRAIN, EVAL}
    assert (tmp_path / "out/plan/sides.tsv").read_text().startswith('# {"eval_fraction": 0.2, "seed": 0}\n')


def test_what_is_planned_for_a_test_side_that_is_added(filled, tmp_path):
    out = tmp_path / "out"
    first = planned(filled, out)
    before = sides(out)
    second = planned(filled, out, test_fraction=0.1)
    after = sides(out)
    assert count(after) == [count(before)[0], count(before)[1] - 4, 4]
    assert {name: side for name, side in after.items() if side == TRAIN} == {
        name: side for name, side in before.items() if side == TRAIN
    }
    trained = {name for name in first.identities if name.startswith("train") or name == "label_map"}
    assert all(first.identities[name] == second.identities[name] for name in trained)
    assert {"test-00000-of-00002", "test-00001-of-00002"} <= second.identities.keys()
    assert second.counts["test"]["images"] == 4
    assert re.search(r"test +4 images", second.summary)
    # the same again, from the memory, from the result if that is lost, and with more images
    (out / "plan/stamp.json").unlink()
    assert planned(filled, out, test_fraction=0.1) == second
    (out / "split.tsv").write_bytes((out / "plan/split.tsv").read_bytes())
    (out / "plan/sides.tsv").unlink()
    (out / "plan/stamp.json").unlink()
    assert planned(filled, out, test_fraction=0.1) == second
    # without it, its images measure again
    planned(filled, out)
    assert sides(out) == before


def test_a_test_side_of_given_lists(filled, tmp_path):
    names = [f"s{i:02d}" for i in range(40)]
    paths = {}
    for side, own in ((TRAIN, names[:20]), (EVAL, names[20:32]), (TEST, names[32:36])):
        paths[side] = str(tmp_path / f"{side}.txt")
        (tmp_path / f"{side}.txt").write_text("\n".join(own))
    made = planned(filled, tmp_path / "listed", **paths)
    assert count(sides(tmp_path / "listed")) == [20, 12, 4]
    assert made.counts["on_neither_list"] == 4
    assert "4 images are on none of the lists" in made.summary
    # drawn from the list for evaluation, and remembered
    del paths[TEST]
    out = tmp_path / "drawn"
    planned(filled, out, **paths)
    planned(filled, out, **paths, test_fraction=0.15)
    first = sides(out)
    assert count(first) == [20, 8, 4]
    assert {name for name, side in first.items() if side == TRAIN} == {f"{name}.jpg" for name in names[:20]}
    (tmp_path / "eval.txt").write_text("\n".join(names[20:34]))
    planned(filled, out, **paths, test_fraction=0.15)
    assert {name: sides(out)[name] for name in first} == first
    assert (out / "plan/sides_of_lists.tsv").exists() and not (out / "plan/sides.tsv").exists()
    # a list of test images beside a draw
    (tmp_path / "test.txt").write_text("\n".join(names[:6]))
    planned(filled, tmp_path / "mixed", test=str(tmp_path / "test.txt"))
    mixed = sides(tmp_path / "mixed")
    assert {name for name, side in mixed.items() if side == TEST} == {f"{name}.jpg" for name in names[:6]}
    assert all(count(mixed))


def test_the_same_image_on_the_test_and_another_list(filled, tmp_path):
    from tests.unit.dataset.test_defects import copy

    from boxwright.dataset.samples import Box

    copy(Box("cat", 1, 2, 30, 40))(filled)  # t.jpg has the bytes of s00.jpg
    names = [f"s{i:02d}" for i in range(40)]
    paths = {}
    for side, own in ((TRAIN, names[10:]), (EVAL, names[:10]), (TEST, ["t", "s39"])):
        paths[side] = str(tmp_path / f"{side}.txt")
        (tmp_path / f"{side}.txt").write_text("\n".join(own))
    with pytest.raises(UserError, match=r"test.txt, line 2: s39 is on two lists, train and test"):
        planned(filled, tmp_path / "out", **paths)
    (tmp_path / "test.txt").write_text("t\n")
    with pytest.raises(UserError, match=r"s00\.jpg: duplicate_across_split, the test image t\.jpg has the same bytes"):
        planned(filled, tmp_path / "out", **paths)


@pytest.mark.parametrize("how", ["no image", "no object"])
def test_a_test_side_that_cannot_test_is_told_before_the_first_job(filled, tmp_path, how):
    if how == "no object":
        negatives(filled)
        own = ["0", "1"]
        says = r"None of the 2 test images has a box, so no metric is defined: put images with objects on the list"
    else:
        own, says = ["# nothing"], r"The split leaves no test image \(4\d images in all\): check the list .*test.txt"
    path = tmp_path / "test.txt"
    path.write_text("\n".join(own))
    with pytest.raises(UserError, match=says):
        planned(filled, tmp_path / "out", test=str(path))


def test_an_evaluation_side_that_can_spare_nothing_says_so(dataset, tmp_path):
    dataset.fill(8)
    planned(dataset, tmp_path / "out")
    with pytest.raises(UserError, match=r"no test image \(8 images in all\): the evaluation side, 2 images, can spare"):
        planned(dataset, tmp_path / "out", test_fraction=0.1)
    assert count(sides(tmp_path / "out")) == [6, 2, 0]


def test_sides_are_named_in_the_order_of_what_they_know():
    assert split.SIDES == (TRAIN, EVAL, TEST)
