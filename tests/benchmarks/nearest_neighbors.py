"""Exact search beside others, and what credibility is worth: ``python -m tests.benchmarks.nearest_neighbors``.

60,000 rows of 512 features as a ReLU leaves them; medians over rounds in which each takes its turn. The bare matrix
product, without looking for the nearest, is the floor. With XAIWIDGETS_DATA, deep k-nearest neighbours on MNIST too.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors as OfScikitLearn
from torch import Tensor, nn

from tests.benchmarks.table import Table
from tests.case.digits import shifted
from xaiwidgets.core import last
from xaiwidgets.data import mnist
from xaiwidgets.methods import NearestNeighbors
from xaiwidgets.methods._neighbors.search import COSINE, L2, ExactSearch
from xaiwidgets.methods.case._nearest.conformal import auroc
from xaiwidgets.models import ImageModel
from xaiwidgets.models.lenet import LeNet

ROWS, FEATURES, ROUNDS = 60_000, 512, 9
LAYERS = ("relu1", "relu2", "flatten", "relu3", "relu4")


def medians(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each, in turns, so that a slow moment is everybody's."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(ROUNDS + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_:  # the first is for warming up
                times[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(found) for name, found in times.items()}


def compare(table: Table, rows: Tensor, queries: Tensor, metric: str, k: int) -> None:
    """One row for each way to the same neighbours."""
    search = ExactSearch(rows, metric)
    theirs = OfScikitLearn(n_neighbors=k, algorithm="brute", metric="euclidean" if metric == L2 else metric)
    theirs.fit(rows.numpy())
    unit = (lambda x: nn.functional.normalize(x, dim=1)) if metric == COSINE else (lambda x: x)
    flat = (faiss.IndexFlatL2 if metric == L2 else faiss.IndexFlatIP)(FEATURES)
    flat.add(np.ascontiguousarray(unit(rows).numpy()))
    asked = np.ascontiguousarray(unit(queries).numpy())
    found = medians(
        {
            "product": lambda: queries @ rows.T,
            "ours": lambda: search.nearest(queries, k),
            "scikit-learn": lambda: theirs.kneighbors(queries.numpy(), return_distance=False),
            "faiss flat": lambda: flat.search(asked, k),
        }
    )
    print(f"{metric}, {len(queries)} queries, k = {k}")
    table.row("  ours", found["ours"], "ms")
    table.row("  speed against scikit-learn's brute force", found["scikit-learn"] / found["ours"], "", ">= 2")
    table.row("  speed against faiss's flat index", found["faiss flat"] / found["ours"], "")
    table.row("  speed against the bare product", found["product"] / found["ours"], "", ">= 0.7")
    mine = search.nearest(queries, k).indices.sort(dim=1).values
    true = OfScikitLearn(n_neighbors=k, algorithm="brute", metric=theirs.metric).fit(rows.double().numpy())
    expected = torch.from_numpy(true.kneighbors(queries.double().numpy(), return_distance=False)).sort(dim=1).values
    table.row(
        "  neighbours that are scikit-learn's in double precision", float((mine == expected).double().mean()), "", "= 1"
    )


def trained(pixels: Tensor, labels: Tensor) -> ImageModel:
    """A LeNet after two epochs."""
    torch.manual_seed(0)
    network = LeNet()
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(2):
        for rows in torch.randperm(len(pixels)).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pixels[rows]), labels[rows]).backward()
            optimizer.step()
    return ImageModel(network.eval(), (1, 28, 28), device="cpu")


def credibility(table: Table) -> None:
    """MNIST: how credibility tells four shifts from real digits, and what the neighbours answer."""
    train, test = mnist("train"), mnist("test")
    model = trained(train.batch(slice(None)), train.labels)
    calibration, asked = test[:750], test[750:2750]
    method = NearestNeighbors(LAYERS, 75)
    began = time.perf_counter()
    real = last(method(model, train, asked, calibration))
    print(f"MNIST, {len(train):,} training images, {len(asked):,} queries, k = {method.k} in {len(LAYERS)} layers")
    table.row("  reading, searching and calibrating", time.perf_counter() - began, "s")
    truth = torch.tensor([True] * len(asked) + [False] * len(asked))
    for name, pixels in shifted(asked.batch(slice(None))).items():
        found = last(method(model, train, pixels, calibration))
        table.row(
            f"  AUROC of credibility, {name}",
            auroc(torch.cat([real.credibility, found.credibility]), truth),
            "",
            ">= 0.85",
        )
        softmax = torch.cat([real.probabilities.amax(1), found.probabilities.amax(1)])
        table.row(f"  AUROC of the softmax, {name}", auroc(softmax, truth), "")
    own = real.p_values.gather(1, asked.labels[:, None])
    for a in (0.01, 0.05, 0.1, 0.2):
        bound = a + 3 * (a * (1 - a) * (1 / len(asked) + 1 / len(calibration))) ** 0.5
        table.row(f"  P(p of the true class <= {a})", float((own <= a).double().mean()), "", f"<= {bound:.3f}")
    right = real.predictions == asked.labels
    network, neighbors = (
        float((answers == asked.labels).double().mean()) for answers in (real.predictions, real.supported)
    )
    table.row("  accuracy of the neighbours", neighbors, "", f">= {network - 0.01:.3f} (network {network:.3f})")
    table.row("  AUROC of conformity for mistakes", auroc(real.conformity, right), "")
    table.row("  AUROC of the softmax for mistakes", auroc(real.probabilities.amax(1), right), "")


def main() -> None:
    """Print the table."""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    faiss.omp_set_num_threads(torch.get_num_threads())
    table, draw = Table(), torch.Generator().manual_seed(0)
    rows = torch.randn(ROWS, FEATURES, generator=draw).relu_()
    for metric in (COSINE, L2):
        for count, k in ((1, 10), (100, 10), (100, 75)):
            compare(table, rows, torch.randn(count, FEATURES, generator=draw).relu_(), metric, k)
    if os.environ.get("XAIWIDGETS_DATA"):
        credibility(table)


if __name__ == "__main__":
    main()
