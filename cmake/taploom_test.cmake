include(GoogleTest)

# taploom_test(NAME LABEL label [TIMEOUT seconds] SOURCES … DEPENDS …): a GoogleTest program; ctest knows each of its tests.
function(taploom_test NAME)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE taploom_options ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
