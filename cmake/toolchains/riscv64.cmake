set(MNIST_DIST_MACHINE riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
