# library(): how a library is found, wherever it lies.
#
# Folders that the user names (CMAKE_PREFIX_PATH, PKG_CONFIG_PATH, and CPATH and LIBRARY_PATH, which modules set) go before those
# of the system. pkg-config is asked first; then, in folders of the user, CMake's configuration of the library; then its header and
# its file are looked for. The system's configurations are not asked: Debian's libzip has one that stops CMake.

find_package(PkgConfig QUIET)
set(libraries_found "")

# The folders that the user names, and those in which pkg-config looks anyway.
set(named_folders ${CMAKE_PREFIX_PATH})
set(named_libraries "")
foreach(variable CMAKE_PREFIX_PATH CPATH C_INCLUDE_PATH)
  string(REPLACE ":" ";" folders "$ENV{${variable}}")
  list(APPEND named_folders ${folders})
endforeach()
foreach(variable LIBRARY_PATH LD_LIBRARY_PATH)
  string(REPLACE ":" ";" folders "$ENV{${variable}}")
  list(APPEND named_libraries ${folders})
endforeach()
# The compiler looks in LIBRARY_PATH by itself, and CMake would leave these folders out of the RPATH; the loader needs them.
foreach(folder ${named_libraries})
  get_filename_component(real "${folder}" REALPATH)
  list(REMOVE_ITEM CMAKE_C_IMPLICIT_LINK_DIRECTORIES "${folder}" "${real}")
endforeach()
if(PkgConfig_FOUND)
  execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --variable pc_path pkg-config
                  OUTPUT_VARIABLE system_modules OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  string(REPLACE ":" ";" system_modules "${system_modules}")
endif()

# packages(VARIABLE DEBIAN RHEL): the lines that say how to get what was not found
function(packages variable debian rhel)
  set(${variable} "  Debian and Ubuntu: apt-get install ${debian}\n  Fedora, and RHEL with EPEL and CRB: dnf install ${rhel}\n" PARENT_SCOPE)
endfunction()

# missing(WHAT DEBIAN RHEL [HINT...]): stops, and says how to get what was not found
function(missing what debian rhel)
  packages(how "${debian}" "${rhel}")
  foreach(hint ${ARGN})
    string(APPEND how "  ${hint}\n")
  endforeach()
  message(FATAL_ERROR "${what} was not found.\n${how}"
                      "  In a folder of its own: -D CMAKE_PREFIX_PATH=FOLDER, or the folder of its .pc file in PKG_CONFIG_PATH\n"
                      "All packages of Debian and Ubuntu at once: tools/quickstart.sh or tools/test.sh")
endfunction()

# named_header(VARIABLE HEADER [SUFFIX...]): the folder of a header in the folders that the user names; else empty
function(named_header variable header)
  set(${variable} "" PARENT_SCOPE)
  if(named_folders)
    find_path(named_header_folder ${header} PATHS ${named_folders} NO_DEFAULT_PATH PATH_SUFFIXES include ${ARGN})
    if(named_header_folder)
      set(${variable} ${named_header_folder} PARENT_SCOPE)
    endif()
    unset(named_header_folder CACHE)
  endif()
endfunction()

# module_is_named(VARIABLE MODULE): whether the .pc file of the module lies where the user says, not among the system's
function(module_is_named variable module)
  pkg_get_variable(folder ${module} pcfiledir)
  set(${variable} NO PARENT_SCOPE)
  if(folder AND NOT folder IN_LIST system_modules)
    set(${variable} YES PARENT_SCOPE)
  endif()
endfunction()

# found(NAME VERSION BY): a line of the list of what was found
macro(found name version by)
  string(STRIP "${name} ${version}" words)
  list(APPEND libraries_found "${words} (${by})")
  set(libraries_found "${libraries_found}" PARENT_SCOPE)
  set(HAS_${upper} YES PARENT_SCOPE)
endmacro()

