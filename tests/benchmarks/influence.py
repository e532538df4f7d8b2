"""Influence on a head against its floor, what a user waits for, memory, and captum.

python -m tests.benchmarks.influence

Features are drawn with a spectrum that falls off, as those of networks do, and labels from a noisy linear rule. Needs a
quiet machine.
"""

import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

from tests.benchmarks.floor import seconds
from tests.benchmarks.table import Table
from xaiwidgets.core import last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods import InfluenceFunctions
from xaiwidgets.methods.model_inspection._influence.exact import hessian, invert
from xaiwidgets.methods.model_inspection._influence.head import Examples, Head
from xaiwidgets.methods.model_inspection._influence.newton import newton_cg
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem
from xaiwidgets.methods.model_inspection._influence.result import Influence

CLASSES, TURNS = 10, 7
ALONE = """
import re
import torch
from tests.benchmarks.influence import rows
from xaiwidgets.core import last
from xaiwidgets.methods import InfluenceFunctions
torch.randn(2048, 512) @ torch.randn(512, 512)
high = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
train, test = rows(50_000, 512), rows(1, 512, seed=1)
before = high()
last(InfluenceFunctions()(None, train, test))
print(high() - before, train[0].numel() * 4 / 2**20)
"""


def rows(count: int, width: int, seed: int = 0, classes: int = CLASSES) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and labels; every seed has the same rule."""
    rule = torch.randn(classes, width, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, width, generator=generator) * torch.linspace(1, 0.05, width)
    return x, (x @ rule.T + 2 * torch.randn(count, classes, generator=generator)).argmax(1)


def finished(work: object) -> object:
    """What a generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


def blocks(problem: HeadProblem, p: torch.Tensor) -> None:
    """The floor of a Hessian: its products between features, those that symmetry gives left out."""
    width = problem.features.shape[1]
    for start in range(0, problem.rows, 4096):
        x = problem.features[start : start + 4096]
        for pairs in range(CLASSES - 1, 0, -1):
            x.T[: width * 5 // 8] @ x.repeat(1, pairs)
    del p


def head_of_many(table: Table) -> None:
    """50,000 rows of 512 features."""
    train = rows(50_000, 512)
    problem = HeadProblem(*train, CLASSES, 1e-3)
    start = torch.zeros(CLASSES, 512, dtype=torch.float64)
    fits = []
    took = seconds(lambda: fits.extend(newton_cg(problem, start)))
    table.row("50,000 × 512 × 10: the optimum from zero", took, "s")
    head, made = Head(problem, fits[-1]), []
    building = seconds(lambda: made.append(finished(hessian(problem, head.fit.point.probabilities, double=False))))
    inverting = seconds(lambda: made.append(finished(invert(made[0]))))
    floor = seconds(lambda: blocks(problem, head.fit.point.probabilities))
    table.row("  factor: Hessian and its inverse, once", building + inverting, "s", "<= 12")
    table.row("  the Hessian against its bare products", floor / building, "", "")
    products = [seconds(lambda: head.product(head.theta[None].float())) for _ in range(TURNS)]
    table.row("  one product with the Hessian", 1000 * statistics.median(products), "ms")
    del made, head
    found = last(InfluenceFunctions()(None, train, rows(1, 512, seed=1)))
    head = found.head
    times = []
    for seed in range(2, 2 + TURNS):
        test = Examples(*rows(1, 512, seed=seed))
        times.append(
            seconds(lambda test=test: (head.linear(head.solve(test.gradients(head.theta))), head.corrected(test)))
        )
    table.row(
        "  a new test row at a head in hand, all effects, corrected", 1000 * statistics.median(times), "ms", "<= 100"
    )
    another(table, train, 512, "")
    twenty = found.harmful(count=20).tolist()
    times = [seconds(lambda: found.retrain_without(twenty)) for _ in range(3)]
    table.row("  refit without the 20 most harmful", statistics.median(times), "s", "<= 1.5")
    table.row("    gradient there", found.retrain_without(twenty).stationarity, "", "<= 1e-10")


def another(table: Table, train: tuple[torch.Tensor, torch.Tensor], width: int, wanted: str) -> None:
    """A new test row, the head being known."""
    first = InfluenceFunctions(corrected=True)
    times = []
    for seed in range(2, 2 + TURNS):
        test = rows(1, width, seed=seed)
        times.append(seconds(lambda test=test: last(first(None, train, test))))
    table.row(
        "  the same by a call, which finds the head by its contents", 1000 * statistics.median(times), "ms", wanted
    )


def memory(table: Table) -> None:
    """In a process of its own."""
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    more, features = map(float, re.findall(r"[\d.]+", done.stdout))
    table.row("  most memory besides the features", more, "MB", f"<= {0.2 * features + 1024:.0f}")


def against_captum(table: Table) -> None:
    """The exact influence of captum, which builds the same Hessian by automatic differentiation."""
    from captum.influence._core.influence_function import NaiveInfluenceFunction

    train, test = rows(1000, 64), rows(1, 64, seed=1)
    found: list[Influence] = [last(InfluenceFunctions(damping=1e-2, corrected=False)(None, train, test))]
    optimum = found[0].head  # captum is given it too

    def once() -> None:
        *_, fit = newton_cg(optimum.problem, optimum.theta)
        H = finished(hessian(optimum.problem, fit.point.probabilities, double=True))
        head = Head(optimum.problem, fit, inverse=finished(invert(H)))
        head.linear(head.solve(found[0].test.gradients(head.theta)))

    ours = statistics.median(seconds(once) for _ in range(TURNS))
    network = nn.Sequential(nn.Linear(64, CLASSES, bias=False))
    network[0].weight.data = found[0].head.theta.float()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save(network.state_dict(), path)

        def captums() -> None:
            naive = NaiveInfluenceFunction(
                network,
                torch.utils.data.TensorDataset(*train),
                str(path),
                checkpoints_load_func=lambda module, name: module.load_state_dict(torch.load(name)) and 1.0,
                loss_fn=nn.CrossEntropyLoss(reduction="none"),
                batch_size=1000,
                hessian_reg=1000 * 1e-2,
                hessian_inverse_tol=0.0,
                projection_dim=None,
            )
            found.append(naive.influence(test))

        theirs = seconds(captums)
    off = float((found[0].effect - found[-1]).abs().max() / found[-1].abs().max())
    table.row("1,000 × 64 × 10: captum's exact influence over ours", theirs / ours, "times", ">= 50")
    table.row("  the largest difference, share of the top score", off, "", "<= 1e-3")


def main() -> None:
    """Print all rows."""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    table = Table()
    head_of_many(table)
    memory(table)
    RESULTS.clear()
    train = rows(10_000, 256)
    last(InfluenceFunctions()(None, train, rows(1, 256, seed=1)))
    print("10,000 × 256 × 10")
    another(table, train, 256, "<= 200 drawn")
    against_captum(table)


if __name__ == "__main__":
    main()
