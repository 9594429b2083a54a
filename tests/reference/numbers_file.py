"""What the writers of layers.txt and training.txt have in common: one file of numbers that PyTorch finds, where other
machines find other last digits."""
import argparse
import pathlib
import sys

import torch


def difference(new, old, agree):
    """The first new line that does not agree with the old one, or nothing."""
    new, old = new.splitlines(), old.splitlines()
    if len(new) != len(old):
        return f"{len(old)} lines, {len(new)} expected"
    return next((a[:60] for a, b in zip(new, old) if not agree(a, b)), None)


def main(name, text, agree, description):
    """The command line: writes what text() returns, or compares it line by line with what is there."""
    arguments = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--to", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    path = chosen.to / name
    if not chosen.check:
        path.write_text(text())
    elif (where := difference(text(), path.read_text(), agree)) is not None:
        sys.exit(f"{path}: {where}")
