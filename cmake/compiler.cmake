# One set of flags for every target.
#
# x86-64-v2 is the floor that an installed program needs; faster instructions are chosen at run time.
# -ffp-contract=off: a fused multiply-add rounds once where the source says twice, so the bits of a
# feature would depend on the machine that computed it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)  # as the libraries: a precompiled header fits one setting only
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
add_compile_options(-march=x86-64-v2 -ffp-contract=off -Wall -Wextra -Wno-unused-parameter -Werror=unused-result -Werror=return-type)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Files that use precompiled headers are cached too, and two checkouts share what they compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${CCACHE_PROGRAM}")
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

# mold links this program in a second where the default linker needs ten.
find_program(MOLD_PROGRAM ld.mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

if(HEADRACE_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")  # compiles faster, and shows more of the stack
  add_compile_options(-fsanitize=${HEADRACE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HEADRACE_SANITIZE})
endif()
if(HEADRACE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address)
  add_link_options(-fsanitize=address)
endif()
