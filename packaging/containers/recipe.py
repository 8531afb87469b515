"""The images, as a recipe for HPCCM, which defines the names that are not imported. generate.sh runs it in the project's folder.

The first stage makes the .deb. The second one installs it on a bare Debian: apt adds the libraries and the launcher.
"""

import subprocess

DEBIAN = {"image": "debian:bookworm-slim", "_distro": "ubuntu22"}  # HPCCM chooses apt by this name
PACKAGES = subprocess.run(
    ["bash", "-c", "source tools/dependencies.sh; packages_of build deb"], check=True, capture_output=True, text=True
).stdout.split()
SOURCES = "CMakeLists.txt CMakePresets.json LICENSE README.md cmake docs include jobs packaging share src tools".split()

Stage0 += comment("generate.sh writes this file from recipe.py")
Stage0 += baseimage(_as="build", **DEBIAN)
Stage0 += apt_get(ospackages=PACKAGES)
Stage0 += copy(files={name: f"/source/{name}" for name in SOURCES})
Stage0 += shell(
    chdir=False, commands=["cd /source", "cmake --workflow --preset package", "mv build/package/*.deb /mnist-dist.deb"]
)

Stage1 += baseimage(**DEBIAN)
Stage1 += copy(_from="build", src="/mnist-dist.deb", dest="/mnist-dist.deb")
Stage1 += apt_get(ospackages=["/mnist-dist.deb"])
Stage1 += shell(chdir=False, commands=["rm /mnist-dist.deb", "mnist_dist --version"])
# mpirun refuses root, who is the usual user of a container, unless it is told otherwise
Stage1 += environment(variables={"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
Stage1 += runscript(commands=["mnist_dist"])
