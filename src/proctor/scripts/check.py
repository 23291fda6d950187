"""Whether a script can be run at all, found out when its task is submitted."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
import tokenize

from proctor.core.errors import ProctorError
from proctor.core.spec import CheckKind, Spec, TaskType

from .desk import split_command


class BadScript(ProctorError):
    """There is no such script, or it is none; the message has file, line and reason.

    Or `field` asks for what no script can have.
    """

    code = "bad_script"


def check_script(spec: Spec) -> None:
    """Raise BadScript if the script is missing or cannot be parsed; nothing of it is run.

    So is a task with a field that means nothing for a script.  It reads files and may compute for
    a while: keep it out of the event loop.
    """
    assert isinstance(spec.cmd, str)
    if (fault := field_without_effect(spec)) is not None:
        field, why = fault
        raise BadScript(why, field=field)
    if spec.type is TaskType.MELANG:
        _check_melang(os.path.join(spec.cwd or "", spec.cmd))
    elif spec.type is TaskType.PYTHON:
        _check_interpreter(spec)
        _check_python(spec, spec.cmd)


def field_without_effect(spec: Spec) -> tuple[str, str] | None:
    """Return the first field that only a process could honour, and why a script cannot."""
    if spec.stdin != "null":
        return "stdin", f"a script has no standard input: {spec.stdin} needs a process"
    if spec.tty:
        return "tty", "a script has no terminal: that needs a process"
    if spec.sockets:
        return "sockets", "a script is passed no sockets: it listens itself"
    if spec.output.separate:
        return "output.separate", "a script has one output: errors cannot be told from the rest"
    for name in ("readiness", "liveness", "startup"):
        check = getattr(spec, name)
        if check is not None and check.kind is CheckKind.NOTIFY:
            return name, "a script does not notify: check a line of its output, or what it serves"
    if spec.interpreter is not None and spec.type is not TaskType.PYTHON:
        return "interpreter", "interpreter is for scripts of type python"
    return None


def _check_melang(path: str) -> None:
    from melang.compiler import compile_file
    from melang.errors import CompileError

    try:
        compile_file(path)
    except CompileError as error:
        where = f"{error.file}:{error.line}" if error.line else error.file
        raise _bad(f"{where}: {error.reason}") from None


def _check_interpreter(spec: Spec) -> None:
    path = spec.interpreter
    if path is not None and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise BadScript(f"there is no interpreter {path}", field="interpreter")


def _check_python(spec: Spec, cmd: str) -> None:
    file, function = split_command(cmd)
    if file is not None:
        _check_source(os.path.join(spec.cwd or "", file), function, parse=spec.interpreter is None)
        return
    module = cmd.partition(":")[0]
    found = _find(module, spec.cwd or os.getcwd())
    if found is not None:
        _check_source(found, function, parse=spec.interpreter is None, imported=True)
    elif spec.interpreter is None:
        raise _bad(f"{module}: no such module")


def _check_source(path: str, function: str, *, parse: bool, imported: bool = False) -> None:
    """`parse` is False for another interpreter's language, `imported` for a module's file."""
    try:
        if not path.endswith(".py") and imported:
            return  # Compiled, or an extension: what it has cannot be seen.
        with tokenize.open(path) as file:
            text = file.read()
    except OSError as error:
        raise _bad(f"{path}: {error.strerror}") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise _bad(f"{path}:1: {error}") from None
    if not parse:
        return
    try:
        tree = compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        raise _bad(f"{path}:{error.lineno or 1}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise _bad(f"{path}:1: {error or 'nested too deep'}") from None
    if function not in _defined(tree):
        raise _bad(f"{path}:1: there is no function {function}")


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that a module's text makes, as far as can be seen without running it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name)
    return names


def _find(module: str, folder: str) -> str | None:
    """Return the file of a module; no package on the way is imported."""
    path: list[str] | None = [folder, *sys.path]
    at = ""
    for part in module.split("."):
        at = f"{at}.{part}" if at else part
        try:
            found = importlib.machinery.PathFinder.find_spec(at, path)
        except (ImportError, ValueError):
            return None
        if found is None:
            return None
        path = list(found.submodule_search_locations or ())
    return found.origin if found is not None and found.has_location else None


def _bad(message: str) -> BadScript:
    return BadScript(message, field="cmd")
