"""Speed and memory of writing a shard of records, compared with TensorFlow's own writer on the same images.

    python benchmarks/records.py [--counts 2000 8000] [--repeats 3]

Both read each file, hash it and write a tf.Example with the same keys: ours with `records.shards.write_shard`, the peer
with `tf.train.Example` and `tf.io.TFRecordWriter`, as the OD API's scripts do. Each runs in its own process, one after
the other, on files in the page cache; the best of the repeats counts. Ours also waits until the file is on disk. The
memory is the peak of the process. Then the shard is opened and read in random order.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import make_images
from measuring import Stopwatch, peak_memory

LABEL_MAP = {name: i + 1 for i, name in enumerate(make_images.CLASSES)}


def write_manifest(folder: Path, count: int) -> Path:
    """Make `count` ordinary images below `folder` and list them as the samples of one shard."""
    from boxwright.dataset.formats import voc
    from boxwright.dataset.samples import Sample

    make_images.make(folder, count, "ordinary")
    samples = []
    for image in sorted((folder / "images").rglob("*.jpg")):
        name = image.relative_to(folder / "images")
        (read,) = voc.read((folder / "annotations" / name.with_suffix(".xml")).read_bytes()).statements
        sha256 = hashlib.sha256(image.read_bytes()).hexdigest()
        samples.append(Sample(str(name), str(image), sha256, read.width, read.height, "jpeg", (), read.boxes))
    path = folder / "manifest.jsonl"
    path.write_text("".join(f"{sample.to_json()}\n" for sample in samples), encoding="utf-8")
    return path


def ours(manifest: Path, out: Path) -> tuple[float, float]:
    """Seconds that `write_shard` takes."""
    from boxwright.records.shards import write_shard

    watch = Stopwatch()
    write_shard(manifest, LABEL_MAP, out)
    return watch.read()


def tensorflow(manifest: Path, out: Path) -> tuple[float, float]:
    """Seconds that TensorFlow's writer takes for the same records."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    def strings(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    def whole(*values: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def real(*values: float) -> tf.train.Feature:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    watch = Stopwatch()
    with tf.io.TFRecordWriter(str(out)) as writer, manifest.open() as lines:
        for line in lines:
            sample = json.loads(line)
            encoded = Path(sample["image"]).read_bytes()
            names, xmin, ymin, xmax, ymax, difficult, truncated, pose = zip(*sample["boxes"], strict=True)
            width, height = sample["width"], sample["height"]
            features = {
                "image/height": whole(height),
                "image/width": whole(width),
                "image/filename": strings(sample["name"].encode()),
                "image/source_id": strings(sample["name"].encode()),
                "image/key/sha256": strings(hashlib.sha256(encoded).hexdigest().encode()),
                "image/encoded": strings(encoded),
                "image/format": strings(b"jpeg"),
                "image/object/bbox/xmin": real(*(x / width for x in xmin)),
                "image/object/bbox/xmax": real(*(x / width for x in xmax)),
                "image/object/bbox/ymin": real(*(y / height for y in ymin)),
                "image/object/bbox/ymax": real(*(y / height for y in ymax)),
                "image/object/area": real(
                    *((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in zip(xmin, ymin, xmax, ymax, strict=True))
                ),
                "image/object/class/text": strings(*(name.encode() for name in names)),
                "image/object/class/label": whole(*(LABEL_MAP[name] for name in names)),
                "image/object/difficult": whole(*map(int, difficult)),
                "image/object/truncated": whole(*map(int, truncated)),
                "image/object/view": strings(*(text.encode() for text in pose)),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return watch.read()


def random_access(manifest: Path, out: Path) -> tuple[float, float]:
    """Seconds to open a finished shard; prints how fast its records are read in random order."""
    from boxwright.tfrecord import Index

    watch = Stopwatch()
    index = Index([out])
    opened = watch.read()
    watch = Stopwatch()
    for i in random.Random(0).sample(range(len(index)), len(index)):
        index[i]
    rate = len(index) / watch.read()[0]
    print(f"  random access: opened {len(index)} records in {opened[0]:.3f} s, read {rate:,.0f} records/s")
    return opened


WRITERS = {"ours": ours, "tensorflow": tensorflow}
JOBS = {**WRITERS, "random_access": random_access}


def measure(job: str, manifest: Path, out: Path) -> list[float]:
    """Run a job in its own process; returns its wall-clock and processor seconds and its peak memory in MB."""
    command = [sys.executable, __file__, "--job", job, str(manifest), str(out)]
    *shown, last = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    print(*shown, sep="\n", end="\n" if shown else "")
    return [float(figure) for figure in last.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[2000, 8000], help="numbers of images of about 70 kB")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--job", nargs=3, metavar=("JOB", "MANIFEST", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        job, *paths = arguments.job
        seconds, processor = JOBS[job](*map(Path, paths))
        print(seconds, processor, peak_memory())
        return
    for count in arguments.counts:
        with tempfile.TemporaryDirectory(prefix="boxwright-records-") as folder:
            manifest, out = write_manifest(Path(folder), count), Path(folder) / "shard.tfrecord"
            size = sum(path.stat().st_size for path in Path(folder, "images").rglob("*.jpg")) / count
            print(f"{count} images of {size / 1000:.1f} kB")
            for name in WRITERS:
                runs = [measure(name, manifest, out.with_suffix(f".{name}")) for _ in range(arguments.repeats)]
                wall, processor, memory = zip(*runs, strict=True)
                print(
                    f"  {name}: {count / min(wall):,.0f} images/s, {count / min(processor):,.0f} per second of "
                    f"processor time, peak memory {max(memory):.0f} MB"
                )
            measure("random_access", manifest, out.with_suffix(".ours"))


if __name__ == "__main__":
    main()
