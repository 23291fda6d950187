"""The functions every script has without an import."""

from __future__ import annotations

import os
from importlib import import_module

from .array import Array, WatchedArray
from .builtin import Builtin, builtin
from .calls import call_function, script_frames
from .compiler import compile_file, compile_text
from .dump import dumped
from .errors import CompileError, MelangError
from .plain import Value
from .values import Cell, Closure, Function, Object, WatchedObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .compiler import Program
    from .coroutine import Coroutine

LIBRARIES = frozenset(
    (
        "sys",
        "str",
        "json",
        "file",
        "mq",
        "net",
        "http",
        "base64",
        "md5",
        "sha",
        "aes",
        "des",
        "rc",
        "matrix",
        "prime",
        "mysql",
    )
)
_imported: dict[bytes, object] = {}


@builtin(1, name="Import")
def import_library(co: Coroutine, name: Value) -> Value:
    """Return a new object with the functions of a library."""
    if type(name) is not bytes:
        raise MelangError("Invalid type of argument 1.")
    module = _imported.get(name)
    if module is None:
        module = _imported[name] = _load(name.decode("latin-1"))
    functions: dict[bytes, Value] | None = getattr(module, "FUNCTIONS", None)
    sets = getattr(module, "SETS", {})
    for set_name, members in sets.items():
        co.globals[set_name.decode()] = Cell(members)
    if hasattr(module, "RESULT"):
        result: Value = module.RESULT
        return result
    return Object(None, dict(functions or {}))


def _load(name: str) -> object:
    if name in LIBRARIES:
        try:
            return import_module(f".libs.{name}", __package__)
        except ImportError:
            pass
    # Libraries are modules of this package: there is no directory to name.
    path = name if name.startswith("/") else f"<DYLIB>/{name}"
    raise MelangError(f"Load dynamic library [{path}.so] failed.")


@builtin(4, name="Eval")
def eval_script(co: Coroutine, source: Value, data: Value, in_string: Value, alias: Value) -> Value:
    """Start another script; without arguments, list the aliases of those that run."""
    if source is None:
        names = [other.alias for other in co.scheduler.coroutines if other.alias is not None]
        return Array.from_pairs((name, name) for name in names)
    if type(source) is not bytes:
        raise MelangError("Invalid type of argument 1.")
    if isinstance(data, (Array, Object, Function)):
        raise MelangError(
            "Invalid type of argument 2, only support nil, int, real, boolean, string."
        )
    if alias is not None and type(alias) is not bytes:
        raise MelangError("Invalid type of argument 4.")
    if alias is not None and co.scheduler.aliases.pop(alias, None) is not None:
        return False  # and the owner has lost it, as in the original
    try:
        program = _program(co, source, in_string is True)
    except CompileError as error:
        if error.line:  # a file that cannot be read is not worth a word in the original
            co.write(error.report.encode("latin-1", "replace") + b"\n")
        return None
    co.scheduler.spawn(program, data=data, alias=alias, sink=co.sink)
    return None


def _program(co: Coroutine, source: bytes, in_string: bool) -> Program:
    if in_string:
        return compile_text(source)
    path = os.fsdecode(source)
    if path.startswith("@") and co.name != " ":
        folder = os.path.dirname(co.name)
        path = f"{folder}/{path[1:]}" if folder else path[1:].removeprefix("/")
    return compile_file(path)


@builtin(1, name="Kill")
def kill(co: Coroutine, alias: Value) -> Value:
    """End the script with this alias, if there is one."""
    if type(alias) is not bytes:
        raise MelangError("Invalid type of argument 1.")
    other = co.scheduler.aliases.get(alias)
    if other is not None:
        co.scheduler.kill(other)
    return None


@builtin(3, refs=(0, 2), name="Watch")
def watch(co: Coroutine, variable: Cell, function: Value, data: Cell) -> Value:
    """Have a function called after each assignment to a variable."""
    if not isinstance(function, Function):
        return False
    callback = function.copied() if type(function) is Closure else function
    active = False

    def changed(value: Value) -> Value:
        nonlocal active
        if active:
            return value
        active = True
        try:
            cell = Cell(value)
            call_function(callback, [cell, data])
            return cell.get()
        finally:
            active = False

    variable.watch = changed
    owner = variable.owner
    if isinstance(owner, Array):
        owner.watched = {**(owner.watched or {}), variable.key: variable}
        owner.__class__ = WatchedArray
    elif isinstance(owner, Object):
        owner.watched = {**(owner.watched or {}), variable.key: variable}
        owner.__class__ = WatchedObject
    return True


@builtin(1, refs=(0,), name="Unwatch")
def unwatch(co: Coroutine, variable: Cell) -> Value:
    """Stop watching a variable."""
    variable.watch = None
    return None


@builtin(1, refs=(0,), name="Dump", wraps=False)
def dump(co: Coroutine, value: Value) -> Value:
    """Print the structure of a value."""
    is_variable = type(value) is Cell
    co.write(dumped(value.get() if is_variable else value, is_variable, co.program.where))
    return None


@builtin(0, name="Stack")
def stack(co: Coroutine) -> Value:
    """Print the functions that are being run, innermost first."""
    lines = []
    for number, frame in enumerate(script_frames(), 1):
        name, position = co.program.functions[frame.f_code.co_name]
        file, line = co.program.where(position) if position else ("<anonymous>", 0)
        lines.append(f"{number}: {name} {file}:{line}\n")
    co.write(os.fsencode("".join(lines)))
    return None


@builtin(1, name="Pipe")
def pipe(co: Coroutine, operation: Value) -> Value:
    """Talk to the program that embeds the interpreter: `co.resources["pipe"]` is its box.

    The box is a list, to which the program appends arrays; `recv` empties it.
    """
    if type(operation) is not bytes:
        raise MelangError("Invalid type of argument 1.")
    if operation == b"subscribe":
        co.resources.setdefault("pipe", [])
        return None
    if operation == b"unsubscribe":
        return None
    if operation == b"send":
        return "pipe" in co.resources
    if operation != b"recv":
        raise MelangError("Invalid argument 2.")
    messages = co.resources.get("pipe")
    if messages is None:
        return False
    received = Array.from_list(list(messages))
    messages.clear()
    return received


NATIVES: dict[str, Builtin] = {
    function.name.decode(): function
    for function in (import_library, eval_script, kill, watch, unwatch, dump, stack, pipe)
}
