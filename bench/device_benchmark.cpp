#include "bench/device_benchmark.h"

#include "bench/host.h"
#include "bench/timing.h"
#include "engine/machine.h"
#include "engine/tensor.h"
#include "kernels/error.h"
#include "kernels/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace heat::bench {
namespace {

#if defined(__AVX512F__)
constexpr int lane_bytes = 64;
#elif defined(__AVX__)
constexpr int lane_bytes = 32;
#else
constexpr int lane_bytes = 16;
#endif
using Lanes = float __attribute__((vector_size(lane_bytes)));
constexpr int lane_count = lane_bytes / int(sizeof(float));
constexpr int chains = 12; // independent sums: more than latency times units of any core in use, and they fit

/// `rounds` multiply-adds on each of the chains, in registers; returns what must not be optimised away.
__attribute__((noinline)) float multiply_add_chains(int64_t rounds) {
    Lanes sums[chains], factor, term;
    for (int l = 0; l < lane_count; ++l) {
        factor[l] = 0.999f; // the sums tend to 1: neither overflow nor denormal numbers
        term[l] = 0.001f;
        for (int c = 0; c < chains; ++c) sums[c][l] = float(c + l);
    }
    for (int64_t r = 0; r < rounds; ++r)
        for (auto& sum : sums) sum = sum * factor + term;
    float total = 0;
    for (const auto& sum : sums)
        for (int l = 0; l < lane_count; ++l) total += sum[l];
    return total;
}

/// A rate from a timing: the fastest call is the highest rate.
DeviceFigure figure(std::string name, std::string meaning, double work, const Timing& t) {
    return {std::move(name), std::move(meaning), work / t.median, work / t.most, work / t.least};
}

void measure_memory(const TimingOptions& options, std::vector<DeviceFigure>& figures) {
    const auto each =
        int64_t(std::clamp<size_t>(2 * last_level_cache_bytes(), size_t{64} << 20, size_t{512} << 20) /
                sizeof(float));
    const Storage storage = allocate(Device::cpu, size_t(3 * each) * sizeof(float));
    auto* a = reinterpret_cast<float*>(storage.get());
    float *b = a + each, *c = b + each;
#pragma omp parallel for simd schedule(static) // the thread that will use a page touches it first
    for (int64_t i = 0; i < each; ++i) {
        a[i] = 1.f;
        b[i] = 2.f;
        c[i] = 3.f;
    }
    const auto copy = [=] {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < each; ++i) a[i] = b[i];
    };
    const auto triad = [=] {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < each; ++i) a[i] = b[i] + 0.5f * c[i];
    };
    const auto update = [=] { // all three arrays: a cache keeps more of what it is not asked to fetch anew
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < 3 * each; ++i) a[i] = -a[i];
    };
    const double bytes = double(each) * sizeof(float) * 1e-9;
    const std::string size = fmt::format("arrays of {} MiB, all threads", (each * 4) >> 20);
    figures.push_back(figure("copy_gb_s", "a = b, " + size, 2 * bytes, measure_calls(copy, options)));
    figures.push_back(figure("triad_gb_s", "a = b + s·c, " + size, 3 * bytes, measure_calls(triad, options)));
    figures.push_back(figure("update_gb_s", "a = −a in place, all three " + size, 6 * bytes,
                             measure_calls(update, options)));
}

void measure_cache(const TimingOptions& options, std::vector<DeviceFigure>& figures) {
    const size_t cache = cache_bytes(2) ? cache_bytes(2) : size_t{256} << 10;
    const auto each = int64_t(cache / 4 / sizeof(float));
    const int threads = cpu_threads();
    const Storage storage = allocate(Device::cpu, size_t(2 * each * threads) * sizeof(float));
    auto* memory = reinterpret_cast<float*>(storage.get());
    std::fill_n(memory, 2 * each * threads, 1.f);
    const int64_t times = std::max<int64_t>(1, (int64_t{4} << 20) / each); // a region is little against it
    const auto copy = [=] {
#pragma omp parallel for schedule(static)
        for (int t = 0; t < threads; ++t) {
            float* to = memory + 2 * each * t;
            const float* from = to + each;
            for (int64_t k = 0; k < times; ++k) {
#pragma omp simd
                for (int64_t i = 0; i < each; ++i) to[i] = from[i];
                asm volatile("" : : "r"(to) : "memory"); // each copy counts, though all are alike
            }
        }
    };
    const double bytes = 2.0 * double(each) * sizeof(float) * double(times) * threads * 1e-9;
    figures.push_back(figure("cache_copy_gb_s",
                             fmt::format("a = b, {} KiB a thread in its level-2 cache", (2 * each * 4) >> 10),
                             bytes, measure_calls(copy, options)));
}

