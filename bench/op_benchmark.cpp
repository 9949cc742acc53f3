#include "bench/op_benchmark.h"

#include "bench/host.h"
#include "bench/step_timer.h"
#include "engine/graph.h"
#include "engine/parameters.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <regex>

namespace heat::bench {
namespace {

/// What is given to a device, timed: by the clock on the CPU, by marks in the stream on a card.
double seconds_of(Device device, const std::function<void()>& work) {
    StepTimer timer(device);
    timer.mark();
    work();
    timer.mark();
    return timer.seconds()[0];
}

/// Calls of a kernel or op that launch one graph each where the device has graphs: a card is timed, not what
/// it takes the host to ask for it.
class RepeatedCall {
public:
    RepeatedCall(Device device, std::function<void()> call)
        : call_(std::move(call)), graph_("an op", {}, std::make_shared<MemoryReservation>(device)) {
        if (device == Device::cuda) // captured before anything is timed
            for (int i = 0; i <= GraphedWork::eager_runs; ++i) (*this)();
    }
    void operator()() { graph_.run({}, call_); }

private:
    std::function<void()> call_;
    GraphedWork graph_;
};

/// An op with parameters, and as many sets of inputs as it takes to be cold.
class OpRunner {
public:
    OpRunner(const OpCase& op_case, Dtype dtype, Device device, size_t sets)
        : case_(op_case), device_(device) {
        for (const Shape& shape : op_case.parameters)
            parameters_.push_back(store_.add(fmt::format("parameter {}", parameters_.size()), shape,
                                             Initialization::fan_in(shape.count() / shape[0])));
        store_.allocate(device, 0);
        store_.allocate_gradients();
        for (size_t i = 0; i < sets; ++i) {
            const RandomState random(i, device);
            Set set;
            uint32_t layer = 0;
            for (const Shape& shape : op_case.inputs)
                set.inputs.push_back(normal(random, shape, Purpose::training_noise, 0, layer++).to(dtype));
            Variables x;
            for (const Tensor& input : set.inputs) x.emplace_back(input);
            set.result = op_case.op(x, parameters_);
            set.cotangent =
                normal(random, set.result.shape(), Purpose::training_noise, 0, layer).to(set.result.dtype());
            sets_.push_back(std::move(set));
        }
        for (Set& set : sets_)
            calls_.push_back(std::make_unique<RepeatedCall>(device, [this, &set] {
                Variables x;
                for (const Tensor& input : set.inputs) x.emplace_back(input);
                // The new result comes before the old one goes, so its memory is that of another set.
                Variable result = case_.op(x, parameters_);
                if (device_ == Device::cpu) set.result = std::move(result); // a graph's has memory of its own
            }));
    }

    /// Bytes of one set: inputs and result.
    size_t set_bytes() const {
        size_t bytes = sets_[0].result.value().bytes();
        for (const Tensor& input : sets_[0].inputs) bytes += input.bytes();
        return bytes;
    }

    Sample forward(int64_t calls) {
        const double seconds = seconds_of(device_, [&] {
            for (int64_t i = 0; i < calls; ++i) (*calls_[next_++ % sets_.size()])();
        });
        return {seconds, calls};
    }

    /// Whole passes over all sets: all forward, then, timed, all backward.
    Sample backward(int64_t calls) {
        Sample sample;
        while (sample.calls < calls) {
            sample.seconds += backward_pass();
            sample.calls += int64_t(sets_.size());
        }
        return sample;
    }

private:
    struct Set {
        std::vector<Tensor> inputs;
        Variable result;
        Tensor cotangent;
    };

    double backward_pass() {
        Tape tape;
        std::vector<Variables> leaves; // kept to the end, so that every gradient has memory of its own
        Variables results;
        for (const Set& set : sets_) {
            leaves.emplace_back();
            for (const Tensor& input : set.inputs) leaves.back().emplace_back(input, true);
            results.push_back(case_.op(leaves.back(), parameters_));
        }
        // A scalar whose gradient hands every result its cotangent.
        const Variable start = make_result(Tensor::full(Shape{1}, 0.f, device_), true, [&](const Tensor&) {
            for (size_t i = 0; i < results.size(); ++i) results[i].add_gradient(sets_[i].cotangent);
        });
        return seconds_of(device_, [&] { tape.backward(start); });
    }

    const OpCase& case_;
    Device device_;
    ParameterStore store_;
    Parameters parameters_;
    std::vector<Set> sets_;
    std::vector<std::unique_ptr<RepeatedCall>> calls_; ///< one a set; they refer to it
    size_t next_ = 0;
};

/// So many sets of `bytes` that a set is out of the caches when its turn comes again.
size_t sets_to_be_cold(double bytes, Device device) {
    constexpr double card_cache = 64 << 20; // of level 2: 40 to 50 MiB on cards of capability 8.0 and 9.0
    const double cache = device == Device::cuda ? card_cache : double(last_level_cache_bytes());
    const double wanted = std::ceil(2.0 * cache / std::max(bytes, 1.0));
    return size_t(std::clamp(wanted, 2.0, 512.0));
}

class Benchmark {
public:
    Benchmark(const OpBenchmarkOptions& options, const Roofline& roofline,
              const std::function<void(const OpMeasurement&)>& report)
        : options_(options), roofline_(roofline), report_(report) {
        try {
            filter_ = std::regex(options.filter);
        } catch (const std::regex_error& e) {
            throw Error(fmt::format("filter \"{}\" is no regular expression: {}", options.filter, e.what()));
        }
    }

