# What is installed beside the program: bash completion, a modulefile and, where help2man is there, man pages: one of the overview and one of
# each command, made from --help.

include(GNUInstallDirs)

install(FILES ${PROJECT_SOURCE_DIR}/share/bash-completion/completions/mnist_dist.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME mnist_dist)

install(FILES ${PROJECT_SOURCE_DIR}/packaging/modulefiles/mnist_dist
        DESTINATION ${CMAKE_INSTALL_DATADIR}/mnist_dist/modulefiles/mnist_dist RENAME ${PROJECT_VERSION})

find_program(HELP2MAN help2man)
set(man_commands train evaluate predict export summary inspect verify bench selftest env)

# man_page(NAME SUMMARY WORDS): the page NAME.1 of what the program prints with these words
function(man_page name summary words)
  set(page ${PROJECT_BINARY_DIR}/man/${name}.1)
  set(others)
  foreach(command ${man_commands})
    string(APPEND others ", mnist_dist-${command}(1)")
  endforeach()
  file(CONFIGURE OUTPUT man/${name}.h2m
       CONTENT "[name]\n${name} \\- ${summary}\n\n[see also]\nmnist_dist(1)${others}\n")
  add_custom_command(OUTPUT ${page}
    COMMAND ${HELP2MAN} --no-info --section=1 --version-string=${PROJECT_VERSION} --help-option=${words}
            --include=${PROJECT_BINARY_DIR}/man/${name}.h2m --output=${page} $<TARGET_FILE:mnist_dist>
    COMMAND sed -i "s/^\\.TH [^ ]*/.TH ${name}/" ${page}
    DEPENDS mnist_dist VERBATIM)
  set(man_pages ${man_pages} ${page} PARENT_SCOPE)
endfunction()

if(NOT HELP2MAN)
  message(STATUS "help2man is not installed: no man pages")
elseif(CMAKE_CROSSCOMPILING OR MNIST_DIST_SANITIZE)
  message(STATUS "this program is not run while it is built: no man pages")
else()
  set(man_pages)
  man_page(mnist_dist "data-parallel training of image classifiers" "--help")
  foreach(command ${man_commands})
    man_page(mnist_dist-${command} "the command ${command} of mnist_dist" "help ${command}")
  endforeach()
  add_custom_target(man ALL DEPENDS ${man_pages})
  install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
