set(MNIST_DIST_MACHINE aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
