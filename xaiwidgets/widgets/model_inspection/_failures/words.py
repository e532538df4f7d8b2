"""What a specification sheet says, in words, each claim beside what it can be compared with."""

from html import escape

import torch

from xaiwidgets.methods.model_inspection._failures.result import Flags, SpecificationSheet
from xaiwidgets.methods.model_inspection._failures.selective import Selective
from xaiwidgets.widgets.parts.facts import fact_table

_RARE = 0.05  # below or at it chance is no likely cause


def in_words(sheet: SpecificationSheet, group: int) -> str:
    """The errors, the rule of one group, the null level, and what not trusting the flagged answers gains."""
    parts = [_errors(sheet)]
    if group < len(sheet.rules):
        parts += [_rule(sheet, group), _rates(sheet, group), _chance(sheet, group), _kept(sheet.selective)]
    return "".join(parts)


def heading_of(sheet: SpecificationSheet, group: int) -> str:
    """A group's rule with its rate on the held-out images, in a line; "" for a group that there is not."""
    if sheet.means is None or not len(sheet.errors):
        return ("errors so far" if len(sheet.errors) else "no errors so far") if group == 0 else ""
    if group < len(sheet.rules):
        held = sheet.held
        count, share = int(held.covered[group]), float(held.precision[group])
        rate = f"{share:.0%} wrong of {count:,} held out, overall {held.base:.0%}" if count else "covers none held out"
        return f"{group + 1}: {sheet.words(group)} · {rate}"
    return f"{group + 1}: {_mostly(sheet, group)}" if bool((sheet.cluster == group).any()) else ""


def note_of(sheet: SpecificationSheet, image: int) -> str:
    """What an image is and what it was taken for."""
    label, answer = (sheet.class_names[int(of[image])] for of in (sheet.labels, sheet.predicted))
    return f"{label} → {answer}"


def sentence_of(sheet: SpecificationSheet, image: int) -> str:
    """What is known of one image."""
    label, answer = (sheet.class_names[int(of[image])] for of in (sheet.labels, sheet.predicted))
    confidence = f"with confidence {float(sheet.confidence[image]):.2f}"
    said = f"image {image}, {label} · answered {'rightly' if label == answer else answer} {confidence}"
    under = [str(rule + 1) for rule in sheet.covered[:, image].nonzero().flatten().tolist()]
    which = f"under rule {' and '.join(under)}" if under else "under no rule"
    return f"{said} · {which} · {'held out' if bool(sheet.held_out[image]) else 'rules were found with it'}"


def checked_words(sheet: SpecificationSheet, flags: Flags, name: str) -> str:
    """Whether new answers should be trusted, as the rules see it: one in detail, several by their number."""
    count = len(flags.predicted)
    if count > 1:
        return f"{int(flags.flagged.sum()):,} of {count:,} answers fall under a rule."
    answer, confidence = escape(sheet.class_names[int(flags.predicted[0])]), float(flags.confidence[0])
    head = f"<b>{escape(name)}</b> is answered {answer} with confidence {confidence:.2f}. "
    under = flags.covered[:, 0].nonzero().flatten().tolist()
    if not under:
        return head + "It falls under no rule."
    rates = ", ".join(f"{rule + 1} ({float(sheet.held.precision[rule]):.0%} wrong held out)" for rule in under)
    return f"{head}<b>Do not trust it</b>: it falls under rule {rates}; overall {sheet.held.base:.0%} are wrong."


def _errors(sheet: SpecificationSheet) -> str:
    count = len(sheet.errors)
    looked = f"{sheet.seen:,} of {sheet.images:,} images were looked at"
    if not count:
        return f"<p>{looked}: <b>no answer is wrong</b>, so that there is no failure to tell of.</p>"
    held = f", {sheet.held.errors:,} of them held out" if sheet.means is not None else ""
    return f"<p>{looked}: <b>{count:,}</b> answers are wrong ({count / sheet.seen:.1%}){held}.</p>"


def _mostly(sheet: SpecificationSheet, group: int) -> str:
    members = sheet.members(group)
    pairs, counts = torch.stack([sheet.labels[members], sheet.predicted[members]], 1).unique(dim=0, return_counts=True)
    best = int(counts.argmax())
    label, answer = (sheet.class_names[place] for place in pairs[best].tolist())
    return (
        f"{len(members):,} error{'s' * (len(members) != 1)}, {int(counts[best]):,} of them {label} taken for {answer}"
    )


def _rule(sheet: SpecificationSheet, group: int) -> str:
    words = f"<b>Rule {group + 1}</b>: {escape(sheet.words(group))}. Its group: {escape(_mostly(sheet, group))}."
    if not int(sheet.held.covered[group]):
        words += " <b>It covers none of the held-out images</b>, so that nothing can be claimed."
    return f"<p>{words}</p>"


def _rates(sheet: SpecificationSheet, group: int) -> str:
    """The claim, on the held-out images, with what it is to be compared with."""
    held, null = sheet.held, sheet.null
    if not int(held.covered[group]):
        return ""
    low, high = (float(end) for end in held.interval[group])
    facts = [
        (f"wrong of {int(held.covered[group]):,} under it", f"<b>{float(held.precision[group]):.0%}</b>"),
        ("95 % interval", f"{100 * low:.0f}–{high:.0%}"),
        ("wrong overall", f"{held.base:.0%}"),
        ("wrong of as many least confident", f"{float(sheet.confident.precision[group]):.0%}"),
        ("times overall", f"<b>{float(held.lift[group]):.1f}×</b>"),
        ("times overall where it was found", f"{float(sheet.found.lift[group]):.1f}×"),
    ]
    if len(null.best):
        facts += [
            ("rules for random errors", f"{float(null.held_out.mean()):.1f}×"),
            ("where these were found", f"{float(null.found.mean()):.1f}×"),
        ]
    facts.append(("of all errors under it", f"{float(held.recall[group]):.0%}"))
    return fact_table(facts, "On held-out images")


def _chance(sheet: SpecificationSheet, group: int) -> str:
    runs = len(sheet.null.best)
    if not runs or not int(sheet.held.covered[group]):
        return ""
    p = float(sheet.p_value[group])
    as_good = round(p * (1 + runs)) - 1
    verdict = "That is hardly chance" if p <= _RARE else "That <b>could be chance</b>"
    return f"<p>{verdict}: {as_good} of {runs} random runs have a rule as sure (p = {p:.2g}).</p>"


def _kept(end: Selective) -> str:
    """Flags beside confidence at the same share kept, and who wins."""
    if not int(end.dropped[-1]):
        return ""
    flags, unsure = float(end.accuracy[-1]), float(end.confident_accuracy[-1])
    facts = [
        ("all answers", f"{float(end.accuracy[0]):.1%}"),
        (f"the {float(end.kept[-1]):.0%} under no rule", f"<b>{flags:.1%}</b>"),
        (f"the {float(end.kept[-1]):.0%} most confident", f"<b>{unsure:.1%}</b>"),
    ]
    verdict = "<b>Confidence</b> tells errors better" if unsure > flags else "<b>The rules</b> tell errors better"
    if end.p_value > _RARE:
        verdict = "Which tells errors better could be chance"
    return fact_table(facts, "Right among those kept") + f"<p>{verdict} (p = {end.p_value:.2g}).</p>"