    void run(const OpCase& op_case) {
        const Dtype dtype = op_case.f32_only ? Dtype::f32 : options_.dtype;
        for (const bool cold : {false, true}) {
            OpMeasurement forward, backward;
            forward.direction = "forward";
            backward.direction = "backward";
            for (OpMeasurement* m : {&forward, &backward}) {
                m->name = op_case.family;
                m->size = op_case.size;
                m->dtype = dtype;
                m->cold = cold;
            }
            const bool with_forward = wanted(forward), with_backward = wanted(backward);
            if (!with_forward && !with_backward) continue;
            const size_t sets =
                cold ? sets_to_be_cold(double(OpRunner(op_case, dtype, options_.device, 1).set_bytes()),
                                       options_.device)
                     : 1;
            OpRunner runner(op_case, dtype, options_.device, sets);
            if (with_forward)
                add(forward, counted_work(op_case, dtype, false, options_.device),
                    measure([&](int64_t n) { return runner.forward(n); }, options_.timing));
            if (with_backward)
                add(backward, counted_work(op_case, dtype, true, options_.device),
                    measure([&](int64_t n) { return runner.backward(n); }, options_.timing));
        }
    }

    void run(const KernelCase& kernel) {
        for (const bool cold : {false, true}) {
            OpMeasurement m;
            m.name = kernel.family;
            m.direction = "kernel";
            m.size = kernel.work.shape;
            m.dtype = kernel.work.dtype;
            m.cold = cold;
            if (!wanted(m)) continue;
            std::vector<std::unique_ptr<RepeatedCall>> calls;
            const size_t sets = cold ? sets_to_be_cold(kernel.work.bytes, options_.device) : 1;
            for (size_t i = 0; i < sets; ++i) {
                calls.push_back(std::make_unique<RepeatedCall>(options_.device, kernel.make(i)));
                (*calls.back())(); // memory that nothing has touched would be timed with its page faults
            }
            size_t next = 0;
            const auto sample = [&](int64_t n) {
                const double seconds = seconds_of(options_.device, [&] {
                    for (int64_t i = 0; i < n; ++i) (*calls[next++ % sets])();
                });
                return Sample{seconds, n};
            };
            add(m, kernel.work, bench::measure(sample, options_.timing));
        }
    }

    std::vector<OpMeasurement> take() {
        if (measurements_.empty())
            throw Error(fmt::format("filter \"{}\" lets no op pass; without a filter all are timed",
                                    options_.filter));
        return std::move(measurements_);
    }

private:
    bool wanted(const OpMeasurement& m) const { return std::regex_search(m.text(), filter_); }

    void add(OpMeasurement m, const OpWork& work, const Timing& timing) {
        m.timing = timing;
        m.bytes = work.bytes;
        m.flops = work.flops;
        m.roofline_share = roofline_.seconds(work.bytes, work.flops, m.dtype) / timing.median;
        if (report_) report_(m);
        measurements_.push_back(std::move(m));
    }

    const OpBenchmarkOptions& options_;
    const Roofline& roofline_;
    const std::function<void(const OpMeasurement&)>& report_;
    std::regex filter_;
    std::vector<OpMeasurement> measurements_;
};

} // namespace

std::string OpMeasurement::text() const {
    return fmt::format("{} {} {} {} {}", name, direction, size, name_of(dtype), cold ? "cold" : "hot");
}

OpWork counted_work(const OpCase& op_case, Dtype dtype, bool backward, Device device) {
    OpRunner runner(op_case, dtype, device, 1);
    if (backward) (void)runner.backward(1); // packs the weights that only a backward pass reads
    const auto recorded = [&](bool with_backward) {
        Profiler::start({.max_events = 0});
        if (with_backward)
            (void)runner.backward(1);
        else
            (void)runner.forward(1);
        OpWork sum;
        for (const ProfileEntry& e : Profiler::stop().entries) {
            sum.bytes += e.bytes;
            sum.flops += e.flops;
        }
        return sum;
    };
    OpWork work = recorded(false);
    if (backward) { // a backward pass has a forward pass before it
        const OpWork both = recorded(true);
        work.bytes = both.bytes - work.bytes;
        work.flops = both.flops - work.flops;
    }
    work.shape = op_case.size;
    work.dtype = dtype;
    return work;
}

std::vector<OpMeasurement> measure_ops(const OpBenchmarkOptions& options, const Roofline& roofline,
                                       const std::function<void(const OpMeasurement&)>& report) {
    Benchmark benchmark(options, roofline, report);
    for (const OpFamily& family : op_families(options.device))
        for (const OpCase& op_case : family.timed) benchmark.run(op_case);
    for (const KernelCase& kernel : kernel_cases(options.dtype, options.device)) benchmark.run(kernel);
    return benchmark.take();
}

nlohmann::json to_json(const OpMeasurement& m) {
    const auto microseconds = [](double seconds) { return std::round(seconds * 1e9) / 1e3; };
    const auto hundredths = [](double value) { return std::round(value * 100) / 100; };
    return {{"name", m.name},
            {"direction", m.direction},
            {"size", m.size},
            {"dtype", name_of(m.dtype)},
            {"state", m.cold ? "cold" : "hot"},
            {"median_us", microseconds(m.timing.median)},
            {"least_us", microseconds(m.timing.least)},
            {"most_us", microseconds(m.timing.most)},
            {"lower_quartile_us", microseconds(m.timing.lower_quartile)},
            {"upper_quartile_us", microseconds(m.timing.upper_quartile)},
            {"repeats", m.timing.repeats},
            {"calls", m.timing.calls},
            {"bytes", m.bytes},
            {"flops", m.flops},
            {"gb_s", hundredths(m.bytes / m.timing.median * 1e-9)},
            {"gflop_s", hundredths(m.flops / m.timing.median * 1e-9)},
            {"roofline_percent", hundredths(100 * m.roofline_share)}};
}

} // namespace heat::bench
