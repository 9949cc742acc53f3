#include "tools/operator_bench.h"

#include "engine/random.h"
#include "processes/operators/literal_sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace heat::tools {

namespace {

using processes::OperatorSolver;
using processes::SolverMethod;

/// A contestant of one case: its call, and how many calls make a sample.
struct Contestant {
    OperatorMeasurement measurement;
    std::function<void()> call;
    int64_t calls = 1;
    std::vector<double> samples; ///< seconds a call
};

/// The images of a case, in both types.
struct Images {
    Tensor floats;
    std::vector<double> doubles;
};

Images images_of(const Shape& shape) {
    Images images{
        normal(RandomState(0, Device::cpu), Shape{1, shape.count()}, Purpose::prior, 0).reshape(shape), {}};
    const std::vector<float> values = images.floats.to_host();
    images.doubles.assign(values.begin(), values.end());
    return images;
}

double largest(const std::vector<double>& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
}

template <class T>
double relative_difference(const std::vector<T>& values, const std::vector<double>& expected) {
    double most = 0;
    for (size_t i = 0; i < values.size(); ++i)
        most = std::max(most, std::abs(double(values[i]) - expected[i]));
    return most / largest(expected);
}

void take_turns(std::vector<Contestant>& contestants, const bench::TimingOptions& timing) {
    std::vector<double> spent(contestants.size(), 0.0);
    for (Contestant& contestant : contestants) { // the call before has warmed up
        const double start = bench::steady_seconds();
        contestant.call();
        const double once = bench::steady_seconds() - start;
        contestant.calls =
            std::max<int64_t>(1, int64_t(std::ceil(timing.min_seconds / std::max(once, 1e-9))));
    }
    constexpr int fewest = 3;
    for (int round = 0; round < timing.repeats; ++round)
        for (size_t i = 0; i < contestants.size(); ++i) {
            Contestant& contestant = contestants[i];
            if (round >= fewest && spent[i] > timing.budget_seconds) continue;
            const double start = bench::steady_seconds();
            for (int64_t k = 0; k < contestant.calls; ++k) contestant.call();
            const double seconds = bench::steady_seconds() - start;
            spent[i] += seconds;
            contestant.samples.push_back(seconds / double(contestant.calls));
        }
    for (Contestant& contestant : contestants)
        contestant.measurement.timing = bench::timing_of(contestant.samples, contestant.calls);
}

/// The solvers of one size and K, which batches and powers share.
class SolverSet {
public:
    SolverSet(const OperatorBenchGrid& grid, int size, double k)
        : grid_(grid), size_(size), scheme_{k, grid.theta, grid.boundary} {
        std::vector<std::string> names = grid.solvers;
        if (names.empty())
            for (const SolverMethod method : processes::solver_methods())
                if (is_available(method)) names.emplace_back(name_of(method));
        const bool too_large = size * size > grid.dense_pixels;
        for (const std::string& name : names) {
            const SolverMethod method = processes::solver_method_from_name(name);
            if (method == SolverMethod::dense && too_large) continue;
            const double start = bench::steady_seconds();
            solvers_.push_back(make_operator_solver(method, scheme_, size, size));
            seconds_.push_back(bench::steady_seconds() - start);
        }
        if (!grid.literal || too_large) return;
        const double start = bench::steady_seconds();
        paper_ = std::make_unique<processes::LiteralSampler>(scheme_, size, size, levels);
        paper_seconds_ = bench::steady_seconds() - start;
    }

    std::vector<OperatorMeasurement> measure(int batch, int power, const bench::TimingOptions& timing) {
        const OperatorCase at{size_, batch, scheme_.k, power};
        const Images images = images_of(Shape{batch, size_, size_, grid_.channels});
        std::vector<double> expected(images.doubles.size());
        make_operator_solver(SolverMethod::spectral, scheme_, size_, size_)
            ->apply(images.doubles.data(), expected.data(), batch, grid_.channels, {&power, 1});
        outputs_.assign(solvers_.size(), std::vector<double>(grid_.f64 ? expected.size() : 0));
        std::vector<Contestant> contestants;
        for (size_t i = 0; i < solvers_.size(); ++i)
            contestants.push_back(contestant(i, at, images, expected));
        if (paper_) contestants.push_back(paper_contestant(at, images));
        take_turns(contestants, timing);
        std::vector<OperatorMeasurement> measurements;
        measurements.reserve(contestants.size());
        for (Contestant& done : contestants) measurements.push_back(std::move(done.measurement));
        return measurements;
    }

private:
    static constexpr int levels = 1000;

    Contestant contestant(size_t i, const OperatorCase& at, const Images& images,
                          const std::vector<double>& expected) {
        const OperatorSolver& solver = *solvers_[i];
        Contestant c;
        c.measurement.at = at;
        c.measurement.solver = name_of(solver.method());
        const double start = bench::steady_seconds();
        solver.prepare(at.power);
        seconds_[i] += bench::steady_seconds() - start;
        c.measurement.prepare_seconds = seconds_[i];
        c.measurement.memory_bytes = solver.memory_bytes();
        processes::SolverStatistics& statistics = c.measurement.statistics;
        if (grid_.f64) {
            std::vector<double>& out = outputs_[i];
            const auto apply = [&solver, &out, &images, at, this](processes::SolverStatistics* counted) {
                solver.apply(images.doubles.data(), out.data(), at.batch, grid_.channels, {&at.power, 1},
                             counted);
            };
            apply(&statistics);
            c.measurement.error = relative_difference(out, expected);
            c.call = [apply] { apply(nullptr); };
        } else {
            c.measurement.error =
                relative_difference(solver.apply(images.floats, at.power, &statistics).to_host(), expected);
            c.call = [&solver, &images, at] { (void)solver.apply(images.floats, at.power); };
        }
        return c;
    }

