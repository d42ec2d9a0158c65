"""What other programs call the keys of a configuration, the fields of pipeline.config and their values."""

# Keys of a model, and fields of pipeline.config.
KEYS = {
    **dict.fromkeys(("epochs", "num_epochs", "iterations", "iters", "max_steps", "train_steps"), "num_steps"),
    **dict.fromkeys(("weights", "pretrained", "pretrained_weights", "init_checkpoint"), "checkpoint"),
    **dict.fromkeys(("device", "gpu", "cuda"), "gpus"),
    **dict.fromkeys(("config", "cfg", "model"), "pipeline"),
}
FIELDS = {
    **dict.fromkeys(("lr", "lr0", "base_lr"), "learning_rate"),
    **dict.fromkeys(("imgsz", "img_size", "image_size", "input_size", "resolution"), "image_resizer"),
}
# Keys that name classes, and sides of a data set.
CLASSES = ("nc", "names", "num_classes", "class_names", "categories", "labels")
HELD_OUT = ("val", "valid", "validation")
SIDES = ("train", *HELD_OUT, "eval", "test")
# Values of `precision`.
NUMBERS = {
    **dict.fromkeys(("fp16", "half", "f16"), "float16"),
    **dict.fromkeys(("fp32", "full", "single", "f32"), "float32"),
    "bf16": "bfloat16",
}
