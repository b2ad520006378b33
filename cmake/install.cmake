# A relocatable tree: bin/headrace looks for its libraries in ../lib beside it, and every library that it needs but
# those of the C library goes there.
#
# The program carries an RPATH, not a RUNPATH: only the former is also followed for the libraries of its libraries.
if(TARGET headrace)
  target_link_options(headrace PRIVATE "LINKER:--disable-new-dtags")
  install(TARGETS headrace RUNTIME DESTINATION bin)
  install(CODE [[
    file(GET_RUNTIME_DEPENDENCIES
      EXECUTABLES "${CMAKE_INSTALL_PREFIX}/bin/headrace"
      DIRECTORIES "$<TARGET_FILE_DIR:duckdb>" "$<TARGET_FILE_DIR:lightgbm>"
      RESOLVED_DEPENDENCIES_VAR libraries
      UNRESOLVED_DEPENDENCIES_VAR missing
      POST_EXCLUDE_REGEXES "/(ld-linux-x86-64|libc|libm|libdl|libpthread|librt)\\.so")
    if(missing)
      message(FATAL_ERROR "libraries that bin/headrace needs are not found: ${missing}")
    endif()
    foreach(library ${libraries})
      file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/lib" TYPE SHARED_LIBRARY FOLLOW_SYMLINK_CHAIN FILES "${library}")
    endforeach()
  ]])
  install(DIRECTORY "${CMAKE_SOURCE_DIR}/examples/" DESTINATION share/headrace/examples
    PATTERN ".headrace" EXCLUDE PATTERN "data" EXCLUDE)
endif()
