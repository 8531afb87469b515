"""steps.py FILE: the steps of a Dockerfile or of a definition of Apptainer, in words that both have, one a line.

base IMAGE, copy [STAGE] FROM TO, run COMMAND, set NAME=VALUE, start COMMAND. Within a stage copies come first, as Apptainer does
them before it runs anything.
"""

import re
import sys


def of_docker(text):
    for word, rest in re.findall(r"^([A-Z]+) (.*)$", text, re.M):
        if word == "FROM":
            yield "base", rest.split()[0]
        elif word == "COPY":
            yield "copy", rest.replace("--from=", "")
        elif word == "RUN":
            yield from (("run", command.strip()) for command in rest.split(" && "))
        elif word == "ENV":
            yield from (("set", setting) for setting in rest.split())
        elif word == "ENTRYPOINT":
            yield "start", " ".join(re.findall(r'"([^"]*)"', rest))
        else:
            sys.exit(f"unknown: {word} {rest}")


def of_apptainer(text):
    section = origin = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"%(\w+)(?: from (\w+))?", line):
            section, origin = match.group(1), match.group(2) or ""
        elif line.startswith("From: "):
            section = ""
            yield "base", line[len("From: ") :]
        elif re.match(r"BootStrap: docker$|Stage: ", line):
            continue
        elif section == "files":
            yield "copy", f"{origin} {line.strip()}".strip()
        elif section == "environment":
            yield "set", line.strip().removeprefix("export ")
        elif section == "runscript":
            yield "start", line.strip().removeprefix("exec ").removesuffix(' "$@"')
        elif section == "post":
            # HPCCM sets the variables for the commands, too; the first line reads those of the base image
            if not re.match(r" *(export OMPI_|\. /\.singularity\.d/env/)", line):
                yield "run", line.strip()
        else:
            sys.exit(f"unknown: {line}")


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    text = re.sub(r"^#.*\n|\n(?=\n)", "", text, flags=re.M)
    text = re.sub(r" *\\\n *", " ", text).strip()
    stages = []
    for step in (of_docker if text.startswith("FROM") else of_apptainer)(text):
        if step[0] == "base":
            stages.append([])
        stages[-1].append(step)
    order = ["base", "copy", "run", "set", "start"]
    for stage in stages:
        for kind, words in sorted(stage, key=lambda step: order.index(step[0])):
            print(kind, words)


main()
