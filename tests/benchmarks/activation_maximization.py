"""What activation maximisation costs, against the floor: ``python -m tests.benchmarks.activation_maximization``.

Prints medians and ratios, all from this one run on this one machine; nothing here is a timed test. Needs a quiet
machine: the ratios compare alternating turns, but a neighbour that comes and goes still shows.
"""

import argparse
import platform

import torch

from tests.benchmarks import browser, floor, process
from tests.benchmarks.table import Table


def main() -> None:
    """Run every part, or those named."""
    parts = {"floor": floor.measure, "process": process.measure, "browser": browser.measure}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="leave out for all")
    chosen = parser.parse_args().parts or list(parts)
    cuda = torch.cuda.is_available()
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, cuda {cuda}")
    table = Table()
    for name in chosen:
        parts[name](table)


if __name__ == "__main__":
    main()