    /// The step from the level with the fewest powers of A.
    Contestant paper_contestant(const OperatorCase& at, const Images& images) {
        Contestant c;
        c.measurement.at = at;
        c.measurement.solver = "paper";
        c.measurement.prepare_seconds = paper_seconds_;
        const int64_t points = int64_t(size_) * size_;
        c.measurement.memory_bytes = 2 * points * points * int64_t(sizeof(double));
        c.call = [this, &images, at] {
            paper_->step(levels, 0.98, 4e-5, images.doubles, images.doubles, images.doubles,
                         at.batch * grid_.channels);
        };
        c.call();
        return c;
    }

    const OperatorBenchGrid& grid_;
    int size_;
    processes::HeatScheme scheme_;
    std::vector<std::unique_ptr<OperatorSolver>> solvers_;
    std::vector<double> seconds_;              ///< to make each, and what it has prepared
    std::vector<std::vector<double>> outputs_; ///< in f64, of each solver
    std::unique_ptr<processes::LiteralSampler> paper_;
    double paper_seconds_ = 0;
};

const char* const axes[] = {"size", "batch", "K", "power"};

double coordinate(const OperatorCase& at, int axis) {
    return axis == 0 ? at.size : axis == 1 ? at.batch : axis == 2 ? at.k : at.power;
}

} // namespace

std::vector<OperatorMeasurement>
measure_operators(const OperatorBenchGrid& grid, const bench::TimingOptions& timing,
                  const std::function<void(std::span<const OperatorMeasurement>)>& report) {
    std::vector<OperatorMeasurement> all;
    for (const int size : grid.sizes)
        for (const double k : grid.ks) {
            SolverSet solvers(grid, size, k);
            for (const int batch : grid.batches)
                for (const int power : grid.powers) {
                    const auto measured = solvers.measure(batch, power, timing);
                    report(measured);
                    all.insert(all.end(), measured.begin(), measured.end());
                }
        }
    return all;
}

std::string Crossover::text() const {
    const auto value = [this](const OperatorCase& at) {
        return coordinate(at, int(std::find(std::begin(axes), std::end(axes), axis) - std::begin(axes)));
    };
    std::string rest;
    for (int other = 0; other < 4; ++other)
        if (axes[other] != axis) rest += fmt::format(", {} {}", axes[other], coordinate(from, other));
    return fmt::format("{} {} to {}{}: {} to {}", axis, value(from), value(to), rest, before, after);
}

std::vector<Crossover> crossovers(std::span<const OperatorMeasurement> measurements) {
    struct Winner {
        OperatorCase at;
        std::string solver;
        double seconds;
    };
    std::vector<Winner> winners;
    const auto same = [](const OperatorCase& a, const OperatorCase& b, int but) {
        for (int axis = 0; axis < 4; ++axis)
            if (axis != but && coordinate(a, axis) != coordinate(b, axis)) return false;
        return true;
    };
    for (const OperatorMeasurement& m : measurements) {
        if (m.solver == "paper") continue; // a whole sampling step, not a power
        const auto found = std::find_if(winners.begin(), winners.end(),
                                        [&](const Winner& w) { return same(w.at, m.at, -1); });
        if (found == winners.end())
            winners.push_back({m.at, m.solver, m.timing.median});
        else if (m.timing.median < found->seconds)
            *found = {m.at, m.solver, m.timing.median};
    }
    std::vector<Crossover> found;
    for (int axis = 0; axis < 4; ++axis)
        for (const Winner& from : winners) {
            const Winner* next = nullptr; // the nearest further along this axis
            for (const Winner& to : winners)
                if (same(from.at, to.at, axis) && coordinate(to.at, axis) > coordinate(from.at, axis) &&
                    (!next || coordinate(to.at, axis) < coordinate(next->at, axis)))
                    next = &to;
            if (next && next->solver != from.solver)
                found.push_back({axes[axis], from.at, next->at, from.solver, next->solver});
        }
    return found;
}

namespace {
nlohmann::json to_json(const OperatorCase& at) {
    return {{"size", at.size}, {"batch", at.batch}, {"K", at.k}, {"power", at.power}};
}
} // namespace

nlohmann::json to_json(const OperatorMeasurement& m) {
    nlohmann::json json = to_json(m.at);
    json.update({{"solver", m.solver},
                 {"median_us", 1e6 * m.timing.median},
                 {"lower_quartile_us", 1e6 * m.timing.lower_quartile},
                 {"upper_quartile_us", 1e6 * m.timing.upper_quartile},
                 {"samples", m.timing.repeats},
                 {"calls", m.timing.calls},
                 {"prepare_ms", 1e3 * m.prepare_seconds},
                 {"memory_bytes", m.memory_bytes}});
    if (m.solver == "paper") return json;
    json.update({{"bytes", m.statistics.bytes},
                 {"flops", m.statistics.flops},
                 {"solves", m.statistics.solves},
                 {"iterations", m.statistics.iterations},
                 {"most_iterations", m.statistics.most_iterations},
                 {"relative_error", m.error}});
    return json;
}

nlohmann::json to_json(const Crossover& c) {
    return {{"axis", c.axis},
            {"from", to_json(c.from)},
            {"to", to_json(c.to)},
            {"before", c.before},
            {"after", c.after}};
}

} // namespace heat::tools
