# A relocatable tree: bin/headrace looks for its libraries in ../lib beside it.
include(GNUInstallDirs)
if(TARGET headrace)
  install(TARGETS headrace RUNTIME DESTINATION bin)
  install(FILES "$<TARGET_FILE:duckdb>" "$<TARGET_FILE:lightgbm>" DESTINATION lib)
  install(DIRECTORY examples/ DESTINATION share/headrace/examples)
endif()
