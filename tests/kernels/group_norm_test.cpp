#include "kernels/error.h"
#include "kernels/group_norm.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

using namespace heat;
using namespace heat::kernels;

namespace {

struct Case {
    int images, rows, channels_x, channels_skip, groups;
    double mean = 0.; ///< of the input
};

// One channel; primes; a group across the seam of the two inputs; several row chunks; inputs far from zero.
constexpr Case cases[] = {{1, 5, 1, 0, 1},         {2, 35, 7, 0, 7},   {2, 49, 3, 4, 1},
                          {1, 1, 12, 0, 4},        {3, 63, 10, 22, 4}, {2, 300, 17, 6, 1},
                          {2, 520, 64, 32, 32},    {1, 257, 1, 1, 1},  {1, 784, 96, 83, 1},
                          {2, 289, 16, 0, 8, 200.}};

template <class T>
struct Run {
    GroupNormShape shape;
    reference::GroupNormSizes sizes;
    reference::Values<T> x, skip, shift, dy;
    reference::Values<float> gamma, beta;
    std::vector<double> u;

    Run(const Case& c, bool silu, bool shifted, GroupNormSchedule schedule = GroupNormSchedule::automatic)
        : shape{c.images, c.rows, c.channels_x, c.channels_skip, c.groups, 1e-3f, silu, schedule},
          sizes{c.images, c.rows, shape.channels(), c.groups, double(1e-3f), silu} {
        const size_t pixels = size_t(c.images) * c.rows;
        x = reference::random_stored<T>(pixels * c.channels_x, 1, c.mean, 1.5);
        skip = reference::random_stored<T>(pixels * c.channels_skip, 2, c.mean - 0.5);
        shift = reference::random_stored<T>(shifted ? size_t(c.images) * shape.channels() : 0, 3);
        dy = reference::random_stored<T>(pixels * shape.channels(), 4);
        gamma = reference::random_stored<float>(shape.channels(), 5, 1., 0.5);
        beta = reference::random_stored<float>(shape.channels(), 6);
        u = reference::concatenate_and_shift(x.exact, skip.exact, shift.exact, c.images, c.rows, c.channels_x,
                                             c.channels_skip);
    }
};

/// The inputs of a run in a device's memory.
template <class T>
struct Inputs {
    DeviceArray<T> x, skip, shift;
    DeviceArray<float> gamma, beta;

