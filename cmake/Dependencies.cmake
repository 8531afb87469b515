# Libraries, each with the packages to install when it is missing.

include(Library)

library(zlib MODULES zlib CONFIG ZLIB TARGETS ZLIB::ZLIB HEADER zlib.h NAMES z DEBIAN zlib1g-dev RHEL zlib-devel)
library(deflate MODULES libdeflate CONFIG libdeflate TARGETS libdeflate::libdeflate_shared libdeflate::libdeflate_static
        HEADER libdeflate.h NAMES deflate DEBIAN libdeflate-dev RHEL libdeflate-devel
        WITHOUT "it will unpack .gz files at half the speed")
library(jansson MODULES jansson CONFIG jansson TARGETS jansson::jansson HEADER jansson.h NAMES jansson
        DEBIAN libjansson-dev RHEL jansson-devel)
library(xxhash MODULES libxxhash CONFIG xxHash TARGETS xxHash::xxhash HEADER xxhash.h NAMES xxhash
        DEBIAN libxxhash-dev RHEL xxhash-devel)
library(random123 HEADER Random123/philox.h DEBIAN librandom123-dev RHEL Random123-devel
        HINT "It is headers alone: -D RANDOM123_INCLUDE_DIR=FOLDER, which holds Random123/philox.h")
# Every packaging of BLIS serves: threads are asked for in each call, and the functions used have 64-bit sizes in all of them.
library(blis MODULES blis-mt blis HEADER blis.h NAMES bliso blis-mt blis blisp blis64
        SUFFIXES blis-openmp blis-pthread blis-serial blis blis64-openmp blis64-pthread blis64-serial
        DEBIAN libblis-openmp-dev RHEL blis-devel HINT "-D BLIS_INCLUDE_DIR=FOLDER -D BLIS_LIBRARY=FILE name one that is found nowhere")
set(optional_png WITHOUT "predict will read no PNG pictures")
set(optional_zip WITHOUT "it will write and read no .keras files")
if(MNIST_DIST_TESTS)
  set(optional_png HINT "Only pictures and the tests need it. Without tests: -D MNIST_DIST_TESTS=OFF, or cmake --preset release")
  set(optional_zip HINT "Only .keras files and the tests need it. Without tests: -D MNIST_DIST_TESTS=OFF, or cmake --preset release")
endif()
if(MNIST_DIST_PNG)
  library(png MODULES libpng CONFIG PNG TARGETS PNG::PNG PNG::png_shared HEADER png.h NAMES png
          DEBIAN libpng-dev RHEL libpng-devel ${optional_png})
endif()
if(MNIST_DIST_ZIP)
  library(zip MODULES libzip CONFIG libzip TARGETS libzip::zip HEADER zip.h NAMES zip
          DEBIAN libzip-dev RHEL libzip-devel ${optional_zip})
endif()
if(MNIST_DIST_TESTS)
  library(cmocka MODULES cmocka CONFIG cmocka TARGETS cmocka::cmocka HEADER cmocka.h NAMES cmocka
          DEBIAN libcmocka-dev RHEL libcmocka-devel
          HINT "Only the tests need it. Without them: -D MNIST_DIST_TESTS=OFF, or cmake --preset release")
endif()

find_package(OpenMP COMPONENTS C)
if(NOT OpenMP_C_FOUND)
  missing(OpenMP "libgomp1 with gcc; libomp-dev with clang" "libgomp with gcc; libomp-devel with clang"
          "It is a part of the C compiler, here ${CMAKE_C_COMPILER}")
endif()

# The mpicc of MPI_HOME and MPI_ROOT, then that of PATH, where a loaded module stands first. In a folder that has both,
# mpicc.openmpi comes before mpicc, which Debian's MPICH may own. -D MPI_C_COMPILER=mpicc.mpich builds against MPICH.
find_program(MPI_C_COMPILER NAMES mpicc.openmpi mpicc NAMES_PER_DIR PATH_SUFFIXES bin NO_DEFAULT_PATH
             PATHS ${MPI_HOME} ${MPI_ROOT} ENV MPI_HOME ENV MPI_ROOT)
find_program(MPI_C_COMPILER NAMES mpicc.openmpi mpicc NAMES_PER_DIR)
# Its launcher stands beside it, and is called alike.
find_program(mpicc_path NAMES ${MPI_C_COMPILER})
string(REGEX REPLACE "mpicc([^/]*)$" "mpiexec\\1" launcher "${mpicc_path}")
unset(mpicc_path CACHE)
if(NOT MPIEXEC_EXECUTABLE AND launcher MATCHES "mpiexec[^/]*$" AND EXISTS ${launcher})
  set(MPIEXEC_EXECUTABLE ${launcher} CACHE FILEPATH "Executable for running MPI programs.")
endif()
find_package(MPI COMPONENTS C)
if(NOT MPI_C_FOUND)
  missing(MPI "libopenmpi-dev openmpi-bin" "openmpi-devel, then: module load mpi"
          "Elsewhere: load its module, set MPI_HOME, or -D MPI_C_COMPILER=PATH/mpicc")
endif()
add_library(dep::mpi ALIAS MPI::MPI_C)

include(Hdf5)
list(APPEND libraries_found "MPI ${MPI_C_VERSION} (${MPI_C_COMPILER})")
list(JOIN libraries_found ", " found)
message(STATUS "Libraries: ${found}")
