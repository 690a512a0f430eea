"""The commands that each workflow issues, in source order."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = (
    "rollout",
    "orders",
    "interpreter",
    "perform",
    "restore",
    "janitor",
    "telling/announcements",
)
COMMANDS = {
    "execute_activity_method",
    "start_child_workflow",
    "continue_as_new",
    "upsert_search_attributes",
    "sleep",
    "wait",
    "wait_condition",
    "create_task",
    "patched",
}
BASELINE = Path(__file__).with_name("fingerprint.txt")


def commands(module: str) -> list[str]:
    tree = ast.parse((ROOT / "workflows" / f"{module}.py").read_text())
    lines: list[str] = []
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name in COMMANDS:
                what = ast.unparse(call.args[0]) if call.args else ""
                lines.append(f"{module}.{scope.name}: {name}({what})")
    return lines


def fingerprint() -> list[str]:
    """One line a command."""
    return [line for module in MODULES for line in commands(module)]
