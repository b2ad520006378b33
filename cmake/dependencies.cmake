# Every third-party library as an imported target. Debian's packages come from the system;
# the locked packages of deps.lock from HEADRACE_DEPS, where ./dev unpacks them.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(GTest REQUIRED)
find_package(RocksDB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(Boost 1.81 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_package(benchmark QUIET)
# Debian's packages of these two bring no CMake files.
find_library(HEADRACE_RE2 re2 REQUIRED)
find_library(HEADRACE_UTF8PROC utf8proc REQUIRED)
find_library(HEADRACE_JEMALLOC jemalloc REQUIRED)

function(headrace_prebuilt_library name library include_dir)
  if(NOT EXISTS "${library}")
    message(FATAL_ERROR "${library} is missing: run ./dev setup, which fetches the packages of deps.lock")
  endif()
  add_library(${name} SHARED IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    IMPORTED_NO_SONAME TRUE
    INTERFACE_INCLUDE_DIRECTORIES "${include_dir}")
endfunction()

headrace_prebuilt_library(duckdb "${HEADRACE_DEPS}/duckdb/lib/libduckdb.so" "${HEADRACE_DEPS}/duckdb/include")
headrace_prebuilt_library(lightgbm "${HEADRACE_DEPS}/lightgbm/lib/lib_lightgbm.so" "${HEADRACE_DEPS}/lightgbm/include")
