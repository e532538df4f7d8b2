"""Rows of a benchmark: what, how much, and what was wanted."""

import statistics


class Table:
    """Prints each row as it comes."""

    def __init__(self) -> None:
        print(f"{'what':58} {'found':>12}   wanted")

    def row(self, what: str, found: float, unit: str, wanted: str = "") -> None:
        """One number, with what it should reach."""
        print(f"{what:58} {found:9.3g} {unit:5}  {wanted}", flush=True)


def median_of_ratios(pairs: list[tuple[float, float]]) -> float:
    """The median of first over second, pair by pair: both of a pair saw the same neighbours."""
    return statistics.median(first / second for first, second in pairs)
