#!/usr/bin/env python3
"""Writes what the tests of the recipes follow: every method's loss and state, step by step, from a second implementation
in float64. A module of recipes/ has a function runs() that returns {name: {tag: numbers}}; it becomes recipes/<name>.txt,
a line "tag numbers" each. recipes/course.py has the setting that they share.

Usage: tests/reference/generate_recipes.py [--check] [--to DIRECTORY] [MODULE ...]
  --to DIRECTORY    where to write, or to read with --check; default: recipes/ beside this script
  --check           writes nothing; the files' numbers must be what comes out, to 12 digits
"""
import argparse
import importlib
import math
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent / "recipes"


def text(lines):
    return "".join(f"{tag} {' '.join(repr(float(n)) for n in numbers)}\n" for tag, numbers in lines.items())


def differences(name, lines, file):
    found = {tag: [float(n) for n in rest] for tag, *rest in map(str.split, file.read_text().splitlines())}
    if found.keys() != lines.keys():
        yield f"{name}: lines {sorted(found)}, {sorted(lines)} expected"
        return
    for tag, numbers in lines.items():
        near = len(numbers) == len(found[tag]) and all(
            math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
            for a, b in zip(numbers, found[tag]))
        if not near:
            yield f"{name}: {tag} differs"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--to", type=pathlib.Path, default=HERE)
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE))
    modules = options.modules or sorted(p.stem for p in HERE.glob("*.py") if p.stem != "course")
    wrong = []
    for module in modules:
        for name, lines in importlib.import_module(module).runs().items():
            file = options.to / f"{name}.txt"
            if options.check:
                wrong += differences(name, lines, file)
            else:
                file.write_text(text(lines))
                print("written:", file.name)
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
