"""Build the detector that a `FasterRcnn` message describes.

The catalogue says which fields have no effect (`no_effect` of the messages' rules).

Of a Mask R-CNN the boxes are built: its third stage and `predict_instance_masks` are left out.
"""

from google.protobuf.message import Message

from boxwright.boxes import mining, nms
from boxwright.boxes.coders.faster_rcnn_box_coder import FasterRcnnBoxCoder
from boxwright.boxes.losses import weighted_smooth_l1, weighted_softmax
from boxwright.boxes.matchers.argmax_matcher import ArgmaxMatcher
from boxwright.catalog.extractors import Extractor, head_of
from boxwright.detector import roi
from boxwright.detector.build import hyperparams, network
from boxwright.detector.families.faster_rcnn import FasterRcnn, FasterRcnnNumbers, SecondStage
from boxwright.detector.hyperparams import Hyperparams, of_keras
from boxwright.detector.layers import Variables
from boxwright.detector.preprocessing import Preprocessing
from boxwright.pipeline import parts

# Parts that the message has no field for.
ANCHOR_MATCHER = ArgmaxMatcher(matched_threshold=0.7, unmatched_threshold=0.3, force_match_for_each_row=True)
PROPOSAL_MATCHER = ArgmaxMatcher(matched_threshold=0.5, unmatched_threshold=0.5)
BOX_CODER = FasterRcnnBoxCoder()
LOCALIZATION_LOSS = weighted_smooth_l1.make(delta=1.0)


def build(message: Message, row: Extractor, registry: Variables, preprocessing: Preprocessing) -> FasterRcnn:
    """The detector; its variables are added to `registry`, the first stage's first."""
    numbers = parts.fill(FasterRcnnNumbers, message)
    anchors = parts.make(message.first_stage_anchor_generator)
    keras = row.dialect == "tf2"
    offered = {**network.fields(message.feature_extractor), "channels_in": preprocessing.channels, "keras": keras}
    features = network.module("backbones", row.backbone).proposal_features
    with registry.rounded_between_layers(row.rounded_features):
        backbone = network.call(features, registry, f"{row.scopes[0]}/{row.scope}", offered=offered, **row.arguments)
    (channels,) = backbone.channels.values()
    (per_location,) = anchors.per_location
    head = network.module("heads", row.heads[0]).make(
        registry,
        "FirstStageBoxPredictor",
        channels,
        per_location,
        conv_hyperparams=_of_proposals(message.first_stage_box_predictor_conv_hyperparams, keras),
        depth=message.first_stage_box_predictor_depth,
        kernel_size=message.first_stage_box_predictor_kernel_size,
        atrous_rate=message.first_stage_atrous_rate,
        keras=keras,
    )
    return FasterRcnn(
        numbers=numbers,
        registry=registry,
        backbone_scopes=row.scopes,
        classifier_names=row.classifier_names,
        preprocessing=preprocessing,
        backbone=backbone,
        anchors=anchors,
        head=head,
        matcher=ANCHOR_MATCHER,
        box_coder=BOX_CODER,
        localization_loss=LOCALIZATION_LOSS,
        second=_second_stage(message, row, registry, channels) if message.number_of_stages > 1 else None,
    )


def _of_proposals(message: Message, keras: bool) -> Hyperparams:
    """The settings of the first stage's head. Nothing freezes the batch norm of TF2's."""
    settings = hyperparams.from_message(message)
    return of_keras(settings.with_batch_norm(train=True), message.force_use_bias) if keras else settings


def _second_stage(message: Message, row: Extractor, registry: Variables, channels: int) -> SecondStage:
    """The second stage, on features with `channels` channels."""
    offered = {**network.fields(message.feature_extractor), "channels_in": channels, "keras": row.dialect == "tf2"}
    box_features = network.module("backbones", row.backbone).box_features
    with registry.rounded_between_layers(row.rounded_features):
        features = network.call(
            box_features, registry, f"{row.scopes[1]}/{row.scope}", offered=offered, **row.arguments
        )
    chosen = parts.choice(message.second_stage_box_predictor)
    predictor = getattr(message.second_stage_box_predictor, chosen)
    head = network.call(
        network.module("heads", head_of(chosen)).make,
        registry,
        "SecondStageBoxPredictor",
        features.channels,
        message.num_classes,
        offered={**network.fields(predictor), "keras": row.dialect == "tf2"},
    )
    loss, post = message.second_stage_classification_loss, message.second_stage_post_processing
    miner = None
    if message.HasField("hard_example_miner"):
        miner = parts.fill(
            mining.make,
            message.hard_example_miner,
            classification_weight=message.second_stage_classification_loss_weight,
            localization_weight=message.second_stage_localization_loss_weight,
        )
    pooling = roi.Pooling(message.initial_crop_size, message.maxpool_kernel_size, message.maxpool_stride)
    return SecondStage(
        pooling=None if chosen == "rfcn_box_predictor" else pooling,
        features=features,
        head=head,
        matcher=PROPOSAL_MATCHER,
        classification_loss=parts.make(loss) if parts.choice(loss) else weighted_softmax.make(),
        miner=miner,
        # The OD API always uses the image's frame here, whatever the field says.
        suppression=parts.fill(nms.Settings, post.batch_non_max_suppression)._replace(change_coordinate_frame=True),
        convert_scores=parts.fill(nms.score_converter, post),
    )
