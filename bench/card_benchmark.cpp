#include "bench/card_benchmark.h"

#include "bench/step_timer.h"
#include "bench/timing.h"
#include "engine/graph.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/math_mode.h"
#include "kernels/memory.h"
#include "kernels/random.h"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <utility>

namespace heat::bench {
namespace {

using kernels::CopyKind;

class CardBenchmark {
public:
    explicit CardBenchmark(bool quick)
        : options_{.repeats = quick ? 3 : 9,
                   .min_seconds = quick ? 1e-3 : 1e-2,
                   .budget_seconds = quick ? 0.05 : 0.3} {}

    std::vector<DeviceFigure> run() {
        memory();
        transfers();
        products();
        launches();
        return std::move(figures_);
    }

private:
    Timing timing(const std::function<void()>& call) {
        const auto sample = [&](int64_t n) {
            StepTimer timer(Device::cuda);
            timer.mark();
            for (int64_t i = 0; i < n; ++i) call();
            timer.mark();
            return Sample{timer.seconds()[0], n};
        };
        return measure(sample, options_);
    }
    /// `work` in 10⁹ bytes or operations a call.
    void rate(std::string name, std::string meaning, double work, const std::function<void()>& call) {
        const Timing t = timing(call);
        figures_.push_back(
            {std::move(name), std::move(meaning), work / t.median, work / t.most, work / t.least});
    }

    void memory() {
        constexpr int64_t count = 64 << 20; // 256 MiB: past the level-2 cache
        const Tensor a = Tensor::full(Shape{count}, 1.f, Device::cuda),
                     b = Tensor::full(Shape{count}, 2.f, Device::cuda);
        Tensor c(Shape{count}, Dtype::f32, Device::cuda);
        const double bytes = 1e-9 * double(c.bytes());
        rate("copy_gb_s", "a = b on the card, 256 MiB", 2 * bytes, [&] {
            kernels::copy_memory_unawaited(c.stream(), c.raw(), a.raw(), c.bytes(),
                                           CopyKind::device_to_device);
        });
        rate("triad_gb_s", "a = b + s·c by a kernel, 256 MiB each", 3 * bytes, [&] {
            kernels::linear_combination<float>(c.stream(), 1.f, a.data<float>(), 0.5f, b.data<float>(),
                                               c.data<float>(), count);
        });
    }

    void transfers() {
        Tensor on_card(Shape{16 << 20}, Dtype::f32, Device::cuda);
        const auto free = [](void* p) { kernels::free_pinned_memory(true, p); };
        const std::unique_ptr<void, decltype(free)> pinned(
            kernels::allocate_pinned_memory(true, on_card.bytes()), free);
        const double bytes = 1e-9 * double(on_card.bytes());
        rate("upload_gb_s", "pinned memory to the card, 64 MiB", bytes, [&] {
            kernels::copy_memory_unawaited(on_card.stream(), on_card.raw(), pinned.get(), on_card.bytes(),
                                           CopyKind::host_to_device);
        });
        rate("download_gb_s", "the card to pinned memory, 64 MiB", bytes, [&] {
            kernels::copy_memory_unawaited(on_card.stream(), pinned.get(), on_card.raw(), on_card.bytes(),
                                           CopyKind::device_to_host);
        });
    }

    // Timing has waited for every copy: the memory may go.

    void product(const std::string& name, Dtype dtype) {
        constexpr int64_t n = 4096;
        kernels::GemmShape shape;
        shape.m = shape.n = shape.k = n;
        shape.a.row = shape.b.row = shape.d.row = n;
        shape.input = dtype;
        const RandomState random(1, Device::cuda); // zeros could draw less power, and be faster
        const Tensor a = normal(random, Shape{n, n}, Purpose::training_noise).to(dtype),
                     b = normal(random, Shape{n, n}, Purpose::prior).to(dtype);
        Tensor d(Shape{n, n}, Dtype::f32, Device::cuda);
        rate(fmt::format("matmul_card_{}_gflop_s", name),
             fmt::format("the engine's matrix product, {}×{}×{}, {} to f32", n, n, n, name),
             2.0 * double(n * n * n) * 1e-9,
             [&] { kernels::gemm(d.stream(), shape, a.raw(), b.raw(), d.raw()); });
    }

    void products() {
        const kernels::MathMode mode = kernels::math_mode();
        kernels::MathMode strict = mode, rounded = mode;
        strict.tf32 = false;
        rounded.tf32 = true;
        kernels::set_math_mode(rounded);
        product("tf32", Dtype::f32);
        kernels::set_math_mode(strict);
        product("f32", Dtype::f32);
        kernels::set_math_mode(mode);
        product("bf16", Dtype::bf16);
    }

    void launches() {
        Tensor words(Shape{3}, Dtype::i32, Device::cuda);
        const auto launch = [&] {
            kernels::write_random_state(words.stream(), static_cast<uint32_t*>(words.raw()), 1, 2);
        };
        GraphedWork graph("a kernel", {}, std::make_shared<MemoryReservation>(Device::cuda));
        const auto microseconds = [&](std::string name, std::string meaning, const Timing& t) {
            figures_.push_back(
                {std::move(name), std::move(meaning), 1e6 * t.median, 1e6 * t.least, 1e6 * t.most});
        };
        microseconds("launch_us", "a kernel of one thread after another", timing(launch));
        microseconds("graph_launch_us", "a graph of one such kernel", timing([&] { graph.run({}, launch); }));
    }

    TimingOptions options_;
    std::vector<DeviceFigure> figures_;
};

} // namespace

std::vector<DeviceFigure> measure_card(bool quick) {
    (void)device_from_name("cuda");
    std::vector<DeviceFigure> figures = CardBenchmark(quick).run();
    release_cached_memory(Device::cuda); // what comes after has the card's memory, and a peak of its own
    reset_peak_memory(Device::cuda);
    return figures;
}

} // namespace heat::bench
