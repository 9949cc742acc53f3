#include "processes/basis.h"

#include "engine/profiler.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

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

kernels::TransformKind transform_kind(Basis basis) {
    switch (basis) {
    case Basis::dct1:
        return kernels::TransformKind::trapezoid_dct1;
    case Basis::dct2:
        return kernels::TransformKind::dct2;
    case Basis::dst1:
        return kernels::TransformKind::dst1;
    case Basis::pixel:
        break;
    }
    throw Error("the pixel basis has no transform");
}

namespace {
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
    const auto kind = inverse ? kernels::inverse_of(transform_kind(basis)) : transform_kind(basis);
    Tensor workspace(
        Shape{kernels::transform_workspace_elements(x.stream(), kind, images, height, width, channels)},
        Dtype::f32, x.device());
    kernels::transform(x.stream(), kind, x.data<float>(), y.data<float>(), images, height, width, channels,
                       workspace.data<float>());
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
    return basis == Basis::pixel ? 0.0 : kernels::transform_flops(height, width, channels);
}

} // namespace heat::processes
