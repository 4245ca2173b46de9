"""What a guard reads of a module: its text, its syntax tree, its imports and its calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("contracts", "gateway", "recorder", "workers")
PACKAGES = (*ROOMS, "scripts")


@dataclass(frozen=True)
class Import:
    """One imported name: ``module`` is dotted, ``name`` is None for a plain ``import module``."""

    node: ast.AST
    module: str
    name: str | None

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Source:
    """A module: ``path`` is relative to the repository, with ``/``."""

    path: str
    text: str

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    def at(self, node: ast.AST, reason: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {reason}"

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import, those inside functions and those by ``import_module("…")`` too."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[Import]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (Import(node, alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self.path.removesuffix(".py").split("/")[: -node.level] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                yield from (Import(node, module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Call) and _last(node.func) in ("import_module", "__import__"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield Import(node, first.value, None)

    @cached_property
    def bound(self) -> dict[str, str]:
        """What the imports bind: a local name, and the dotted name that it stands for."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.partition(".")[0]
                    names[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return names

    def dotted(self, node: ast.AST) -> str:
        """The name an expression spells, imports resolved (``os.open``); ``.name`` for an attribute of a value."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and (node.id in self.bound or not parts):
            return ".".join([self.bound.get(node.id, node.id), *reversed(parts)])
        return f".{parts[0]}" if parts else ""

    @cached_property
    def calls(self) -> tuple[tuple[ast.Call, str], ...]:
        """Every call, with the dotted name of what it calls."""
        return tuple((node, self.dotted(node.func)) for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def strings(self) -> tuple[tuple[ast.Constant, str], ...]:
        """Every string and its text, the pieces of f-strings too, docstrings not."""
        statements = {id(node.value) for node in self.nodes if isinstance(node, ast.Expr)}
        return tuple(
            (node, node.value)
            for node in self.nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements
        )

    @cached_property
    def public(self) -> frozenset[str] | None:
        """The names in ``__all__``, or None."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(_last(target) == "__all__" for target in node.targets):
                return frozenset(ast.literal_eval(node.value))
        return None


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def source(path: str) -> Source:
    """The module at ``path``; a guard whose subject is gone fails."""
    return Source(path, (ROOT / path).read_text("utf-8"))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every module below ``folders``; a folder without any fails the guard that asks for it."""
    found: list[Source] = []
    for folder in folders:
        paths = sorted(path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts)
        assert paths, f"there are no modules in {folder}"
        found += [source(path.relative_to(ROOT).as_posix()) for path in paths]
    return tuple(found)


def example(text: str, path: str = "gateway/example.py") -> Source:
    """A source that breaks a promise, for a guard to show that it finds it."""
    return Source(path, dedent(text).strip() + "\n")


def listed(findings: list[str]) -> str:
    """The text of a failing guard: one finding per line."""
    return "\n" + "\n".join(findings)
