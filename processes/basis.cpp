#include "processes/basis.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/transform.h"
#include "processes/combination.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <tuple>

namespace heat::processes {

const char* name_of(Basis basis) {
    switch (basis) {
    case Basis::pixel:
        return "pixel";
    case Basis::dct1:
        return "DCT-I";
    case Basis::dct2:
        return "DCT-II";
    case Basis::dst1:
        return "DST-I";
    }
    throw Error("name_of: no such basis");
}

bool is_orthonormal(Basis basis) {
    return basis != Basis::dct1;
}

std::vector<double> eigenvalues(Basis basis, int height, int width) {
    if (basis == Basis::pixel) return {0.0};
    if (basis != Basis::dct2)
        throw Error(
            fmt::format("eigenvalues in continuous space: expected the DCT-II, got the {}", name_of(basis)));
    std::vector<double> values;
    values.reserve(size_t(height) * size_t(width));
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j) {
            const double row = std::numbers::pi * i / height, column = std::numbers::pi * j / width;
            values.push_back(row * row + column * column);
        }
    return values;
}

std::vector<double> discrete_eigenvalues(Basis basis, int height, int width) {
    if (basis == Basis::pixel) throw Error("the pixel basis belongs to no Laplacian");
    const auto along = [basis](int k, int n) {
        if (basis == Basis::dct1 && n == 1) return 0.0;
        const double turns = basis == Basis::dct1   ? double(k) / (n - 1)
                             : basis == Basis::dct2 ? double(k) / n
                                                    : double(k + 1) / (n + 1);
        const double sine = std::sin(std::numbers::pi / 2 * turns);
        return -4 * sine * sine; // 2cos(π·turns) − 2, which would cancel for slow modes
    };
    std::vector<double> values;
    values.reserve(size_t(height) * size_t(width));
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j) values.push_back(along(i, height) + along(j, width));
    return values;
}

namespace {

kernels::TransformKind kind_of(Basis basis) {
    return basis == Basis::dct1   ? kernels::TransformKind::dct1
           : basis == Basis::dct2 ? kernels::TransformKind::dct2
                                  : kernels::TransformKind::dst1;
}

/// W^½ of the trapezoid rule, or W^{−½}, as a table of one row in device memory. Tables live as long as the
/// process.
Tensor trapezoid_table(int height, int width, bool inverse, Device device) {
    static std::mutex mutex;
    static auto& tables = *new std::map<std::tuple<Device, int, int, bool>, Tensor>();
    const std::lock_guard<std::mutex> lock(mutex);
    Tensor& table = tables[{device, height, width, inverse}];
    if (!table.defined()) {
        const auto weight = [](int i, int n) { return n > 1 && (i == 0 || i == n - 1) ? 0.5 : 1.0; };
        std::vector<float> roots;
        for (int i = 0; i < height; ++i)
            for (int j = 0; j < width; ++j) {
                const double root = std::sqrt(weight(i, height) * weight(j, width));
                roots.push_back(float(inverse ? 1 / root : root));
            }
        table = upload_table(roots, height * width, device);
    }
    return table;
}

Tensor change_basis(Basis basis, const Tensor& x, bool inverse) {
    if (x.shape().rank() != 4 || x.dtype() != Dtype::f32)
        throw Error(fmt::format("change of basis: expected f32 images of shape N×H×W×C, got {} of shape {}",
                                name_of(x.dtype()), x.shape().text()));
    if (basis == Basis::pixel) return x;
    const int64_t images = x.shape()[0];
    const int height = int(x.shape()[1]), width = int(x.shape()[2]), channels = int(x.shape()[3]);
    const ProfileScope scope(inverse ? "from_basis" : "to_basis", x.device(), [&] {
        return OpWork{2.0 * double(x.bytes()), double(images) * basis_flops(basis, height, width, channels),
                      x.shape().text()};
    });
    Tensor y(x.shape(), Dtype::f32, x.device());
    const auto kind = inverse ? kernels::inverse_of(kind_of(basis)) : kind_of(basis);
    const bool weighted = basis == Basis::dct1;
    if (weighted && !inverse) combine({{x, trapezoid_table(height, width, false, x.device())}}, nullptr, y);
    const Tensor& from = weighted && !inverse ? y : x;
    Tensor workspace(
        Shape{kernels::transform_workspace_elements(x.stream(), kind, images, height, width, channels)},
        Dtype::f32, x.device());
    kernels::transform(x.stream(), kind, from.data<float>(), y.data<float>(), images, height, width, channels,
                       workspace.data<float>());
    if (weighted && inverse) combine({{y, trapezoid_table(height, width, true, x.device())}}, nullptr, y);
    return y;
}
} // namespace

Tensor to_basis(Basis basis, const Tensor& images) {
    return change_basis(basis, images, false);
}
Tensor from_basis(Basis basis, const Tensor& coefficients) {
    return change_basis(basis, coefficients, true);
}

double basis_flops(Basis basis, int height, int width, int channels) {
    if (basis == Basis::pixel) return 0.0;
    const double weights = basis == Basis::dct1 ? double(height) * width * channels : 0.0;
    return weights + kernels::transform_flops(height, width, channels);
}

} // namespace heat::processes
