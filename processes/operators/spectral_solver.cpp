#include "processes/operators/spectral_solver.h"

#include <cstdlib>
#include <cstring>
#include <map>

namespace heat::processes {

namespace {

/// λ^n for all λ by squaring: vector instructions all through, which pow() has none of, and its rounding
/// grows with n only.
void append_powers(const std::vector<double>& values, int power, std::vector<double>& rows) {
    const size_t count = values.size(), first = rows.size();
    std::vector<double> square(values);
    if (power < 0) // first, so that a power near the end of the range does not pass through its beginning
        for (double& value : square) value = 1 / value;
    rows.resize(first + count, 1.0);
    double* result = rows.data() + first;
    for (int64_t rest = std::abs(int64_t(power)); rest > 0; rest /= 2) {
        if (rest % 2)
            for (size_t i = 0; i < count; ++i) result[i] *= square[i];
        if (rest > 1)
            for (size_t i = 0; i < count; ++i) square[i] *= square[i];
    }
}

} // namespace

ModeGains SpectralSolver::gains(std::span<const int> powers) const {
    ModeGains gains;
    std::map<int, int32_t> row_of_power;
    for (const int power : powers) {
        const auto [row, added] = row_of_power.try_emplace(power, int32_t(row_of_power.size()));
        if (added) append_powers(eigenvalues(), power, gains.rows);
        gains.row_of_image.push_back(row->second);
    }
    return gains;
}

void SpectralSolver::count(int64_t images, int channels, double element, SolverStatistics& statistics) const {
    statistics.flops +=
        double(images) * scale_modes_flops(basis_of(scheme().boundary), height(), width(), channels);
    statistics.bytes += double(images) * scale_modes_bytes(height(), width(), channels, element);
}

Tensor SpectralSolver::run(const Tensor& images, std::span<const int> powers,
                           SolverStatistics& statistics) const {
    if (images.count() == 0) return images;
    count(images.shape()[0], int(images.shape()[3]), sizeof(float), statistics);
    return scale_modes(basis_of(scheme().boundary), images, gains(powers));
}

void SpectralSolver::run(const Batch<float>& batch, SolverStatistics& statistics) const {
    Tensor images(Shape{batch.count, height(), width(), batch.channels}, Dtype::f32, Device::cpu);
    if (images.count() == 0) return;
    images.copy_from_host(batch.x, images.count());
    const Tensor result = run(images, batch.powers, statistics);
    std::memcpy(batch.y, result.data<float>(), result.bytes());
}

void SpectralSolver::run(const Batch<double>& batch, SolverStatistics& statistics) const {
    if (batch.count == 0) return;
    count(batch.count, batch.channels, sizeof(double), statistics);
    scale_modes(basis_of(scheme().boundary), batch.x, batch.y, batch.count, height(), width(), batch.channels,
                gains(batch.powers));
}

} // namespace heat::processes
