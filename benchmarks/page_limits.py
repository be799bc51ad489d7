"""Figures of the page beside what must hold of them."""

from __future__ import annotations


class Limits:
    """Prints figures with their limits, and keeps which of them are broken."""

    def __init__(self) -> None:
        self._broken: list[str] = []

    def show(self, name: str, value: float, most: float, unit: str = "", digits: int = 0) -> None:
        """A row of a table: what it is, the figure, and the most that it may be."""
        unit = f" {unit}" if unit else ""
        print(f"| {name} | {value:,.{digits}f}{unit} | ≤ {most:,g}{unit} |", flush=True)
        self.check(name, value, most)

    def check(self, name: str, value: float, most: float) -> None:
        """Keeps a figure that is beyond its limit."""
        if value > most:
            self._broken.append(f"{name}: {value:,.3f}, and at most {most:,g}")

    def end(self) -> None:
        """Raises ``SystemExit``, status 1, where a limit is broken."""
        if self._broken:
            raise SystemExit("\n".join(["limits are broken:", *self._broken]))
