"""The losses of Faster R-CNN's two stages (Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1.2).

Boxes are in pixels of the preprocessed image throughout. Each image's terms are divided by the size of its sample, then
averaged over the batch. The caller applies the weights of the loss terms. If several replicas share the batch, each
returns its part of these averages, and the loss is their sum.
"""

import tensorflow as tf

from boxwright.boxes import mining, sampling
from boxwright.boxes.losses import cross_entropy
from boxwright.boxes.losses.loss import ClassificationLoss, LocalizationLoss
from boxwright.boxes.targets import Targets
from boxwright.devices import replicas


def region_proposal_losses(
    encodings: tf.Tensor,
    objectness: tf.Tensor,
    target: Targets,
    localization: LocalizationLoss,
    minibatch_size: int,
    positive_fraction: float,
    top_up: bool,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Localisation and objectness loss on a random minibatch of each image's anchors, two scalars.

    encodings: [B, A, 4]; objectness: logits [B, A, 2], background first; target: one class column, 1 for object.
    top_up: whether ignored anchors, as background, make up for too few of the others.
    A box's weight affects only its localisation loss.
    """
    is_object = target.class_targets[..., 0] > 0
    candidates = target.class_weights > 0
    if top_up:
        candidates = sampling.topped_up(candidates, minibatch_size)
    sampled = sampling.balanced(candidates, is_object, minibatch_size, positive_fraction, seed)
    sampled = tf.cast(sampled, tf.float32)
    count = tf.maximum(tf.reduce_sum(sampled, axis=1), 1.0)
    box_losses = localization(encodings, target.box_targets, sampled * target.box_weights)
    class_losses = cross_entropy.softmax(objectness, tf.one_hot(tf.cast(is_object, tf.int32), 2), sampled)
    terms = (tf.reduce_mean(tf.reduce_sum(loss, axis=1) / count) for loss in (box_losses, class_losses))
    return tuple(term / replicas.count() if replicas.count() > 1 else term for term in terms)


def box_classifier_losses(
    encodings: tf.Tensor,
    logits: tf.Tensor,
    proposals: tf.Tensor,
    num_proposals: tf.Tensor,
    target: Targets,
    localization: LocalizationLoss,
    classification: ClassificationLoss,
    miner: mining.Miner | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Localisation and classification loss of the second stage, two scalars.

    encodings: [B, P, K, 4] with K classes, or 1 if all share a box; logits: [B, P, 1 + classes].
    proposals: [B, P, 4], of which `num_proposals` [B] are real; target: theirs, one class column after background.
    miner: None uses all proposals.

    With a miner, only the first image of the batch counts, as in the OD API.
    """
    batch, size = tf.unstack(tf.shape(proposals)[:2])
    if encodings.shape[2] == 1:
        encodings = encodings[:, :, 0]
    else:
        # Background has no box; its weight is 0, so it may use the box of the first class.
        label = tf.argmax(target.class_targets, axis=-1, output_type=tf.int32)
        encodings = tf.gather(encodings, tf.maximum(label - 1, 0), batch_dims=2)
    count = tf.maximum(num_proposals, 1) * batch * replicas.count()
    count = tf.cast(count, tf.float32)[:, None]
    box_losses = localization(encodings, target.box_targets, target.box_weights) / count
    class_losses = classification(logits, target.class_targets, target.class_weights)
    if class_losses.shape.rank == 3:
        class_losses = tf.reduce_sum(class_losses, axis=-1)
    class_losses /= count
    counted = tf.sequence_mask(num_proposals, size)
    if miner is not None:
        mined = mining.mine(miner, class_losses[:1], box_losses[:1], proposals[:1], num_valid=num_proposals[:1])
        box_losses, class_losses, counted = box_losses[:1], class_losses[:1], mined.selected
    counted = tf.cast(counted, tf.float32)
    if miner is not None and replicas.count() > 1:
        counted *= tf.cast(replicas.index() == 0, tf.float32)
    return tf.reduce_sum(box_losses * counted), tf.reduce_sum(class_losses * counted)
