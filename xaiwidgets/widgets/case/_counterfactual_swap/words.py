"""What swapping found, in words."""

from collections.abc import Sequence
from html import escape

from xaiwidgets.methods.case._counterfactual_swap.result import RegionSwaps
from xaiwidgets.widgets.parts.words import class_name


def in_words(value: RegionSwaps, names: Sequence[str] | None) -> str:
    """How many edits it takes, how many at random, and how the swaps were compared."""
    return "<br>".join(filter(None, [_edits(value, names), _random(value), _how(value), _others(value)]))


def sentence_of(value: RegionSwaps, names: Sequence[str] | None) -> str:
    """The edits in a sentence."""
    if not len(value.edits):
        return ""
    swaps = [f"{_cell(mine, value)} ← {_cell(theirs, value)}" for mine, theirs in value.edits.tolist()[:4]]
    more = ", …" if len(value.edits) > len(swaps) else ""
    own, target = class_name(value.query_class, names), class_name(value.target, names)
    return f"{own} → {target}: {', '.join(swaps)}{more} (row.column of the query ← of the distractor)"


def _edits(value: RegionSwaps, names: Sequence[str] | None) -> str:
    own, target = (escape(class_name(one, names)) for one in (value.query_class, value.target))
    count, cells = len(value.edits), value.grid[0] * value.grid[1]
    swapped = f"{count} of {cells} cells"
    if value.flipped:
        return (
            f"<b>{count} edit{'s' * (count != 1)}</b> ({swapped}) turn <b>{own}</b> into <b>{target}</b>: its "
            f"probability rises from {float(value.probability[0, 1]):.2f} to {float(value.probability[-1, 1]):.2f}."
        )
    if value.stage == "done":
        return (
            f"<b>It does not flip</b> within {swapped}: {target} reaches {float(value.probability[-1, 1]):.2f} from "
            f"{float(value.probability[0, 1]):.2f}; {value.tried:,} swaps were compared. Try more edits, another "
            "distractor, or a deeper layer."
        )
    return f"{swapped} are swapped so far; {target} has {float(value.probability[-1, 1]):.2f}."


def _random(value: RegionSwaps) -> str:
    if not len(value.random_edits) or value.stage != "done":
        return ""
    tried, orders = value.random_probability.shape[1] - 1, len(value.random_edits)
    reached = value.random_edits[value.random_edits <= tried].double()
    if not len(reached):
        return f"Swapped at random, none of {orders} orders of {tried} cells flips it."
    return (
        f"Swapped at random, {len(reached)} of {orders} orders of {tried} cells flip it (median "
        f"{float(reached.median()):.0f} edits)."
    )


def _how(value: RegionSwaps) -> str:
    if value.sums:
        return "The rest of this network adds its cells up, so that all swaps of a step are one table."
    return f"Each of {value.tried:,} swaps went through the rest of the network." if value.tried else ""


def _others(value: RegionSwaps) -> str:
    said = "The edit is in the map: its cells have seen more than the pixels below them."
    if len(value.places) < 2:  # noqa: PLR2004 - one is no choice
        return said
    known = [str(count) for count in value.other_edits if count > 0]
    counts = f" ({', then '.join(known)})" if len(known) > 1 else ""
    return f"Of {len(value.places)} distractors the one with the fewest edits is shown{counts}. {said}"


def _cell(cell: int, value: RegionSwaps) -> str:
    row, column = divmod(cell, value.grid[1])
    return f"{row + 1}.{column + 1}"
