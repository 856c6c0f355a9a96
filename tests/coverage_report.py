"""What `make coverage` prints: how much of each room's public code the tests run, and what they ran
before and no longer do.

Public is a function or method whose name begins with no underscore, in a module that has none
either. `coverage.txt` beside this names those that no test runs; `--write` writes it anew.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

NOT_RUN = Path(__file__).with_name("coverage.txt")
REPORT = Path("var") / "coverage" / "report.json"


def public_functions(report: dict) -> dict[str, bool]:
    """`backend/web/forms.py:line` and whether any line of it ran, from PyPI `coverage`'s JSON."""
    return {
        f"{file}:{name}": bool(function["executed_lines"])
        for file, measured in report["files"].items()
        for name, function in measured["functions"].items()
        if name and not any(part.startswith("_") for part in name.split("."))
        if not Path(file).name.startswith("_") or file.endswith("__main__.py")
    }


def table(functions: dict[str, bool]) -> str:
    """A line a room: how many of its public functions ran, of how many."""
    rooms: dict[str, list[bool]] = defaultdict(list)
    for name, ran in functions.items():
        parts = Path(name.partition(":")[0]).parts
        rooms[parts[1] if len(parts) > 2 else "the house"].append(ran)
        rooms["all"].append(ran)
    return "\n".join(
        f"{room:<12}{sum(ran):>6} of {len(ran):>5}{sum(ran) / len(ran):>7.1%}"
        for room, ran in sorted(rooms.items(), key=lambda each: (each[0] == "all", each[0]))
    )


def main() -> int:
    functions = public_functions(json.loads(REPORT.read_text("utf-8")))
    not_run = sorted(name for name, ran in functions.items() if not ran)
    print(table(functions))
    if "--write" in sys.argv or not NOT_RUN.exists():
        NOT_RUN.write_text("".join(f"{name}\n" for name in not_run), "utf-8")
        return 0
    fell = sorted(set(not_run) - set(NOT_RUN.read_text("utf-8").split()))
    for name in fell:
        print(f"no test runs it any more: {name}")
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main())
