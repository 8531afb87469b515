# A package for Debian and Ubuntu: cmake --workflow --preset package. The preset sets the folders of Debian, and leaves out the
# RPATH: the loader takes the libraries of the packages that the .deb depends on.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mnist-dist)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "data-parallel training of image classifiers")
set(CPACK_PACKAGE_DESCRIPTION "mnist_dist trains convolutional, recurrent and other networks on MPI ranks
and OpenMP threads. The parameters are the same bits for every number of
hosts, ranks and threads, and after any stop and resume. Keras loads its
checkpoints.")
if(NOT CPACK_PACKAGE_CONTACT)
  set(CPACK_PACKAGE_CONTACT "The mnist_dist developers <mnist_dist@localhost>")
endif()
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_files.cmake)

# dpkg-shlibdeps finds the libraries; the launcher belongs to the same MPI. Only the Python tools need Python.
mpi_named(mpi_library SONAME ${MPI_C_LIBRARIES})
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)
if(mpi_library MATCHES mpich)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS mpich)
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3, python3-h5py, python3-matplotlib, python3-numpy, python3-pandas, python3-pil, \
python3-rich, python3-scipy, python3-seaborn, python3-sklearn")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
