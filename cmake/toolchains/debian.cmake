# Debian's cross compiler for MNIST_DIST_MACHINE, with the libraries of a folder that holds a Debian of that machine
# (tools/cross.sh makes it): -D CMAKE_SYSROOT=FOLDER. Programs run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${MNIST_DIST_MACHINE})
set(triple ${MNIST_DIST_MACHINE}-linux-gnu)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE ${triple})
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSROOT)
find_program(MNIST_DIST_QEMU NAMES qemu-${MNIST_DIST_MACHINE} qemu-${MNIST_DIST_MACHINE}-static)
set(CMAKE_CROSSCOMPILING_EMULATOR ${MNIST_DIST_QEMU} -L ${CMAKE_SYSROOT})

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/${triple}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

# The compiler wrapper of the other machine's Open MPI does not run here.
set(MPI_SKIP_COMPILER_WRAPPER ON)
set(MPI_SKIP_GUESSING ON)
set(MPI_C_HEADER_DIR ${CMAKE_SYSROOT}/usr/lib/${triple}/openmpi/include CACHE PATH "")
set(MPI_C_LIB_NAMES mpi CACHE STRING "")
set(MPI_mpi_LIBRARY ${CMAKE_SYSROOT}/usr/lib/${triple}/openmpi/lib/libmpi.so CACHE FILEPATH "")

# Before the headers and libraries of the cross compiler's own C library, which may be older than the one that the others need.
set(CMAKE_C_FLAGS_INIT "-isystem ${CMAKE_SYSROOT}/usr/include/${triple} -isystem ${CMAKE_SYSROOT}/usr/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT -L${CMAKE_SYSROOT}/usr/lib/${triple})
