"""What a search for blind spots found, in words."""

import csv
import io
from html import escape

from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration

_RARE = 0.05  # below it chance is no likely cause
_SMALLEST = 1e-4  # smaller probabilities tell nothing more


def in_words(value: GuidedExploration) -> str:
    """What was found, beside what chance and the other policies find on the same budget."""
    sure = f"{value.seen:,} of {value.images:,} images were looked at; <b>{len(value.confident):,}</b> answers are sure"
    head = f"{sure} (confidence at least {value.threshold:g})."
    if not value.queries:
        return head
    found, queries = int(value.wrong.sum()), value.queries
    asked = f"<b>{found} of {queries}</b> that were asked about are wrong."
    beside = [_against_chance(value, found), *_against_policies(value, found)]
    parts = [head, asked, _too_short(value), *beside, _utility(value, found), _total(value)]
    return "<br>".join(filter(None, parts))


def note_of(value: GuidedExploration, query: int) -> str:
    """What a picture is, and what the network took it for."""
    place = int(value.places[query])
    answer, sure = value.class_names[int(value.answers[place])], percent(float(value.confidence[place]))
    label = int(value.labels[query])
    return f"{sure} {answer}, {'wrong' if label < 0 else f'is {value.class_names[label]}'}"


def sentence_of(value: GuidedExploration, query: int) -> str:
    """A query in a sentence."""
    place = int(value.places[query])
    answer, label = value.class_names[int(value.answers[place])], int(value.labels[query])
    truth = f", {value.class_names[label]}" if label >= 0 else ""
    where = f"found by query {query + 1} in partition {int(value.partition[place]) + 1}"
    sure = percent(float(value.confidence[place]))
    return f"image {int(value.queried[query])}{truth} · the network says {answer}, {sure} sure · {where}"


def csv_of(value: GuidedExploration) -> str:
    """A row for each query in their order: the image, its partition, the answer, the verdict, and what was found."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["query", "image", "partition", "answer", "confidence", "verdict", "label", "found", "utility"])
    columns = (value.queried, value.places, value.wrong, value.labels, value.found_so_far, value.utility)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for query, (image, place, wrong, label, found, utility) in enumerate(rows):
        answer, sure = value.class_names[int(value.answers[place])], f"{float(value.confidence[place]):.6g}"
        verdict, name = "wrong" if wrong else "right", value.class_names[label] if label >= 0 else ""
        row = [query + 1, image, int(value.partition[place]) + 1, answer, sure, verdict, name, found, f"{utility:.6g}"]
        table.writerow(row)
    return file.getvalue()


def percent(share: float) -> str:
    """A share, never rounded up to all."""
    return f"{int(1000 * share) / 10:g} %"


def _too_short(value: GuidedExploration) -> str:
    if value.budget >= len(value.sizes):
        return ""
    return "<b>The budget ends before every partition was asked once</b>: raise it, or lower the number of partitions."


def _against_chance(value: GuidedExploration, found: int) -> str:
    if value.total is None:
        if not bool((value.asked > 0).all()):
            return "Not every partition was asked about yet, so that nothing can be said of chance."
        total, error = value.estimated_total
        expected = value.queries * total / max(1, len(value.confident))
        return (
            f"The verdicts suggest that {total:.0f} ± {error:.0f} of the sure answers are wrong; then a search at "
            f"random would have found about {expected:.1f}. Only labels could tell."
        )
    low, high = value.interval
    chance = f"As many queries at random find <b>{value.expected:.1f}</b> ({low} to {high} in 95 of 100 cases)."
    p = value.p_value
    number = f"p = {p:.2g}" if p >= _SMALLEST else f"p below {_SMALLEST:g}"
    verdict = "is hardly chance" if p < _RARE else "<b>could be chance</b>"
    return f"{chance} To find {found} or more {verdict}: {number}."


def _against_policies(value: GuidedExploration, found: int) -> list[str]:
    if not value.baselines:
        return []
    others = dict(zip(value.baselines, value.baseline_found[:, -1].tolist(), strict=True))
    said = ", ".join(f"{escape(name)} {count}" for name, count in others.items())
    best = max(others, key=others.get)
    lines = [f"On the same budget find: {said}."]
    if others[best] > found:
        lines.append(f"<b>{escape(best[0].upper() + best[1:])} finds more here</b> than the guided search.")
    return lines


def _utility(value: GuidedExploration, found: int) -> str:
    worth = f"{float(value.utility[-1]):.1f}".replace("-", "−")
    return f"Utility: {found} found − {value.cost:g} × {value.queries} queries = <b>{worth}</b>."


def _total(value: GuidedExploration) -> str:
    if value.total is None:
        return ""
    total, error = value.estimated_total
    return (
        f"All labels, which no search has seen, say that {value.total:,} of the sure answers are wrong; the verdicts "
        f"suggest {total:.0f} ± {error:.0f}."
    )
