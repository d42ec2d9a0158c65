"""Models of which nothing is refused, and every message of the schema."""

from google.protobuf import message_factory

from boxwright import protos

BUILDABLE = {
    "ssd": """model { ssd { num_classes: 1
      image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
      feature_extractor { type: "ssd_mobilenet_v1" depth_multiplier: 0.1 }
      box_coder { faster_rcnn_box_coder {} }
      matcher { argmax_matcher {} }
      similarity_calculator { iou_similarity {} }
      box_predictor { convolutional_box_predictor {} }
      loss { classification_loss { weighted_sigmoid {} } localization_loss { weighted_smooth_l1 {} } }
      anchor_generator { ssd_anchor_generator { aspect_ratios: 1.0 } } } }""",
    "faster_rcnn": """model { faster_rcnn { num_classes: 1
      image_resizer { identity_resizer {} }
      feature_extractor { type: "faster_rcnn_resnet50" }
      first_stage_anchor_generator { grid_anchor_generator { scales: 1.0 aspect_ratios: 1.0 } }
      initial_crop_size: 14
      second_stage_box_predictor { mask_rcnn_box_predictor {} } } }""",
    "center_net": """model { center_net { num_classes: 1
      image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
      feature_extractor { type: "mobilenet_v2_fpn" depth_multiplier: 0.1 }
      object_detection_task { localization_loss { l1_localization_loss {} } }
      object_center_params { classification_loss { penalty_reduced_logistic_focal_loss {} } } } }""",
}


def descriptors(descriptor, found=None):
    """Every message below the root, by name."""
    found = {} if found is None else found
    if descriptor.name not in found:
        found[descriptor.name] = descriptor
        for field in descriptor.fields:
            if field.message_type:
                descriptors(field.message_type, found)
    return found


KNOWN = descriptors(protos.message("TrainEvalPipelineConfig").DESCRIPTOR)


def new(kind):
    return message_factory.GetMessageClass(KNOWN[kind])()
