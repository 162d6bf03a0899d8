# taploom_precompile_headers(): compiles once, for all targets, the headers of others that most sources include: a fifth
# less for the compiler to do. What lacks an include does not show with it, so one preset (debug) builds without.
set(TAPLOOM_COMMON_HEADERS
    <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cstdint> <cstring> <filesystem> <fstream> <functional> <map>
    <memory> <mutex> <optional> <random> <set> <span> <sstream> <string> <string_view> <system_error> <thread>
    <unordered_map> <utility> <variant> <vector>
    <absl/status/status.h> <absl/status/statusor.h> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)

function(taploom_header_library NAME)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled/${NAME}.cc CONTENT "")  # touches it only once
  add_library(${NAME} OBJECT ${PROJECT_BINARY_DIR}/precompiled/${NAME}.cc)
  target_link_libraries(${NAME} PRIVATE taploom_options fmt::fmt absl::status absl::statusor ${ARGN})
  target_precompile_headers(${NAME} PRIVATE ${TAPLOOM_COMMON_HEADERS})
endfunction()

# Those of a folder and of the folders in it that are built with our flags and no others.
function(taploom_share_headers FOLDER)
  get_property(targets DIRECTORY ${FOLDER} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    get_target_property(flags ${target} COMPILE_OPTIONS)
    if(NOT type MATCHES "STATIC_LIBRARY|EXECUTABLE" OR flags OR NOT "taploom_options" IN_LIST libraries)
      continue()
    endif()
    if("GTest::gtest_main" IN_LIST libraries)
      target_precompile_headers(${target} REUSE_FROM taploom_test_headers)
    else()
      target_precompile_headers(${target} REUSE_FROM taploom_headers)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${FOLDER} PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    taploom_share_headers(${folder})
  endforeach()
endfunction()

function(taploom_precompile_headers)
  taploom_header_library(taploom_headers)
  if(TAPLOOM_TESTS)
    taploom_header_library(taploom_test_headers GTest::gmock GTest::gtest_main)
    target_precompile_headers(taploom_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  taploom_share_headers(${PROJECT_SOURCE_DIR})
endfunction()
