# Parsing these is most of the compile time of a small file. They hide a missing #include, so `./dev lint` and
# `./dev fuzz` build without them. Ours are left out: a change of one would build everything again.
set(precompiled_headers <algorithm> <chrono> <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view>
  <thread> <vector> <absl/container/flat_hash_map.h>
  <absl/container/flat_hash_set.h> <absl/status/statusor.h> <fmt/format.h>)
set(precompiled_test_headers ${precompiled_headers} <gmock/gmock.h> <gtest/gtest.h>)

# Seconds that one test may take. Instrumented code runs up to ten times slower.
set(HEADRACE_TEST_TIMEOUT 600)
if(HEADRACE_SANITIZE)
  set(HEADRACE_TEST_TIMEOUT 3600)
endif()

# headrace_precompile(target owner): the first target of a kind compiles the headers, the others use what it made.
function(headrace_precompile target owner)
  if(NOT HEADRACE_PRECOMPILE)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# headrace_library(folder LINKS ...): the library of one folder of src/, of all its sources but the tests,
# and, where the folder has *_test.cc files, one test program with all of them.
function(headrace_library folder)
  cmake_parse_arguments(ARG "" "" "LINKS;TEST_LINKS" ${ARGN})
  string(REPLACE "/" "_" name "${folder}")
  set(here "${CMAKE_SOURCE_DIR}/src/${folder}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${here}/*.cc")
  if(folder STREQUAL "cli")
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  endif()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    return()
  endif()
  add_library(headrace_${name} STATIC ${sources})
  target_include_directories(headrace_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(headrace_${name} PUBLIC ${ARG_LINKS})
  headrace_precompile(headrace_${name} headrace_base ${precompiled_headers})
  if(tests)
    headrace_test(${name}_test SOURCES ${tests} LINKS headrace_${name} ${ARG_TEST_LINKS})
  endif()
endfunction()

# headrace_test(name SOURCES ... LINKS ...): a GoogleTest program; each of its tests is a ctest test.
function(headrace_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;DEFINITIONS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    HEADRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    HEADRACE_BINARY="${CMAKE_BINARY_DIR}/bin/headrace"
    HEADRACE_DEPS="${HEADRACE_DEPS}"
    HEADRACE_PYTHON="${Python3_EXECUTABLE}" ${ARG_DEFINITIONS})
  headrace_precompile(${name} base_test ${precompiled_test_headers})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${HEADRACE_TEST_TIMEOUT})
endfunction()

# The program's allocator: a request's memory is taken by one thread and freed by another, for which the system's locks.
# Sanitizers have their own.
function(headrace_link_allocator target)
  if(NOT HEADRACE_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,--push-state,--no-as-needed ${HEADRACE_JEMALLOC} -Wl,--pop-state)
  endif()
endfunction()