# The next three set `done` where they find the library, as target dep::NAME.
macro(library_by_module)
  if(PkgConfig_FOUND AND L_MODULES AND NOT ${upper}_LIBRARY)
    pkg_search_module(${name} QUIET IMPORTED_TARGET GLOBAL ${L_MODULES})
    if(${name}_FOUND)
      module_is_named(is_named ${${name}_MODULE_NAME})
      if(is_named OR NOT in_named_folder)
        target_link_libraries(dep_${name} INTERFACE PkgConfig::${name})
        found(${name} "${${name}_VERSION}" ${${name}_MODULE_NAME}.pc)
        set(done YES)
      endif()
    endif()
  endif()
endmacro()

macro(library_by_configuration)
  if(L_CONFIG AND NOT ${upper}_LIBRARY AND (in_named_folder OR DEFINED ${L_CONFIG}_DIR))
    find_package(${L_CONFIG} CONFIG QUIET PATHS ${named_folders} NO_DEFAULT_PATH)
    foreach(target ${L_TARGETS})
      if(NOT done AND TARGET ${target})
        target_link_libraries(dep_${name} INTERFACE ${target})
        found(${name} "${${L_CONFIG}_VERSION}" ${${L_CONFIG}_CONFIG})
        set(done YES)
      endif()
    endforeach()
  endif()
endmacro()

macro(library_by_files)
  find_path(${upper}_INCLUDE_DIR ${L_HEADER} HINTS ${named_folders} PATH_SUFFIXES ${L_SUFFIXES})
  set(${name}_files ${${upper}_INCLUDE_DIR})
  if(L_NAMES)
    find_library(${upper}_LIBRARY NAMES ${L_NAMES} NAMES_PER_DIR HINTS ${named_libraries} PATH_SUFFIXES ${L_SUFFIXES})
    set(${name}_files ${${upper}_LIBRARY})
  endif()
  if(${upper}_INCLUDE_DIR AND ${name}_files)
    target_include_directories(dep_${name} SYSTEM INTERFACE ${${upper}_INCLUDE_DIR})
    target_link_libraries(dep_${name} INTERFACE ${${upper}_LIBRARY})
    found(${name} "" ${${name}_files})
    set(done YES)
  endif()
endmacro()

# library(NAME [MODULES NAME...] [CONFIG NAME TARGETS NAME...] HEADER FILE [NAMES NAME...] [SUFFIXES FOLDER...]
#         DEBIAN PACKAGE RHEL PACKAGE [HINT TEXT...] [WITHOUT TEXT])
# The library as target dep::NAME, and HAS_NAME: YES. MODULES: its names in pkg-config. CONFIG: its CMake configuration, and the
# targets that this may define. HEADER, NAMES, SUFFIXES: its header, the names of its file, and the folders below include and lib
# in which they may lie. WITHOUT: the library is optional; what the program then cannot do.
function(library name)
  cmake_parse_arguments(L "" "CONFIG;HEADER;DEBIAN;RHEL;WITHOUT" "MODULES;TARGETS;NAMES;SUFFIXES;HINT" ${ARGN})
  string(TOUPPER ${name} upper)
  add_library(dep_${name} INTERFACE)
  add_library(dep::${name} ALIAS dep_${name})
  list(TRANSFORM L_SUFFIXES PREPEND include/ OUTPUT_VARIABLE below_include)
  named_header(in_named_folder ${L_HEADER} ${L_SUFFIXES} ${below_include})
  set(done NO)
  library_by_module()
  if(NOT done)
    library_by_configuration()
  endif()
  if(NOT done)
    library_by_files()
  endif()
  if(done)
    return()
  elseif(L_WITHOUT)
    packages(how ${L_DEBIAN} ${L_RHEL})
    message(STATUS "${name} was not found: ${L_WITHOUT}.\n${how}")
  else()
    missing(${name} ${L_DEBIAN} ${L_RHEL} ${L_HINT})
  endif()
endfunction()
