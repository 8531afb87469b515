"""circles.py BUILD ROOT: who uses whose symbols, read from the object files of a build.

Three rules. No two files of src use each other, directly or through others. A file uses symbols of its own room and of rooms
below it alone (the table BELOW of rooms.py). A symbol that other files can see is used by another file of src or by a test;
otherwise it is made static, or deleted. Prints each breach; exit 1 when there is one.

A source that is compiled once for each instruction set is one file here. Symbols that no file of src defines (those of the C
library and other libraries) do not count. Objects whose source is gone do not count either: a build may still hold them.
"""

import collections
import os
import subprocess
import sys

from rooms import BELOW

# Symbols that only the linker or the system calls. None besides main so far.
CALLED_FROM_OUTSIDE = {"main"}


def objects(folder, sources):
    """(object's path, its source relative to `sources`) of each object file whose source exists."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name.endswith(".c.o") and ".dir" + os.sep in path:
                source = path.rsplit(".dir" + os.sep, 1)[1][: -len(".o")]
                if os.path.exists(os.path.join(sources, source)):
                    yield path, source


def symbols(folder, sources):
    """Two dictionaries, file -> set of names: the symbols that it defines, those that it uses from elsewhere."""
    defines, uses = collections.defaultdict(set), collections.defaultdict(set)
    source_of = dict(objects(folder, sources))
    if source_of:
        listing = subprocess.run(["nm", "-A", "-P", "-g", *sorted(source_of)], check=True, capture_output=True, text=True)
        for line in listing.stdout.splitlines():
            path, _, rest = line.partition(": ")
            name, kind = rest.split()[:2]
            if not name.startswith("__"):
                (uses if kind in "Uvw" else defines)[source_of[path]].add(name)
    return defines, uses


def arrows(defines, uses):
    """{user: {definer: set of symbols}}; an arrow from a file to itself is none."""
    definer = {name: file for file, names in defines.items() for name in names}
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for file, names in uses.items():
        for name in names:
            if name in definer and definer[name] != file:
                found[file][definer[name]].add(name)
    return found


def components(graph):
    """The strongly connected components of more than one file (Tarjan 1972)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    sys.setrecursionlimit(10000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def some(names, bound=4):
    names = sorted(names)
    return ", ".join(names[:bound]) + (f" and {len(names) - bound} more" if len(names) > bound else "")


def circle_breaches(graph):
    for component in components(graph):
        yield "a circle: " + ", ".join("src/" + file for file in component)
        for user in component:
            for definer in sorted(set(graph[user]) & set(component)):
                yield f"    src/{user} uses {some(graph[user][definer])} of src/{definer}"


def arrow_breaches(graph):
    for user, targets in sorted(graph.items()):
        room = user.split(os.sep)[0]
        for definer, names in sorted(targets.items()):
            other = definer.split(os.sep)[0]
            if other != room and other not in BELOW[room]:
                yield f"src/{user}: {room} must not use {some(names)} of {other} (src/{definer})"


def export_breaches(defines, graph, test_uses):
    used = set().union(CALLED_FROM_OUTSIDE, *test_uses.values())
    for targets in graph.values():
        used.update(*targets.values())
    for file, names in sorted(defines.items()):
        for name in sorted(names - used):
            yield f"src/{file}: no other file uses {name}"


def main():
    build, root = sys.argv[1:]
    defines, uses = symbols(os.path.join(build, "src"), os.path.join(root, "src"))
    _, test_uses = symbols(os.path.join(build, "tests"), os.path.join(root, "tests"))
    graph = arrows(defines, uses)
    breaches = [*circle_breaches(graph), *arrow_breaches(graph), *export_breaches(defines, graph, test_uses)]
    if not defines:
        breaches.append(f"{build}: no object files")
    print("\n".join(breaches) or f"circles: none in {len(defines)} files")
    return 1 if breaches else 0


sys.exit(main())
