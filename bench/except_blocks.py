"""Prints where the `except` clauses of Python files are, as JSON: one list of places a file, in the order given.

Usage: except_blocks.py FILE...

Offsets count UTF-16 units, as JavaScript does. `end` is null where a statement can be put in front of the clause's
first one; else `start` to `end` is the condition of the `if` that it begins with. A clause that begins with another
compound statement cannot be marked on its own line: that is a ValueError.
"""

import ast
import json
import sys
from pathlib import Path


def blocks_of(source: str, file: str) -> list[dict[str, object]]:
    """The clauses of one file, from top to bottom."""
    # As the parser counts: a form feed or a lone carriage return within a line begins no new one.
    lines = source.encode().split(b"\n")

    def offset(line: int, column: int) -> int:
        before = b"\n".join([*lines[: line - 1], lines[line - 1][:column]])
        return len(before.decode().encode("utf-16-le")) // 2

    found: list[dict[str, object]] = []

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.ExceptHandler):
            first = node.body[0]
            end = None
            if isinstance(first, ast.If):
                first = first.test
                end = offset(first.end_lineno or 0, first.end_col_offset or 0)
            elif hasattr(first, "body"):
                raise ValueError(f"{file}:{node.lineno}: the mark has no place before a compound statement")
            start = offset(first.lineno, first.col_offset)
            place = {"line": node.lineno, "column": node.col_offset + 1, "function": function}
            found.append({**place, "start": start, "end": end})
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(source), "the module")
    return found


if __name__ == "__main__":
    files = sys.argv[1:]
    print(json.dumps([blocks_of(Path(file).read_bytes().decode(), file) for file in files]))
