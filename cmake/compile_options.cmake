# Flags of every target: warnings as errors, the machine's instructions, the floating-point relaxations that let loops
# vectorise, and the sanitizers. nvcc's host compiler gets the same ones.

option(ENGINE_WERROR "Warnings are errors; OFF for compilers that nobody has tried" ON)
set(host_flags -Wall -Wextra -Wshadow)
if(ENGINE_WERROR)
    list(APPEND host_flags -Werror)
    set(device_errors "SHELL:-Werror all-warnings,cross-execution-space-call")
endif()

# errno and floating-point traps are never read here; honouring them keeps sqrt and comparisons out of SIMD loops.
list(APPEND host_flags -fno-math-errno -fno-trapping-math)
if(ENGINE_NATIVE)
    list(APPEND host_flags -march=native)
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_FLAGS -march=native)
    check_cxx_source_compiles("#ifndef __AVX512F__\n#error no AVX-512\n#endif\nint main() {}" HEAT_AVX512)
    unset(CMAKE_REQUIRED_FLAGS)
    if(HEAT_AVX512)
        list(APPEND host_flags -mprefer-vector-width=512)
    endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND host_flags -march=x86-64-v3)
endif()
if(NOT OpenMP_CXX_FOUND)
    list(APPEND host_flags -Wno-unknown-pragmas)
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    list(APPEND host_flags -Wno-pass-failed) # an `omp simd` loop left scalar is slower, not wrong
endif()

if(ENGINE_SANITIZE)
    set(sanitizers -fsanitize=${ENGINE_SANITIZE} -fno-sanitize-recover=all)
    if(ENGINE_SANITIZE STREQUAL "address")
        list(APPEND sanitizers -fsanitize=undefined)
    endif()
    list(APPEND host_flags ${sanitizers} -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # The sanitizers' own branches mislead GCC's flow analysis; the other builds keep the warning.
        list(APPEND host_flags -Wno-maybe-uninitialized)
    endif()
    add_link_options(${sanitizers})
    if(ENGINE_SANITIZE STREQUAL "address")
        # At fixed addresses: the sanitizers' tables are a hundred megabytes, which the loader would relocate at each start.
        add_link_options(-no-pie)
    endif()
endif()
if(ENGINE_SANITIZE STREQUAL "address" OR CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# -Wpedantic stays away from nvcc, whose generated host code uses GNU extensions.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${host_flags};-Wpedantic>")
if(HEAT_CUDA)
    if(OpenMP_CXX_FOUND)
        list(APPEND host_flags ${OpenMP_CXX_FLAGS})
    endif()
    list(JOIN host_flags "," host_flags)
    add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${host_flags};${device_errors}>")
endif()
