"""From a regular expression to a program for `_regex.py`.

Understood are `. * + ? {n,m}` and their lazy forms, `[]`, `[^]`, `()`, `(?:)`, `|`, `^`,
`$`, `\\d \\D \\w \\W \\s \\S \\b \\B` and `(?i)`.  A dot is any byte.
"""

import re
from enum import Enum, auto

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


# Jumps are relative, so that a repeated part can be copied.
Instruction = tuple[Op, frozenset[int], int, int]
Program = list[Instruction]


class BadPattern(Exception):
    """The expression cannot be understood; it matches nothing."""


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
