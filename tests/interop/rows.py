"""The rows of tests/layer_rows.def: every kind of layer, and a model that has it."""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "layer_rows.def")


def read():
    """[(word, spec of a model of images [12,11,1] and 10 classes)]"""
    with open(PATH) as file:
        rows = re.findall(r'^ROW\((\w+), "([^"]*)"', file.read(), re.M)
    if not rows:
        raise SystemExit(f"{PATH} has no rows")
    return rows


def check(table, name):
    """Stops where a kind of layer has no entry."""
    missing = [word for word, _ in read() if word not in table]
    if missing:
        raise SystemExit(f"{name} has no row for {', '.join(missing)}")
