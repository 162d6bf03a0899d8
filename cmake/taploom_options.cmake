# taploom_options: the language, warnings and sanitizers every target of ours is built with.
add_library(taploom_options INTERFACE)
target_compile_features(taploom_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
target_include_directories(taploom_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
# As fmt's own target says; for all, because they share precompiled headers.
target_compile_definitions(taploom_options INTERFACE FMT_SHARED)
target_compile_options(taploom_options INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wold-style-cast
                       -Wno-missing-field-initializers)  # designated initializers name what differs from the defaults
if(TAPLOOM_WERROR)
  target_compile_options(taploom_options INTERFACE -Werror)
endif()
if(TAPLOOM_SANITIZE)
  string(REPLACE ";" "," TAPLOOM_SANITIZE_LIST "${TAPLOOM_SANITIZE}")
  add_compile_options(-fsanitize=${TAPLOOM_SANITIZE_LIST} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=${TAPLOOM_SANITIZE_LIST})
  if("thread" IN_LIST TAPLOOM_SANITIZE)
    # GCC's thread sanitizer does not see what a fence orders, and says so. What ours order are atomics (observe/last_drop.h),
    # or memory that another mapping of it reads (flow/connection_reader.h).
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()
if(TAPLOOM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # libFuzzer is guided by what it can see: all of ours, not the target alone
endif()
if(TAPLOOM_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# taploom_library(NAME folder-name SOURCES … DEPENDS …): a library of one folder, with the alias taploom::NAME.
function(taploom_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(taploom_${ARG_NAME} STATIC ${ARG_SOURCES})
    target_link_libraries(taploom_${ARG_NAME} PUBLIC taploom_options ${ARG_DEPENDS})
  else()
    add_library(taploom_${ARG_NAME} INTERFACE)
    target_link_libraries(taploom_${ARG_NAME} INTERFACE taploom_options ${ARG_DEPENDS})
  endif()
  add_library(taploom::${ARG_NAME} ALIAS taploom_${ARG_NAME})
endfunction()
