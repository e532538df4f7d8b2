"""Network dissection against the bare forward pass, made twice, and what a user waits for.

python -m tests.benchmarks.network_dissection [images]
"""

import platform
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import torch

from tests.benchmarks.floor import seconds
from tests.benchmarks.page import voila
from tests.benchmarks.table import Table, median_of_ratios
from xaiwidgets.data import ConceptSet, scenes
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.models import ImageModel, Probe, load_model

LAYERS, TURNS = ("_blocks.4", "_blocks.8", "_blocks.15", "_conv_head"), 3
ROOT = "[data-xw=Dissector]"
BRODEN, RESNET = 63_305, "layer4"  # images of Broden; and the layer that its published times are for


class Watched(NamedTuple):
    """What one run took: all of it, until its first answer, and the longest time between two."""

    all: float
    first: float
    longest: float


def as_bytes(count: int, every: int) -> ConceptSet:
    """Scenes of 224 px in memory, as bytes, so that painting them is not measured; of labels every so many are kept."""
    batch, concepts = scenes(count, size=224).batch(slice(None)), scenes(1).concepts
    masks, names = {}, {}
    for layer in range(batch.layers.shape[1]):
        labels = batch.layers[:, layer, ::every, ::every].long()
        known = [place for place in labels.unique().tolist() if place]
        table = torch.zeros(len(concepts) + 1, dtype=torch.int64)
        table[known] = torch.arange(1, len(known) + 1)
        masks[f"layer {layer}"] = table[labels]
        names[f"layer {layer}"] = [concepts[place - 1][0] for place in known]
    return ConceptSet.from_arrays((batch.images * 255).round().byte(), masks, names)


def bare(probe: Probe, images: list[torch.Tensor]) -> None:
    """Two forward passes to the layer over images that lie ready."""
    with torch.no_grad():
        for _ in range(2):
            for batch in images:
                probe(batch)


def watched(layer: str, model: ImageModel, concepts: ConceptSet) -> Watched:
    """Dissect, and note when answers come."""
    times = [time.perf_counter()]
    for _ in NetworkDissection(layer)(model, concepts):
        times.append(time.perf_counter())  # noqa: PERF401 - when it comes is what counts
    return Watched(times[-1] - times[0], times[1] - times[0], float(np.diff(times).max()))


def measure_speed(table: Table, concepts: ConceptSet, layers: tuple[str, ...], wanted: str) -> None:
    """The rate of both passes against that of the bare ones, layer by layer."""
    model = load_model("efficientnet_lite0")
    step = 4 if model.device.type == "cpu" else 64
    ready = concepts.batch(slice(None)).images.to(model.device)
    images = [part.contiguous(memory_format=torch.channels_last) for part in ready.split(step)]
    for layer in layers:
        probe = Probe(model, [layer])
        bare(probe, images[:8]), watched(layer, model, concepts[:32])
        turns = [(seconds(lambda: bare(probe, images)), watched(layer, model, concepts)) for _ in range(TURNS)]  # noqa: B023
        ratio = median_of_ratios([(floor, ours.all) for floor, ours in turns])
        what = f"{layer}, {model.layer(layer).units} units, labels of {concepts.label_shape[0]} px"
        table.row(f"{what}: share of the bare rate", ratio, "", wanted)
        table.row("  first answer", 1000 * statistics.median(ours.first for _, ours in turns), "ms", "<= 3000")
        table.row("  longest time between answers", 1000 * max(ours.longest for _, ours in turns), "ms", "<= 2000")


# In a process of its own, on one image that is there many times, so that nothing but the run takes memory. Its own
# high-water mark is read from the system: the one that getrusage gives begins with that of the process before.
MEMORY = """
import re, sys, torch, xaiwidgets as xw
from xaiwidgets.core import last
from xaiwidgets.methods import NetworkDissection
count = int(sys.argv[1])
image = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8).expand(count, -1, -1, -1)
masks = torch.randint(0, 41, (1, 16, 16)).expand(count, -1, -1)
concepts = xw.ConceptSet.from_arrays(image, {"part": masks}, {"part": list(map(str, range(40)))})
last(NetworkDissection("_blocks.8")(xw.load_model("efficientnet_lite0", device="cpu"), concepts))
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def measure_memory(table: Table) -> None:
    """The most memory that a process took which dissected so many images."""
    for count in (200, 800):
        command = [sys.executable, "-c", MEMORY, str(count)]
        most = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        table.row(f"most memory of a process that dissects {count} images", most, "MB", "the same")


def measure_scenes(table: Table) -> None:
    """How fast scenes are painted."""
    table.row(
        "scenes of 112 px a minute", 60 * 100 / seconds(lambda: scenes(100, seed=3).batch(slice(None))), "", ">= 1000"
    )


PAGE = """
import xaiwidgets as xw
concepts = xw.data.scenes(400, size=224)
concepts.batch(slice(0, 400))
xw.Dissector(xw.load_model("efficientnet_lite0"), concepts, layer="_blocks.8")
"""
# Inside the page, so that the round trips of the test's own protocol are not counted.
WATCH = """(patience) => new Promise((resolve) => {
    const root = document.querySelector("[data-xw=Dissector]"), plot = root.querySelector(".xw-picture .xw-plot");
    const times = [performance.now()];
    const watcher = new MutationObserver(() => times.push(performance.now()));
    watcher.observe(plot, { attributeFilter: ["data-plot"] });
    [...root.querySelectorAll("button")].find((button) => button.textContent.trim() === "Run").click();
    setTimeout(() => resolve(times), patience);
})"""


def measure_page(table: Table) -> None:
    """What a user waits for, in a real browser against a real Voilà server, all on the same cores."""
    with voila() as opener:
        page = opener([PAGE])
        page.wait_for_selector(f"{ROOT} .xw-picture .xw-plot[data-plot='1']")
        times = np.array(page.evaluate(WATCH, 6000)) / 1000
        table.row("first bars after Run, in a browser", float(times[1] - times[0]), "s", "<= 3")
        table.row("longest time between bars", float(np.diff(times[1:]).max()), "s", "<= 2")


def measure_broden(table: Table, count: int = 5_000) -> None:
    """A network of the size of ResNet-18 on a GPU, extrapolated to the images of Broden."""
    from tests.benchmarks.resnet import resnet18

    model = ImageModel(resnet18(), (3, 224, 224), device="cuda")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 224, 224), dtype=torch.uint8, generator=generator)
    masks = {f"category {i}": torch.randint(0, 201, (count, 14, 14), generator=generator) for i in range(6)}
    masks = {name: mask.repeat_interleave(8, 1).repeat_interleave(8, 2) for name, mask in masks.items()}
    names = {name: [f"{name} {i}" for i in range(200)] for name in masks}
    concepts = ConceptSet.from_arrays(images, masks, names)
    watched(RESNET, model, concepts[:200])
    took = watched(RESNET, model, concepts).all
    table.row(f"{count:,} images of 224 px, 1,200 concepts, ResNet-18 {RESNET}", took, "s")
    table.row(f"  extrapolated to the {BRODEN:,} of Broden", took * BRODEN / count / 60, "min", "<= 3")


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
    print(f"{platform.machine()}, {device}, torch {torch.__version__}, {count} scenes of 224 px")
    table = Table()
    measure_scenes(table)
    measure_speed(table, as_bytes(count, 2), LAYERS, ">= 0.4")  # half the image's size, as in Broden
    measure_speed(table, as_bytes(count, 1), LAYERS[1:2], "")
    measure_memory(table)
    measure_page(table)
    if cuda:
        measure_broden(table)


if __name__ == "__main__":
    main()
