# Enables CUDA as ENGINE_CUDA asks and sets HEAT_CUDA. Without it every .cu file compiles as plain C++.

set(HEAT_CUDA OFF)
if(ENGINE_CUDA STREQUAL "OFF")
    return()
endif()

if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE) # a toolkit may have been installed since the last configuration
endif()

# The toolkit's own installer puts nvcc where PATH does not lead. The environment, not the cache, is set,
# so that check_language can still say no.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(HEAT_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
    if(HEAT_NVCC)
        set(ENV{CUDACXX} ${HEAT_NVCC})
    endif()
endif()
if(NOT CMAKE_CUDA_HOST_COMPILER AND NOT DEFINED ENV{CUDAHOSTCXX})
    set(ENV{CUDAHOSTCXX} ${CMAKE_CXX_COMPILER})
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(CMAKE_CUDA_ARCHITECTURES "80-real;90" CACHE STRING "Machine code for 8.0 and 9.0, and PTX for later ones")
endif()

include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION) # CMake 3.25 does not know nvcc's C++20
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
        set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    find_package(CUDAToolkit REQUIRED)
    set(HEAT_CUDA ON)
elseif(ENGINE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "ENGINE_CUDA=ON needs the CUDA toolkit: no working nvcc on PATH or in /usr/local/cuda/bin. "
                        "Install it (Debian: nvidia-cuda-toolkit, or NVIDIA's cuda-toolkit), "
                        "name it with -DCMAKE_CUDA_COMPILER=…, or use the release preset.")
else()
    message(STATUS "No working nvcc: building for the CPU only")
endif()
