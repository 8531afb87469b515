"""spack_recipe.py RECIPE depends|args [VARIANT...]: a recipe of Spack, read with a small stand-in for Spack's own modules.

depends: what it depends on with these variants switched off, one a line. args: the arguments of CMake. A directive or a variant that
Spack does not have, or a variant that the recipe does not have, is an error. Spack itself is in no package of Debian or Python.
"""

import sys
import types


class Recipe:
    def __init__(self, off):
        self.off, self.variants, self.depends = off, {}, []

    def variant(self, name, *, default, description):
        self.variants[name] = default

    def depends_on(self, spec, *, type=("build", "link"), when=""):
        assert set([type] if isinstance(type, str) else type) <= {"build", "link", "run", "test"}, type
        self.depends.append((spec, when))

    def holds(self, when):
        if not when:
            return True
        assert when[0] in "+~", when
        return (when[0] == "+") == self.is_on(when[1:])

    def is_on(self, name):
        return self.variants[name] and name not in self.off


def load(path, off):
    """The class that the recipe defines, and what its directives said."""
    recipe = Recipe(off)

    class CMakePackage:
        spec = {
            "mpi": types.SimpleNamespace(mpicc="mpicc"),
            "random123": types.SimpleNamespace(prefix=types.SimpleNamespace(include="/usr/include")),
        }

        def define(self, name, value):
            return f"-D{name}={('OFF', 'ON')[value] if isinstance(value, bool) else value}"

        def define_from_variant(self, name, variant):
            return self.define(name, recipe.is_on(variant))

    def ignore(*arguments, **words):
        return lambda function: function

    names = {
        "spack": {},
        "spack.package": {
            "variant": recipe.variant,
            "depends_on": recipe.depends_on,
            **{name: ignore for name in ("license", "version", "generator", "conflicts", "run_after", "on_package_attributes")},
        },
        "spack_repo": {},
        "spack_repo.builtin": {},
        "spack_repo.builtin.build_systems": {},
        "spack_repo.builtin.build_systems.cmake": {"CMakePackage": CMakePackage},
    }
    for name, members in names.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)
    scope = {}
    exec(compile(open(path, encoding="utf-8").read(), path, "exec"), scope)
    unknown = set(off) - set(recipe.variants)
    if unknown:
        sys.exit(f"no variant {' '.join(unknown)}")
    return scope["MnistDist"](), recipe


def main():
    path, what, *off = sys.argv[1:]
    package, recipe = load(path, off)
    if what == "args":
        print("\n".join(package.cmake_args()))
    else:
        print("\n".join(spec.split("@")[0] for spec, when in recipe.depends if recipe.holds(when)))


main()
