"""Who may import whom.  Every import counts, also one inside a function or for types only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"

# A part is a package or module right below `proctor`, or `melang`; "" is `proctor` itself (its
# version).  What a part may import of ours: another part, or only some modules of it.
ARROWS: dict[str, set[str]] = {
    "": set(),
    "core": set(),
    "keeper": set(),
    "melang": set(),
    # Effects: they know the values of the core, and nobody who decides.
    "clock": {"core.model"},
    "config": {"core.errors", "core.zones"},
    "engine": {"core", "keeper.link", "keeper.protocol"},
    "log": set(),
    "logs": {"core.errors", "core.model"},
    "probe": {"core", "logs"},
    "scripts": {"core", "keeper.link", "keeper.protocol", "melang"},
    "statedir": {"config"},
    "listen": set(),
    "store": {"core"},
    # The shell: one writer of the world, and what carries out its commands.
    "history": {"core.model", "store"},
    "manager": {
        "clock",
        "core",
        "engine.base",
        "history",
        "log",
        "records",
        "scripts.command",
        "scripts.hosts",
        "store",
        "waiting",
    },
    "waiting": set(),
    "records": {"core", "history", "log", "store"},
    "doors": {"core", "engine.listeners", "log"},
    "effects": {"core", "engine", "probe"},
    "filewatch": {"core", "log"},
    "kept": {"config", "engine.local", "listen", "statedir"},
    "lifetime": {"core.model", "log", "manager"},
    "operations": {"core"},
    "output": {"config", "core", "logs"},
    # What others see.
    "api": {"", "core", "log", "logs", "manager", "metrics", "operations"},
    "metrics": {"", "core", "history", "log", "logs"},
    "web": set(),
    "manifest": {"api.schemas", "core.errors"},
    "client": {"", "api.schemas"},
    "cli": {"", "client", "config", "daemon", "manifest", "serving"},
    "tui": {"", "client"},
    "testing": {"core"},
    # The composition root, and the door.
    "daemon": {
        "api",
        "clock",
        "config",
        "core",
        "doors",
        "effects",
        "engine",
        "filewatch",
        "history",
        "keeper.room",
        "kept",
        "lifetime",
        "listen",
        "log",
        "logs",
        "manager",
        "metrics",
        "operations",
        "output",
        "probe",
        "scripts",
        "statedir",
        "store",
        "web",
    },
    "serving": {"config", "daemon"},
    "__main__": {"cli", "keeper", "serving"},
}

# What a part may import of others than us and the standard library; no entry: anything.
OTHERS: dict[str, set[str]] = {
    "": set(),
    "__main__": set(),
    "core": {"cronsim", "msgspec"},
    "keeper": set(),
    "melang": {"cryptography", "greenlet", "pymysql"},
    "store": {"msgspec"},
    "logs": {"msgspec", "regex"},
    "engine": {"dotenv", "msgspec"},
    "manager": {"msgspec"},
    "client": {"httptools", "msgspec"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted([*SRC.glob("proctor/**/*.py"), *SRC.glob("melang/**/*.py")])
MODULES = {module_name(path): path for path in FILES}


def part_of(module: str) -> str | None:
    """Return the part that a module belongs to, None if it is not ours."""
    top, *rest = module.split(".")
    if top == "melang":
        return "melang"
    return (rest[0] if rest else "") if top == "proctor" else None


def imported(module: str) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of everything that a module imports."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{whole}.{alias.name}"
                yield node.lineno, name if name in MODULES else whole
        elif isinstance(node, ast.Call) and (text := imported_by_call(node)):
            yield node.lineno, ".".join(package) + text if text.startswith(".") else text


def imported_by_call(node: ast.Call) -> str | None:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return beginning(node.args[0]) if name in ("import_module", "__import__") else None


def beginning(name: ast.expr) -> str | None:
    """Return a name, or what an f-string begins with: the package that it picks a module from.

    None for a name that comes from elsewhere, which is somebody else's module.
    """
    first = name.values[0] if isinstance(name, ast.JoinedStr) else name
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value.rstrip(".")
    return None


def is_allowed(part: str, name: str) -> bool:
    target = part_of(name)
    if target is None:
        top = name.split(".")[0]
        return top in sys.stdlib_module_names or part not in OTHERS or top in OTHERS[part]
    if target == part or target in ARROWS[part]:
        return True
    inside = name.removeprefix("proctor.")
    return any(inside == arrow or inside.startswith(f"{arrow}.") for arrow in ARROWS[part] if arrow)


@pytest.mark.parametrize("part", sorted({part_of(m) for m in MODULES} - {None}))
def test_a_part_imports_only_what_it_may(part: str) -> None:
    assert part in ARROWS, f"{part!r} is new: say in ARROWS what it may import"

    wrong = [
        f"{MODULES[module].relative_to(SRC)}:{line} imports {name}"
        for module in MODULES
        if part_of(module) == part
        for line, name in imported(module)
        if not is_allowed(part, name)
    ]

    assert not wrong, "\n".join(wrong)


def test_the_arrows_form_no_cycle() -> None:
    seen: dict[str, bool] = {}  # False: on the way.

    def visit(part: str, way: tuple[str, ...]) -> None:
        assert seen.get(part) is not False, f"{' -> '.join([*way, part])}"
        if part in seen:
            return
        seen[part] = False
        for arrow in ARROWS[part]:
            visit(arrow.split(".")[0], (*way, part))
        seen[part] = True

    for part in ARROWS:
        visit(part, ())


def test_lazy_imports_are_seen() -> None:
    # The scheduler is loaded in a function, commands by a name that is put together.
    assert "proctor.core.schedule" in {name for _, name in imported("proctor.daemon")}
    assert "proctor.cli" in {name for _, name in imported("proctor.cli")}


def test_what_is_forbidden_is_found() -> None:
    assert not is_allowed("core", "proctor.log")
    assert not is_allowed("core", "starlette")
    assert not is_allowed("keeper", "proctor.core.model")
    assert not is_allowed("keeper", "msgspec")
    assert not is_allowed("engine", "proctor.keeper.spawn")
    assert not is_allowed("melang", "proctor.core.model")
    assert not is_allowed("api", "proctor.engine.local")
    assert is_allowed("engine", "proctor.keeper.protocol")
    assert is_allowed("core", "zoneinfo")
