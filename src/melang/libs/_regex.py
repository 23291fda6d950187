"""The regular expressions of `str`: an expression becomes a program, its threads run in step.

Law: searching costs at most (bytes of the text) x (instructions), whatever the expression
(Thompson 1968, Pike's captures, as in RE2); and the sum over one call is bounded by STEPS, so
that no script can stop all the others.  Backtracking, `re` included, can give neither.

Unlike `re`, a match knows every turn of a group: `(a )*` on "a a " has two.
"""

import re

from ..errors import MelangError
from ._pattern import WORD, BadPattern, Compiler, Op, Program

STEPS = 5_000_000
CONDITIONS = (Op.BEGIN, Op.END, Op.EDGE)

# A linked list from the last to the first: threads share their past.
Chain = tuple[int, int, "Chain"] | None
Thread = tuple[int, int, Chain, Chain]
# An instruction that needs a byte, and the groups and conditions on the way to it.
Way = tuple[int, tuple[tuple[Op, int], ...]]


class Match:
    """Where something was found, and what each turn of each group matched."""

    __slots__ = ("end", "groups", "start")

    def __init__(self, start: int, end: int, groups: list[bytes]) -> None:
        self.start = start
        self.end = end
        self.groups = groups


class Regex:
    def __init__(self, pattern: bytes, steps: int = STEPS) -> None:
        try:
            self._program = Compiler(pattern).compile()
        except BadPattern:
            self._program = []
        self._ways: dict[int, list[Way]] = {}
        self._steps = steps
        self._first = first_bytes(self._program)

    def search(self, text: bytes, start: int) -> Match | None:
        """Return the leftmost match from `start` on; of several there, the preferred one."""
        threads: list[Thread] = []
        seen: set[int] = set()
        best: tuple[Thread, int] | None = None
        at = start
        while self._program:
            if best is None:
                if not threads:
                    at = self._candidate(text, at)
                if at > len(text):
                    break
                self._enter(threads, seen, 0, (0, at, None, None), text, at)
            if not threads and (best is not None or at >= len(text)):
                break
            threads, seen, ended = self._step(threads, text, at)
            if ended is not None:
                best = ended, at
            at += 1
        return None if best is None else matched(*best, text)

    def _candidate(self, text: bytes, at: int) -> int:
        """Return where, from `at` on, a match can start at all."""
        if self._program[0][0] is Op.BEGIN and at > 0:
            return len(text) + 1
        if self._first is None:
            return at
        found = self._first.search(text, at)
        return len(text) + 1 if found is None else found.start()

    def _step(
        self, threads: list[Thread], text: bytes, at: int
    ) -> tuple[list[Thread], set[int], Thread | None]:
        """Let each thread take the byte at `at`; one that ends hides those behind it."""
        following: list[Thread] = []
        seen: set[int] = set()
        byte = text[at] if at < len(text) else -1
        self._spend(len(threads))
        for thread in threads:
            op, accepted, _, _ = self._program[thread[0]]
            if op is Op.MATCH:
                return following, seen, thread
            if byte in accepted:
                self._enter(following, seen, thread[0] + 1, thread, text, at + 1)
        return following, seen, None

    def _enter(
        self,
        threads: list[Thread],
        seen: set[int],
        place: int,
        thread: Thread,
        text: bytes,
        at: int,
    ) -> None:
        """Append the threads that `thread`, moved to `place`, becomes there."""
        for target, actions in self._ways.get(place) or self._ways_from(place):
            if target in seen:
                continue
            _, start, opened, groups = thread
            for op, wanted in actions:
                if op is Op.OPEN:
                    opened = (at, at, opened)
                elif op is Op.CLOSE:
                    assert opened is not None
                    groups = (opened[0], at, groups)
                    opened = opened[2]
                elif not holds(op, wanted, text, at):
                    break
            else:
                seen.add(target)
                threads.append((target, start, opened, groups))

    def _ways_from(self, place: int) -> list[Way]:
        """Find, in order of preference, the instructions that need a byte and the way there."""
        ways: list[Way] = []
        passed: set[tuple[int, frozenset[tuple[Op, int]]]] = set()
        stack: list[Way] = [(place, ())]
        while stack:
            here, actions = stack.pop()
            conditions = frozenset(action for action in actions if action[0] in CONDITIONS)
            if (here, conditions) in passed:
                continue
            passed.add((here, conditions))
            op, _, first, second = self._program[here]
            match op:
                case Op.BYTE | Op.MATCH:
                    ways.append((here, actions))
                case Op.SPLIT:
                    stack += [(here + second, actions), (here + first, actions)]
                case Op.JUMP:
                    stack.append((here + first, actions))
                case _:
                    stack.append((here + 1, (*actions, (op, first))))
            self._spend(1 + len(actions))
        self._ways[place] = ways
        return ways

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise MelangError("Regular expression takes too long.")


def holds(op: Op, wanted: int, text: bytes, at: int) -> bool:
    if op is Op.BEGIN:
        return at == 0
    if op is Op.END:
        return at == len(text)
    before = at > 0 and text[at - 1] in WORD
    after = at < len(text) and text[at] in WORD
    return (before != after) == bool(wanted)


def matched(thread: Thread, end: int, text: bytes) -> Match:
    _, start, _, group = thread
    groups = []
    while group is not None:
        groups.append(text[group[0] : group[1]])
        group = group[2]
    return Match(start, end, groups[::-1])


def first_bytes(program: Program) -> re.Pattern[bytes] | None:
    """Return what finds the bytes a match can start with; None if it may be empty."""
    accepted: set[int] = set()
    stack, seen = [0], set[int]()
    while program and stack:
        place = stack.pop()
        if place in seen:
            continue
        seen.add(place)
        op, members, first, second = program[place]
        match op:
            case Op.MATCH:
                return None
            case Op.BYTE:
                accepted |= members
            case Op.SPLIT:
                stack += [place + first, place + second]
            case Op.JUMP:
                stack.append(place + first)
            case _:
                stack.append(place + 1)
    if not accepted:
        return None
    return re.compile(b"[" + b"".join(re.escape(bytes([b])) for b in sorted(accepted)) + b"]")
