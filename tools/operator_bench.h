#pragma once

#include "bench/timing.h"
#include "processes/operators/operator_solver.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace heat::tools {

/// What `engine operator bench` goes through: every combination, square images.
struct OperatorBenchGrid {
    std::vector<int> sizes{16, 32, 64, 128}, batches{1, 16}, powers{1, 16};
    std::vector<double> ks{0.02, 0.2};
    std::vector<std::string> solvers; ///< empty: all this build has
    double theta = 0.5;
    processes::Boundary boundary = processes::Boundary::adiabatic;
    int channels = 1;
    bool f64 = false;
    bool literal = false;    ///< also the paper's sampling step
    int dense_pixels = 1024; ///< larger images go without dense and the paper's step
};

struct OperatorCase {
    int size = 0, batch = 0;
    double k = 0;
    int power = 0;
};

/// One solver in one case. All solvers of a case take turns, sample by sample.
struct OperatorMeasurement {
    OperatorCase at;
    std::string solver; ///< or "paper": one sampling step of LiteralSampler
    bench::Timing timing;
    double prepare_seconds = 0;             ///< factors and matrices, once
    int64_t memory_bytes = 0;               ///< kept between calls
    processes::SolverStatistics statistics; ///< of one call
    double error = 0; ///< largest difference from the spectral solver in f64, over its largest value
};

/// Measures, calling `report` with each case's measurements.
std::vector<OperatorMeasurement>
measure_operators(const OperatorBenchGrid& grid, const bench::TimingOptions& timing,
                  const std::function<void(std::span<const OperatorMeasurement>)>& report);

/// Where, going along one axis of the grid with the others fixed, another solver becomes the fastest.
struct Crossover {
    std::string axis; ///< size, batch, K or power
    OperatorCase from, to;
    std::string before, after;

    std::string text() const;
};
std::vector<Crossover> crossovers(std::span<const OperatorMeasurement> measurements);

nlohmann::json to_json(const OperatorMeasurement& measurement);
nlohmann::json to_json(const Crossover& crossover);

} // namespace heat::tools
