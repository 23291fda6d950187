"""The regular expressions of `str`: an expression becomes a program, its threads run in step.

Law: searching costs at most (bytes of the text) x (instructions), whatever the expression
(Thompson 1968, Pike's captures, as in RE2); and the sum over one call is bounded by STEPS, so
that no script can stop all the others.  Backtracking, `re` included, can give neither.

Unlike `re`, a match knows every turn of a group: `(a )*` on "a a " has two.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from ..errors import MelangError

STEPS = 5_000_000
MAX_PROGRAM = 20_000
MAX_DEPTH = 100

DIGITS = frozenset(b"0123456789")
LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
WORD = DIGITS | LETTERS | frozenset(b"_")
SPACE = frozenset(b" \t\n\r\f\v")
ANY = frozenset(range(256))
CLASSES = {
    ord("d"): DIGITS,
    ord("D"): ANY - DIGITS,
    ord("w"): WORD,
    ord("W"): ANY - WORD,
    ord("s"): SPACE,
    ord("S"): ANY - SPACE,
}
ESCAPES = {ord(c): ord(v) for c, v in zip("ntrfvae", "\n\t\r\f\v\a\x1b", strict=True)}


class Op(Enum):
    BYTE = auto()  # one of a set of bytes
    SPLIT = auto()  # goes on at two places, the first is preferred
    JUMP = auto()
    OPEN = auto()
    CLOSE = auto()
    BEGIN = auto()
    END = auto()
    EDGE = auto()  # \b, or \B
    MATCH = auto()


CONDITIONS = (Op.BEGIN, Op.END, Op.EDGE)

# Jumps are relative, so that a repeated part can be copied.
Instruction = tuple[Op, frozenset[int], int, int]
Program = list[Instruction]
# A linked list from the last to the first: threads share their past.
Chain = tuple[int, int, "Chain"] | None
Thread = tuple[int, int, Chain, Chain]
# An instruction that needs a byte, and the groups and conditions on the way to it.
Way = tuple[int, tuple[tuple[Op, int], ...]]


class BadPattern(Exception):
    """The expression cannot be understood; it matches nothing."""


@dataclass(frozen=True, slots=True)
class Match:
    start: int
    end: int
    groups: list[bytes]


def instruction(op: Op, first: int = 0, second: int = 0) -> Instruction:
    return op, frozenset(), first, second


class Compiler:
    """A recursive descent over the expression; every method returns a program."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        self.ignore_case = False

    def compile(self) -> Program:
        program = self.alternatives()
        if self.at < len(self.pattern):
            raise BadPattern
        return [*program, instruction(Op.MATCH)]

    def peek(self, expected: bytes) -> bool:
        return self.pattern.startswith(expected, self.at)

    def accept(self, expected: bytes) -> bool:
        if not self.peek(expected):
            return False
        self.at += len(expected)
        return True

    def alternatives(self) -> Program:
        branches = [self.sequence()]
        while self.accept(b"|"):
            branches.append(self.sequence())
        program = branches.pop()
        for branch in reversed(branches):
            program = either(branch, program)
        return program

    def sequence(self) -> Program:
        program: Program = []
        while self.at < len(self.pattern) and not self.peek(b"|") and not self.peek(b")"):
            program += self.repeated(self.atom())
            if len(program) > MAX_PROGRAM:
                raise BadPattern
        return program

    def repeated(self, part: Program) -> Program:
        while (limits := self.limits()) is not None:
            greedy = not self.accept(b"?")
            part = repeat(part, *limits, greedy=greedy)
        return part

    def limits(self) -> tuple[int, int | None] | None:
        for sign, limits in ((b"*", (0, None)), (b"+", (1, None)), (b"?", (0, 1))):
            if self.accept(sign):
                return limits
        counts = re.compile(rb"\{([0-9]{1,5})(,?)([0-9]{0,5})\}").match(self.pattern, self.at)
        if counts is None:
            return None
        self.at = counts.end()
        least = int(counts[1])
        if counts[3]:
            most: int | None = int(counts[3])
        else:
            most = None if counts[2] else least
        if most is not None and most < least:
            raise BadPattern
        return least, most

    def atom(self) -> Program:
        byte = self.pattern[self.at]
        self.at += 1
        match chr(byte):
            case "(":
                return self.group()
            case "[":
                return self.bracket()
            case ".":
                return [(Op.BYTE, ANY, 0, 0)]
            case "^":
                return [instruction(Op.BEGIN)]
            case "$":
                return [instruction(Op.END)]
            case "\\" if self.at < len(self.pattern):
                return self.escape()
            case "*" | "+" | "?":
                raise BadPattern
        return self.bytes_of(frozenset([byte]))

    def bytes_of(self, accepted: frozenset[int]) -> Program:
        if self.ignore_case:
            data = bytes(accepted)
            accepted = frozenset(data.lower() + data.upper())
        return [(Op.BYTE, accepted, 0, 0)]

    def escape(self) -> Program:
        byte = self.pattern[self.at]
        if byte in b"bB":
            self.at += 1
            return [instruction(Op.EDGE, byte == ord("b"))]
        return self.bytes_of(self.escaped())

    def escaped(self) -> frozenset[int]:
        byte = self.pattern[self.at]
        self.at += 1
        return CLASSES.get(byte) or frozenset([ESCAPES.get(byte, byte)])

    def group(self) -> Program:
        if self.accept(b"?i)"):
            self.ignore_case = True
            return []
        captured = not self.accept(b"?:")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadPattern
        program = self.alternatives()
        self.depth -= 1
        if not self.accept(b")"):
            raise BadPattern
        if captured:
            return [instruction(Op.OPEN), *program, instruction(Op.CLOSE)]
        return program

    def bracket(self) -> Program:
        negated = self.accept(b"^")
        accepted: frozenset[int] = frozenset()
        while not self.accept(b"]"):
            low = self.member()
            if len(low) == 1 and self.peek(b"-") and not self.peek(b"-]"):
                self.at += 1
                high = self.member()
                low = frozenset(range(min(low), max(high) + 1))
            accepted |= low
        (program,) = self.bytes_of(accepted)
        return [(Op.BYTE, ANY - program[1], 0, 0)] if negated else [program]

    def member(self) -> frozenset[int]:
        if self.at >= len(self.pattern):
            raise BadPattern
        byte = self.pattern[self.at]
        self.at += 1
        if byte == ord("\\") and self.at < len(self.pattern):
            return self.escaped()
        return frozenset([byte])


def either(first: Program, second: Program) -> Program:
    return [
        instruction(Op.SPLIT, 1, len(first) + 2),
        *first,
        instruction(Op.JUMP, len(second) + 1),
        *second,
    ]


def repeat(part: Program, least: int, most: int | None, *, greedy: bool) -> Program:
    copies = least + 1 if most is None else most
    if len(part) * copies > MAX_PROGRAM:
        raise BadPattern
    program = part * least
    if most is None:
        return program + loop(part, greedy)
    for _ in range(most - least):
        program += [split(len(part) + 1, greedy), *part]
    return program


def loop(part: Program, greedy: bool) -> Program:
    return [
        split(len(part) + 2, greedy),
        *part,
        instruction(Op.JUMP, -len(part) - 1),
    ]


def split(past: int, greedy: bool) -> Instruction:
    """Return the choice between the next instruction and the one `past` it."""
    return instruction(Op.SPLIT, 1, past) if greedy else instruction(Op.SPLIT, past, 1)


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