    Inputs(const Stream& stream, const Run<T>& run)
        : x(stream, run.x.stored), skip(stream, run.skip.stored), shift(stream, run.shift.stored),
          gamma(stream, run.gamma.stored), beta(stream, run.beta.stored) {}
    GroupNormInput<T> pointers() { return {x.data(), skip.data(), shift.data(), gamma.data(), beta.data()}; }
};

template <class T>
void check_group_norm(const Stream& stream, const Case& c, bool silu, bool shifted,
                      GroupNormSchedule schedule) {
    CAPTURE(stream.on_cuda);
    CAPTURE(int(schedule));
    CAPTURE(c.rows);
    CAPTURE(c.channels_x);
    CAPTURE(c.channels_skip);
    CAPTURE(c.groups);
    CAPTURE(silu);
    CAPTURE(shifted);
    constexpr double allowed = reference::tolerance<T>;
    const Run<T> run(c, silu, shifted, schedule);
    Inputs<T> in(stream, run);
    const size_t pixels = size_t(c.images) * c.rows, channels = size_t(run.shape.channels());
    DeviceArray<T> y(stream, pixels * channels);
    DeviceArray<float> statistics(stream, size_t(c.images) * c.groups * 2);
    DeviceArray<char> workspace(stream, group_norm_workspace_bytes(stream, run.shape));
    group_norm_forward(stream, run.shape, in.pointers(), y.data(), statistics.data(), workspace.data());
    const auto forward = reference::group_norm_forward(run.sizes, run.u, run.gamma.exact, run.beta.exact);
    CHECK(reference::nmse(reference::widened(y.host()), forward.y) <= allowed);
    CHECK(reference::nmse(reference::widened(statistics.host()), forward.statistics) <= 1e-7);

    const auto gamma_start = reference::random_stored<float>(channels, 7);
    const auto beta_start = reference::random_stored<float>(channels, 8);
    DeviceArray<T> dy(stream, run.dy.stored), dx(stream, run.x.stored.size()),
        dskip(stream, run.skip.stored.size());
    DeviceArray<T> dshift(stream, run.shift.stored.size());
    DeviceArray<float> dgamma(stream, gamma_start.stored), dbeta(stream, beta_start.stored);
    group_norm_backward(stream, run.shape, in.pointers(), statistics.data(), dy.data(),
                        {dx.data(), dskip.data(), dshift.data(), dgamma.data(), dbeta.data()},
                        workspace.data());
    auto d = reference::group_norm_backward(run.sizes, run.u, run.gamma.exact, run.beta.exact, run.dy.exact);
    std::vector<double> d_x, d_skip, d_shift(run.shift.exact.size());
    for (size_t i = 0; i < d.u.size(); ++i) {
        (i % channels < size_t(c.channels_x) ? d_x : d_skip).push_back(d.u[i]);
        if (shifted) d_shift[i / channels / c.rows * channels + i % channels] += d.u[i];
    }
    for (size_t i = 0; i < channels; ++i) {
        d.gamma[i] += gamma_start.exact[i];
        d.beta[i] += beta_start.exact[i];
    }
    CHECK(reference::nmse(reference::widened(dx.host()), d_x) <= allowed);
    CHECK(reference::nmse(reference::widened(dskip.host()), d_skip) <= allowed);
    CHECK(reference::nmse(reference::widened(dgamma.host()), d.gamma) <= 1e-7);
    CHECK(reference::nmse(reference::widened(dbeta.host()), d.beta) <= 1e-7);
    if (shifted && size_t(c.groups) == channels) // a shift of a whole group changes nothing
        CHECK(reference::largest_error(reference::widened(dshift.host()), d_shift) < 1e-4);
    else if (shifted)
        CHECK(reference::nmse(reference::widened(dshift.host()), d_shift) <= allowed);
}

template <class T>
void check_all() {
    for (const Stream& stream : test_streams())
        for (const Case& c : cases)
            for (const bool silu : {false, true})
                for (const bool shifted : {false, true}) {
                    check_group_norm<T>(stream, c, silu, shifted, GroupNormSchedule::row_chunks);
                    if (silu == shifted) // each of them once
                        check_group_norm<T>(stream, c, silu, shifted, GroupNormSchedule::whole_images);
                }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("group_norm: forward and backward, f32") {
    check_all<float>();
}
TEST_CASE("group_norm: forward and backward, bf16") {
    check_all<bf16>();
}

TEST_CASE("group_norm: gradients that are not wanted are left out") {
    for (const auto schedule : {GroupNormSchedule::row_chunks, GroupNormSchedule::whole_images})
        for (const Stream& stream : test_streams()) {
            const Run<float> run({2, 300, 5, 7, 3}, true, true, schedule);
            Inputs<float> in(stream, run);
            DeviceArray<float> y(stream, 2 * 300 * 12), dy(stream, run.dy.stored),
                statistics(stream, 2 * 3 * 2);
            DeviceArray<char> workspace(stream, group_norm_workspace_bytes(stream, run.shape));
            group_norm_forward(stream, run.shape, in.pointers(), y.data(), statistics.data(),
                               workspace.data());
            DeviceArray<float> all_skip(stream, run.skip.stored.size()), all_x(stream, run.x.stored.size());
            DeviceArray<float> all_beta(stream, std::vector<float>(12)),
                all_gamma(stream, std::vector<float>(12));
            DeviceArray<float> skip(stream, run.skip.stored.size()), beta(stream, std::vector<float>(12));
            group_norm_backward(stream, run.shape, in.pointers(), statistics.data(), dy.data(),
                                {all_x.data(), all_skip.data(), nullptr, all_gamma.data(), all_beta.data()},
                                workspace.data());
            group_norm_backward(stream, run.shape, in.pointers(), statistics.data(), dy.data(),
                                {nullptr, skip.data(), nullptr, nullptr, beta.data()}, workspace.data());
            CHECK(skip.host() == all_skip.host());
            CHECK(beta.host() == all_beta.host());
        }
}

TEST_CASE("group_norm: a constant image gives beta") {
    const GroupNormShape shape{1, 300, 4, 0, 2, 1e-5f, false};
    for (const Stream& stream : test_streams()) {
        DeviceArray<float> x(stream, std::vector<float>(1200, 0.1f)), y(stream, 1200), statistics(stream, 4);
        DeviceArray<float> gamma(stream, {1, 2, 3, 4}), beta(stream, {5, 6, 7, 8});
        DeviceArray<char> workspace(stream, group_norm_workspace_bytes(stream, shape));
        group_norm_forward(stream, shape,
                           GroupNormInput<float>{x.data(), nullptr, nullptr, gamma.data(), beta.data()},
                           y.data(), statistics.data(), workspace.data());
        const std::vector<float> result = y.host();
        for (size_t i = 0; i < result.size(); ++i) CHECK(result[i] == doctest::Approx(5. + double(i % 4)));
    }
}

TEST_CASE("group_norm: groups that do not divide the channels are refused") {
    const GroupNormShape shape{1, 1, 5, 2, 2, 1e-5f, false};
    CHECK_THROWS_AS(group_norm_forward<float>(Stream{}, shape, {}, nullptr, nullptr, nullptr), Error);
}

#if defined(_OPENMP)
TEST_CASE("group_norm: the number of threads does not change a bit") {
    const Run<float> run({3, 1500, 33, 31, 4}, true, true);
    const Stream host;
    Inputs<float> in(host, run);
    DeviceArray<float> dy(host, run.dy.stored);
    DeviceArray<char> workspace(host, group_norm_workspace_bytes(host, run.shape));
    const auto with_threads = [&](int threads) {
        omp_set_num_threads(threads);
        DeviceArray<float> y(host, run.u.size()), statistics(host, 3 * 4 * 2), dx(host, run.x.stored.size());
        DeviceArray<float> dgamma(host, std::vector<float>(64));
        group_norm_forward(host, run.shape, in.pointers(), y.data(), statistics.data(), workspace.data());
        group_norm_backward(host, run.shape, in.pointers(), statistics.data(), dy.data(),
                            {dx.data(), nullptr, nullptr, dgamma.data(), nullptr}, workspace.data());
        std::vector<float> all = y.host();
        for (const auto& part : {statistics.host(), dx.host(), dgamma.host()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    };
    const int before = omp_get_max_threads();
    const bool same = with_threads(1) == with_threads(3);
    omp_set_num_threads(before);
    CHECK(same);
}
#endif

TEST_SUITE_END();
