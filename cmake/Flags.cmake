# The compiler flags of the numerical contract, of the warnings, and of the instruction sets.

add_library(flags INTERFACE)
target_include_directories(flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE
                                           MNIST_DIST_VERSION="${PROJECT_VERSION}")

# Compiled arithmetic is what is written: no contraction, no reassociation. math-errno off lets sqrtf be one instruction;
# it changes no value.
target_compile_options(flags INTERFACE -ffp-contract=off -fno-fast-math -fno-math-errno
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wundef -Wvla
  -Wpointer-arith $<$<C_COMPILER_ID:GNU>:-Wcast-align=strict> -Wwrite-strings)
if(MNIST_DIST_WERROR)
  target_compile_options(flags INTERFACE -Werror)
endif()
if(MNIST_DIST_SANITIZE)
  # Tracking where each variable lives takes gcc minutes for an instrumented kernel; a report needs lines only.
  target_compile_options(flags INTERFACE -fsanitize=${MNIST_DIST_SANITIZE} -fno-omit-frame-pointer
                                         -fno-sanitize-recover=undefined -fno-var-tracking-assignments)
  target_link_options(flags INTERFACE -fsanitize=${MNIST_DIST_SANITIZE})
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL riscv64)
  # Denormals are flushed by macros of the assembler, which need registers of their own.
  target_compile_options(flags INTERFACE -include ${PROJECT_SOURCE_DIR}/src/base/riscv64.h)
  foreach(register t4 t5 t6 ft8 ft9 ft10 ft11)
    target_compile_options(flags INTERFACE -ffixed-${register})
  endforeach()
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

# Hot kernels are compiled once per instruction set: name, compiler flags.
set(ISA_VARIANTS baseline)
set(ISA_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  list(APPEND ISA_VARIANTS avx2 avx512)
  # x86-64-v3 and v4; gcc 9 does not know these names.
  set(v3 -mcx16 -msahf -mpopcnt -msse4.2 -mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mmovbe -mxsave)
  set(v4 ${v3} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl)
  set(ISA_FLAGS_avx2 ${v3} -mtune=haswell)
  set(ISA_FLAGS_avx512 ${v4} -mprefer-vector-width=512 -mtune=skylake-avx512)
  # AMX' kernels are those of AVX-512 and a few more; gcc 11 and clang 12 know its instructions.
  set(ISA_FLAGS_amx ${ISA_FLAGS_avx512} -mavx512bf16 -mamx-tile -mamx-bf16)
  include(CheckCCompilerFlag)
  check_c_compiler_flag("-mavx512bf16 -mamx-tile -mamx-bf16" HAS_AMX_FLAGS)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
  list(APPEND ISA_VARIANTS exact) # for processors that flush before they round: src/kernel/isa/flush.h
  set(ISA_FLAGS_exact -DKERNEL_EXACT)
endif()
