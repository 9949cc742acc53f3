#include "engine/machine.h"

#include "engine/io/jpeg.h"
#include "engine/io/png.h"
#include "engine/io/zip_archive.h"
#include "kernels/memory.h"
#include "kernels/transform/fftw.h"
#include "kernels/winograd/winograd.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(HEAT_WITH_ZLIB)
#include <zlib.h>
#endif
#if defined(HEAT_WITH_ONEDNN)
#include "kernels/onednn/onednn.h"
#endif
#if defined(HEAT_WITH_EIGEN)
#include <Eigen/src/Core/util/Macros.h>
#endif
#if defined(HEAT_WITH_CUDA)
#include "kernels/cublaslt/cublaslt.h"
#endif
#if defined(HEAT_WITH_CUDNN)
#include "kernels/cudnn/cudnn.h"
#endif
namespace heat {

bool bf16_is_faster(Device device) {
    if (device == Device::cuda) return false; // expected to be, and not measured yet: f32 in TF32 till then
#if defined(HEAT_WITH_ONEDNN)
    if (kernels::onednn::has_matrix_units()) return true;
#endif
    return kernels::winograd::multiplies_bf16();
}

std::vector<LinkedLibrary> linked_libraries() {
    std::vector<LinkedLibrary> libraries;
#if defined(HEAT_WITH_ONEDNN)
    libraries.push_back({"oneDNN", kernels::onednn::description(), "Apache-2.0"});
#endif
    if (const char* fftw = kernels::fftw::description())
        libraries.push_back({"FFTW", fftw, "GPL-2.0-or-later, and so is this program"});
#if defined(HEAT_WITH_ZLIB)
    libraries.push_back({"zlib", zlibVersion(), "Zlib"});
#endif
    if (const std::string version = libpng_version(); !version.empty())
        libraries.push_back({"libpng", version, "libpng-2.0"});
    if (const std::string version = libjpeg_version(); !version.empty())
        libraries.push_back({"libjpeg-turbo", version, "IJG and BSD-3-Clause"});
    if (const std::string version = libzip_version(); !version.empty())
        libraries.push_back({"libzip", version, "BSD-3-Clause"});
#if defined(HEAT_WITH_EIGEN)
    libraries.push_back(
        {"Eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION),
         "MPL-2.0"});
#endif
    libraries.push_back(
        {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100),
         "MIT"});
    libraries.push_back({"nlohmann-json",
                         fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                     NLOHMANN_JSON_VERSION_PATCH),
                         "MIT"});
#if defined(HEAT_WITH_CUDA)
    libraries.push_back({"CUDA runtime", "static", "NVIDIA EULA"});
    libraries.push_back({"cuBLASLt", kernels::cublaslt::version(), "NVIDIA EULA"});
#endif
#if defined(HEAT_WITH_CUDNN)
    libraries.push_back({"cuDNN", kernels::cudnn::version(), "NVIDIA cuDNN SLA"});
#endif
#if defined(_OPENMP)
    libraries.push_back({"OpenMP runtime", std::to_string(_OPENMP),
                         "GPL-3 with the GCC runtime exception, or Apache-2.0 with LLVM's"});
#endif
    for (const char* name : {"CLI11", "toml++", "stb_image_write"})
        libraries.push_back({name, "headers", name[0] == 'C' ? "BSD-3-Clause" : "MIT"});
    return libraries;
}

int cpu_threads() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}

std::string describe_device(Device device) {
    if (device == Device::cuda) return kernels::cuda_description();
    std::ifstream info("/proc/cpuinfo");
    std::string line, name = "CPU";
    while (std::getline(info, line))
        if (line.starts_with("model name")) {
            name = line.substr(line.find(':') + 2);
            break;
        }
    return fmt::format("{}, {} thread{}", name, cpu_threads(), cpu_threads() == 1 ? "" : "s");
}

} // namespace heat
