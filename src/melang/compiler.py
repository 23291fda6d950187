"""A program's text to a unit: code that any number of coroutines can run."""

from __future__ import annotations

import _ast as py
import gc
import os
import sys

from . import source
from .calls import CODE_FILE
from .compile_func import Unit, function_code
from .compile_stm import Statements
from .errors import CompileError, TooDeep
from .nodes import FunctionDef, Stm
from .parser import nested_too_deep, parse
from .scope import Scope
from .source import Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

STRING = " "  # the name of a text that is in no file
RECURSION = 6000  # Python frames while compiling: how deeply programs may nest
KEPT = 64  # units that are kept for the next coroutine with the same text


class Program:
    """A compiled unit."""

    __slots__ = ("code", "functions", "name", "names", "sources")

    def __init__(
        self,
        name: str,
        code: CodeType,
        names: list[str],
        functions: dict[str, tuple[str, int]],
        sources: Sources,
    ) -> None:
        self.name = name
        self.code = code  # of the function that is the program
        self.names = names  # the outermost variables that functions can see
        self.functions = functions  # name and first position, by the name of the code
        self.sources = sources

    def where(self, position: int) -> tuple[str, int]:
        """Return file and line of a position."""
        return self.sources.where(position)


_kept: dict[tuple[str, bytes], Program] = {}


def compile_file(path: str) -> Program:
    """Return the program in a file.

    Raises CompileError, which has file, line and reason, also if the file cannot
    be read.
    """
    try:
        files = source.read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CompileError(path, 0, reason, f"{path}: {reason}") from None
    if len(files) != 1 or files[0][0] != path:
        raise CompileError(path, 0, os.strerror(21), f"{path}: {os.strerror(21)}")
    return compile_text(files[0][1], path)


def compile_text(text: bytes, name: str = STRING) -> Program:
    """Return the program in a text; the last ones are remembered.  Raises CompileError."""
    key = (name, text)
    program = _kept.pop(key, None)
    if program is None:
        program = _compile(name, text)
        if len(program.sources.names) > 1:
            return program  # an included file may be another one the next time
    _kept[key] = program
    if len(_kept) > KEPT:
        del _kept[next(iter(_kept))]
    return program


def _compile(name: str, text: bytes) -> Program:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    # Nothing of a syntax tree is garbage before it is compiled: looking for some
    # would take most of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        body, sources = parse(name, text)
        return _to_code(name, body, sources)
    finally:
        sys.setrecursionlimit(limit)
        if collects:
            gc.enable()


def _to_code(name: str, body: list[Stm], sources: Sources) -> Program:
    try:
        scope = Scope((), body, True)
        unit = Unit(scope)
        program = FunctionDef(1, "", [], [], body)
        main = function_code(Statements(unit, scope), ".main", [], [], program)
        module = py.Module(body=[main], type_ignores=[])
        code: CodeType = compile(module, CODE_FILE, "exec", dont_inherit=True)
    except TooDeep as error:
        raise nested_too_deep(sources, error.pos) from None
    except (RecursionError, MemoryError, SyntaxError):
        raise nested_too_deep(sources, sources.bases[0] + 1) from None
    functions = [const for const in code.co_consts if type(const) is type(code)]
    unit.functions[".main"] = ("__main__", sources.end)
    names = sorted(name for name in unit.globals if not name.startswith("."))
    return Program(name, functions[0], names, unit.functions, sources)