void measure_arithmetic(const TimingOptions& options, std::vector<DeviceFigure>& figures) {
    constexpr int64_t rounds = 1'000'000;
    const double one = 2.0 * chains * lane_count * double(rounds) * 1e-9;
    const int threads = cpu_threads();
    volatile float sink = 0;
    const auto all = [&] {
        float total = 0;
#pragma omp parallel for schedule(static) reduction(+ : total)
        for (int t = 0; t < threads; ++t) total += multiply_add_chains(rounds);
        sink = total;
    };
    figures.push_back(figure("fma_f32_gflop_s", "multiply-adds in registers, all threads", one * threads,
                             measure_calls(all, options)));
    figures.push_back(figure("fma_f32_one_thread_gflop_s", "multiply-adds in registers, one thread", one,
                             measure_calls([&] { sink = multiply_add_chains(rounds); }, options)));
}

void measure_product(Dtype dtype, const TimingOptions& options, std::vector<DeviceFigure>& figures) {
    constexpr int64_t n = 1024;
    kernels::GemmShape shape;
    shape.m = shape.n = shape.k = n;
    shape.a.row = shape.b.row = shape.d.row = n;
    shape.input = dtype;
    const Tensor a = Tensor::full(Shape{n, n}, 0.5f, Device::cpu).to(dtype),
                 b = Tensor::full(Shape{n, n}, 0.25f, Device::cpu).to(dtype);
    Tensor d(Shape{n, n}, Dtype::f32, Device::cpu);
    const auto product = [&] { kernels::gemm(d.stream(), shape, a.raw(), b.raw(), d.raw()); };
    figures.push_back(
        figure(fmt::format("matmul_{}_gflop_s", name_of(dtype)),
               fmt::format("the engine's matrix product, {}×{}×{}, {} to f32", n, n, n, name_of(dtype)),
               2.0 * double(n * n * n) * 1e-9, measure_calls(product, options)));
}

void measure_region(const TimingOptions& options, std::vector<DeviceFigure>& figures) {
    const auto region = [] {
#pragma omp parallel
        { asm volatile("" : : : "memory"); }
    };
    const Timing t = measure_calls(region, options);
    figures.push_back(
        {"parallel_region_us", "an empty parallel region", 1e6 * t.median, 1e6 * t.least, 1e6 * t.most});
}

} // namespace

std::vector<DeviceFigure> measure_device(bool quick) {
    const TimingOptions options{
        .repeats = quick ? 3 : 9, .min_seconds = quick ? 2e-3 : 2e-2, .budget_seconds = quick ? 0.05 : 0.3};
    std::vector<DeviceFigure> figures;
    measure_memory(options, figures);
    measure_cache(options, figures);
    measure_arithmetic(options, figures);
    measure_product(Dtype::f32, options, figures);
    measure_product(Dtype::bf16, options, figures);
    measure_region(options, figures);
    return figures;
}

Roofline roofline_of(const std::vector<DeviceFigure>& figures) {
    const auto fastest = [&](std::initializer_list<const char*> names) {
        double most = 0;
        for (const DeviceFigure& f : figures)
            for (const char* name : names)
                if (f.name == name) most = std::max(most, 1e9 * f.median);
        if (most == 0) throw Error(fmt::format("the device's figures have no {}", *names.begin()));
        return most;
    };
    Roofline roofline;
    roofline.bytes_per_second = fastest({"copy_gb_s", "triad_gb_s", "update_gb_s"});
    roofline.f32_flops_per_second =
        fastest({"fma_f32_gflop_s", "matmul_card_f32_gflop_s", "matmul_card_tf32_gflop_s"});
    roofline.bf16_flops_per_second =
        std::max(roofline.f32_flops_per_second, fastest({"matmul_bf16_gflop_s", "matmul_card_bf16_gflop_s"}));
    return roofline;
}

} // namespace heat::bench
