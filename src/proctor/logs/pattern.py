"""Regular expressions that hold nobody up.

`re` keeps the interpreter's lock while it searches: an expression that goes back and forth over a
long line (`[a-z]+\\d`, `(a+)+$`) would stop the whole service for minutes.  Here a search lets the
other threads run, and is given up after a time.  `regex` takes a while to load: first when needed.
"""

from __future__ import annotations

from proctor.core.errors import BadSpec


class TooSlow(BadSpec):
    """A search has taken so long that it was given up."""


class Pattern:
    """An expression to find in bytes; a search takes `patience` seconds at most.

    Raises BadSpec, with `field`, if it is none.
    """

    def __init__(
        self, text: str, field: str | None = None, patience: float = 2.0, *, multiline: bool = False
    ) -> None:
        import regex

        self.text, self._field, self._patience = text, field, patience
        flags = regex.MULTILINE if multiline else 0
        try:
            self._compiled = regex.compile(text.encode("utf-8", "surrogateescape"), flags)
        except (regex.error, OverflowError, RecursionError) as error:
            what = f"`{field}` is not valid: " if field else ""
            message = f"{what}expected a regular expression: {error}"
            raise BadSpec(message, field=field) from None

    def multiline(self) -> Pattern:
        """Return it with `^` and `$` that match at every line."""
        return Pattern(self.text, self._field, self._patience, multiline=True)

    def find(self, data: bytes, start: int = 0, end: int | None = None) -> int | None:
        """Return where the first match begins.  Raises TooSlow."""
        stop, wait = len(data) if end is None else end, self._patience
        try:
            match = self._compiled.search(data, start, stop, timeout=wait, concurrent=True)
        except TimeoutError:
            message = f"searching for `{self.text}` takes more than {wait:g} s"
            raise TooSlow(message, field=self._field) from None
        return None if match is None else match.start()
