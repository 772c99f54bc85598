"""`python -m bench COMMAND`: measurements that README may quote."""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "tpch": ("bench.tpch.run", "TPC-H beside other engines"),
    "proof": ("bench.proof", "all queries of TPC-H or TPC-DS against DuckDB, under every scheduler"),
    "inputs": ("bench.inputs.run", "five inputs as people have them, beside other engines"),
    "damage": ("bench.damage.run", "thousands of damaged files: errors or answers, no more"),
    "compare": ("bench.compare", "two runs of tpch or inputs, new over old"),
    "start": ("bench.start", "import time and first answers"),
    "scaling": ("bench.scaling", "one query with more workers"),
    "same": ("bench.same", "whether sums of doubles are bit-identical"),
    "flights": ("bench.flights", "write the flights tables into a folder"),
}


def main() -> int:
    """Dispatch; each command has its own --help."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        print("usage: python -m bench COMMAND [--help]\n", file=sys.stderr)
        for each, (_, meaning) in COMMANDS.items():
            print(f"  {each:<8}  {meaning}", file=sys.stderr)
        return 0 if name in ("-h", "--help") else 2
    return int(importlib.import_module(COMMANDS[name][0]).main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
