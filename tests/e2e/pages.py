"""The pages of the documentation: their commands, and what of them a machine can check.

pages.py commands PAGE    the lines of PAGE's `sh` blocks, in order, one command a line
pages.py python PAGE      the lines of PAGE's `python` blocks
pages.py check ROOT HELP  prints what is wrong with the pages below ROOT, and fails where something is:
  - the README has more than 150 lines, an image of docs/images more than 80 kB
  - a block has no end, or another label than sh, console, text or python: then no rule says whether it is run
  - a relative link leads to no file or to no heading; a path in `code` does not exist
  - an option on a page is in no --help, or an option of --help is on no page. HELP: a file with the --help of all commands
  - a command, model, layer, optimiser, schedule or monitored value of --help is on no page
"""
import pathlib
import re
import sys

TOOLS = ("tools", "tools/notebooks", "tools/mnist_dist_tools/commands", "jobs", "tests/count")
LABELS = {"sh", "console", "text", "python"}
MOST_LINES, MOST_BYTES = 150, 80_000
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# of mpirun, cmake, ctest, sbatch, docker and EasyBuild
FOREIGN = {"--oversubscribe", "--bind-to", "--map-by", "--hostfile", "--preset", "--workflow", "--build", "--install", "--prefix",
           "--nodes", "--ntasks-per-node", "--array", "--export", "--wait", "--output", "--inject-checksums", "--robot", "--sourcepath",
           "--rm"}  # fmt: skip


def pages_of(root):
    return [root / "README.md", *sorted((root / "docs").glob("*.md")), *sorted(root.glob("*/README.md"))]


def blocks_of(page):
    """(line number, label, lines) of each fenced block; label None where the block has no end."""
    blocks, start = [], None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```") and start is None:
            start, label, lines = number, line[3:].strip(), []
        elif line.startswith("```"):
            blocks.append((start, label, lines))
            start = None
        elif start is not None:
            lines.append(line)
    if start is not None:
        blocks.append((start, None, lines))
    return blocks


def lines_labelled(page, label):
    return [line for _, name, lines in blocks_of(page) if name == label for line in lines]


def commands_of(page):
    text = "\n".join(lines_labelled(page, "sh")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def prose_of(page):
    """The page without its blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def slugs_of(page):
    """The names by which a link reaches the page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_blocks(page):
    return [
        f"line {number}: a block " + ("without an end" if label is None else f"with the label '{label}'")
        for number, label, _ in blocks_of(page)
        if label not in LABELS
    ]


def wrong_links(page):
    wrong = []
    links = re.findall(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"", re.sub(r"`[^`]*`", "", prose_of(page)))
    for link in (first or second for first, second in links):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            wrong.append(f"link {link}: no such file")
        elif heading and heading not in slugs_of(target):
            wrong.append(f"link {link}: no such heading")
    return wrong


def exists(root, path):
    """Is it a file, a folder, or the name of a test (tools/share)?"""
    return (root / path).exists() or (root / "tests" / f"{path}.sh").exists()


def wrong_paths(root, page):
    paths = re.findall(r"`((?:src|include|tests|tools|jobs|docs|cmake|packaging)/[\w./-]*)`", prose_of(page))
    return [f"`{path}`: no such file" for path in paths if not exists(root, path)]


def wrong_options(page, known):
    return [f"{name}: no such option" for name in sorted(set(OPTION.findall(page.read_text())) - known - FOREIGN)]


def section_of(help_text, title):
    """The lines below the first line that begins with the title, up to an empty one."""
    _, _, rest = help_text.partition(f"\n{title}")
    return rest.partition("\n\n")[0].splitlines()[1:]


def names_of(help_text):
    """The names that a user can write: {what: names}."""
    names = {"command": [line.split()[0] for line in section_of(help_text, "Commands")]}
    for option in ("--model=NAME", "--optimizer=NAME", "--schedule=SPEC", "--monitor=NAME"):
        text = help_text.rpartition(option)[2].partition("(default")[0]
        lists = re.findall(r"(?:[a-z0-9_-]+,\s+)+[a-z0-9_-]+", text)
        names[option] = re.split(r",\s+", max(lists, key=len, default=""))
    layers, _, activations = "\n".join(section_of(help_text, "Layers of --model")).partition("ACTIVATION  ")
    names["layer"] = [line.split()[0] for line in layers.splitlines() if line.strip()]
    names["layer"] += [form.split()[0] for form in activations.partition(":")[0].split(",") if form.strip()]
    return names


def check(root, help_text):
    wrong = []
    pages = pages_of(root)
    ours = set(OPTION.findall(help_text))
    scripts = [file for folder in TOOLS for file in (root / folder).glob("*.[sp]*")]
    known = ours.union(*(OPTION.findall(file.read_text()) for file in scripts))
    for page in pages:
        for text in wrong_blocks(page) + wrong_links(page) + wrong_paths(root, page) + wrong_options(page, known):
            wrong.append(f"{page.relative_to(root)}: {text}")
    lines = len((root / "README.md").read_text().splitlines())
    if lines > MOST_LINES:
        wrong.append(f"README.md: {lines} lines, more than {MOST_LINES}")
    for image in (root / "docs" / "images").glob("*"):
        if image.stat().st_size > MOST_BYTES:
            wrong.append(f"{image.relative_to(root)}: {image.stat().st_size} bytes, more than {MOST_BYTES}")
    if len(ours) < 10:
        wrong.append(f"only {len(ours)} options in the help")
    named = set().union(*(OPTION.findall(page.read_text()) for page in pages))
    wrong += [f"{name}: on no page" for name in sorted(ours - named)]
    text = "".join(page.read_text() for page in pages)
    for what, names in names_of(help_text).items():
        if len(names) < 4:
            wrong.append(f"only {len(names)} names of {what} in the help")
        wrong += [f"{what} {name}: on no page" for name in names if not re.search(rf"`{name}[ `]", text)]
    return wrong


def main(command, *arguments):
    if command == "check":
        wrong = check(pathlib.Path(arguments[0]), pathlib.Path(arguments[1]).read_text())
        print("\n".join(wrong))
        sys.exit(1 if wrong else 0)
    page = pathlib.Path(arguments[0])
    lines = commands_of(page) if command == "commands" else lines_labelled(page, command)
    sys.stdout.writelines(line + "\n" for line in lines)


main(*sys.argv[1:])
