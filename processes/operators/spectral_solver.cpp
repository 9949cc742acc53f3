#include "processes/operators/spectral_solver.h"

#include <cmath>
#include <cstring>
#include <map>

namespace heat::processes {

ModeGains SpectralSolver::gains(std::span<const int> powers) const {
    ModeGains gains;
    std::map<int, int32_t> row_of_power;
    for (const int power : powers) {
        const auto [row, added] = row_of_power.try_emplace(power, int32_t(row_of_power.size()));
        if (added)
            for (const double value : eigenvalues()) gains.rows.push_back(std::pow(value, power));
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
