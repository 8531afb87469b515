from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class MnistDist(CMakePackage):
    """Data-parallel training of image classifiers on MPI ranks and OpenMP threads. The parameters are the same bits for every
    number of hosts, ranks and threads, and after any stop and resume."""

    license("MIT")

    version("0.1.0")

    variant("png", default=True, description="Read PNG pictures")
    variant("keras", default=True, description="Write and read .keras files")
    variant("man", default=True, description="Man pages")

    generator("ninja")

    depends_on("c", type="build")
    depends_on("cmake@3.18:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("random123", type="build")
    depends_on("help2man", type="build", when="+man")

    depends_on("mpi@3:")
    depends_on("blis@0.9:")
    depends_on("hdf5")
    depends_on("jansson")
    depends_on("libdeflate")
    depends_on("xxhash@0.8:")
    depends_on("zlib-api")
    depends_on("libpng", when="+png")
    depends_on("libzip", when="+keras")

    conflicts("%gcc@:8")
    conflicts("%clang@:11")

    def cmake_args(self):
        return [
            self.define("MNIST_DIST_TESTS", False),
            self.define_from_variant("MNIST_DIST_PNG", "png"),
            self.define_from_variant("MNIST_DIST_ZIP", "keras"),
            self.define("MPI_C_COMPILER", self.spec["mpi"].mpicc),
            self.define("RANDOM123_INCLUDE_DIR", self.spec["random123"].prefix.include),
        ]

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_bits(self):
        """Are the bits the published ones?"""
        Executable(self.prefix.bin.mnist_dist)("selftest")
