"""Names and values beside the claim, as a small table."""

from collections.abc import Sequence


def fact_table(rows: Sequence[tuple[str, str]], title: str = "") -> str:
    """The table as HTML; whoever gives the values escapes what comes from elsewhere."""
    caption = f"<caption>{title}</caption>" if title else ""
    cells = "".join(f"<tr><th scope='row'>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<table class='xw-facts'>{caption}{cells}</table>"
