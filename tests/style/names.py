"""names.py ROOT: what comments and pages name and the project does not have. Prints each; exit 1 when there is one.

Read are the comments of C files, of scripts and of CMake's files, and the pages (*.md). Checked are
- paths (base/tree.h, tests/unit/model_spec.c, e2e/golden): they exist below the root or one of the folders of FOLDERS, or
  beside the file that names them; without an ending where one file begins so;
- file names alone (step.c, test.sh): some folder has such a file;
- words with an underscore, names followed by (), and single words in backticks: C code, its strings, or a script has them;
- "rule N", "rule N of PAGE": docs/reproducibility.md, or the page, numbers that many rules;
- links of a page to another one.

FOREIGN holds what others define and no code here uses.
"""

import glob
import os
import re
import subprocess
import sys

import source_text

FOLDERS = ("", "src", "include", "tests", "src/kernel")
ROOMS = "base kernel layer model optim data comm io train app isa".split()
LABELS = "unit ref grad prop mpi io e2e count interop slow slurm fault packaging style reference".split()
TOPS = "src include tests tools jobs cmake docs packaging".split()
RULES_PAGE = "docs/reproducibility.md"
C = (".c", ".h", ".inc", ".def")
SCRIPTS = (".py", ".sh", ".bash", ".sbatch", ".cmake", "CMakeLists.txt", "CMakePresets.json")
ENDINGS = "c|h|inc|sh|py|bash|sbatch|cmake|md"

# Names of libraries and of Keras' sources, folders of data sets, symbols of a formula that are longer than one letter.
FOREIGN = set(
    """
    MPI_ERRORS_ARE_FATAL kat_vectors layer_names0 layer_names1 MathFunctionsImpl.h mpi.h hdf5.h blis.h
    data/mnist data/MNIST/raw keras/src/saving/saving_lib.py keras/src/legacy/saving/legacy_h5_format.py
    p_old p_new local_lock
    """.split()
)

PATH = re.compile(r"(?<![\w./$<{}~*-])(?:[\w.-]+/)+[\w.*-]*[\w*]")
FILE = re.compile(r"(?<![\w./$<*-])[A-Za-z]\w+\.(?:%s)\b(?![\w/(.-])" % ENDINGS)
WORD = re.compile(r"(?<![\w./$<%-])[A-Za-z]\w*_\w*[A-Za-z0-9]\b(?![./*])|\b[A-Za-z]\w+(?=\(\))")
QUOTED = re.compile(r"`(\w+)(?:\(\))?`")
RULE = re.compile(r"\brules? (?:\d+ and )?(\d+)\b(?: of ([\w./]+\.md))?")
LINK = re.compile(r"\]\(([\w./-]+)(?:#[\w-]+)?\)")

# What stands for many names, or for none: NAME_min_s, src/layer/NAME.c; x_t, sum_k of a formula; dense_2, as Keras counts.
PLACEHOLDER = re.compile(r"(?:.*[_/])?(?:NAME|ROOM|LABEL|WHAT)\b.*|NAME_.*|[A-Za-z]+_\w|[a-z]\w*_\d+")


def project_files(root):
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True
    )
    if listing.returncode == 0:
        return [name for name in listing.stdout.splitlines() if os.path.isfile(os.path.join(root, name))]
    return source_text.c_files(root, (".",), ("",))


def words_of_code(root, files):
    """Every word outside of comments: of C code, of its strings, of scripts. This checker's own words do not count."""
    words = set()
    files = [name for name in files if not name.startswith("tests/style/names.")]
    for name in files:
        if name.endswith(C):
            words.update(re.findall(r"\w+", source_text.without_comments(source_text.read(root, name))))
        elif name.endswith(SCRIPTS):
            text = re.sub(r"^\s*#.*", "", source_text.read(root, name), flags=re.M)
            words.update(re.findall(r"\w+", text))
    for name in files:
        words.update(re.findall(r"\w+", name))
    return words


def prose(root, name):
    """A file with everything but its comments blanked; a page as it is."""
    text = source_text.read(root, name)
    if name.endswith(".md"):
        return text
    if name.endswith(SCRIPTS):
        return re.sub(r"^(?!\s*# ).*", lambda match: " " * len(match[0]), text, flags=re.M)
    code = source_text.without_comments(text)
    return "".join(new if new == "\n" or old != new else " " for new, old in zip(text, code))


class Project:
    def __init__(self, root):
        self.root = root
        self.files = project_files(root)
        self.words = words_of_code(root, self.files) | FOREIGN
        self.stems = {os.path.splitext(name)[0] for name in self.files}
        self.names = {os.path.basename(name) for name in self.files}

    def has_path(self, path, beside):
        for folder in (*FOLDERS, beside):
            whole = os.path.normpath(os.path.join(folder, path))
            if glob.glob(os.path.join(self.root, whole)) or whole in self.stems:
                return True
        return False

    def rules(self, page):
        return len(re.findall(r"^\d+\. ", source_text.read(self.root, page), re.M)) if page in self.files else 0

    def has_word(self, word):
        """Enumerators may go by their tails (BY_SAMPLE), kernels by the names they get for an instruction set."""
        word = re.sub("_(?:baseline|avx2|avx512)$", "", word)
        return (
            word in self.words
            or PLACEHOLDER.fullmatch(word)
            or word.isupper()
            and any(known.endswith("_" + word) for known in self.words)
        )

    def missing(self, name):
        text = prose(self.root, name)
        beside = os.path.dirname(name)
        for match in PATH.finditer(text):
            path = match[0]
            known = path.split("/")[0] in (*ROOMS, *LABELS, *TOPS)
            if (known or FILE.fullmatch(path.split("/")[-1])) and not self.has_path(path, beside):
                if path not in FOREIGN and not PLACEHOLDER.fullmatch(path):
                    yield match.start(), path
        for match in FILE.finditer(text):
            if match[0] not in self.names | FOREIGN and not PLACEHOLDER.fullmatch(match[0]):
                yield match.start(), match[0]
        for match in WORD.finditer(text):
            if not self.has_word(match[0]):
                yield match.start(), match[0]
        if not name.endswith(".md"):
            for match in QUOTED.finditer(text):
                if not self.has_word(match[1]):
                    yield match.start(), match[1]
        for match in RULE.finditer(text):
            if int(match[1]) > self.rules(match[2] or RULES_PAGE):
                yield match.start(), match[0]
        for match in LINK.finditer(text):
            if name.endswith(".md") and not os.path.exists(os.path.join(self.root, beside, match[1])):
                yield match.start(), match[1]


def main():
    project = Project(sys.argv[1])
    cases = []
    for name in project.files:
        if name.endswith((".md", *C, *SCRIPTS)):
            text = source_text.read(project.root, name)
            for offset, what in sorted(set(project.missing(name))):
                cases.append(f"{name}:{text.count(chr(10), 0, offset) + 1}: there is no {what}")
    print("\n".join(cases) or f"names: all of {len(project.files)} files exist")
    return 1 if cases else 0


sys.exit(main())
