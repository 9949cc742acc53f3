#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/group_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/loss.h"
#include "engine/optimizer.h"
#include "engine/profiler.h"
#include "kernels/error.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

namespace heat {
namespace {

int64_t now = 0; ///< nanoseconds of the tests' clock
int64_t test_clock() {
    return now;
}

const ProfileEntry& entry_of(const Profile& profile, const std::string& name) {
    const auto found = std::find_if(profile.entries.begin(), profile.entries.end(),
                                    [&](const ProfileEntry& e) { return e.name == name; });
    INFO("entry " << name);
    REQUIRE(found != profile.entries.end());
    return *found;
}

OpWork work(double bytes, double flops) {
    return {bytes, flops, "2×3"};
}

} // namespace

TEST_SUITE("profile") {
    TEST_CASE("profiler: a scope's own time is its time without the scopes inside it") {
        now = 1000;
        Profiler::start({.clock = test_clock});
        now += 5'000;
        {
            const ProfileScope outer("outer", Device::cpu, [] { return work(100, 7); });
            now += 10'000;
            for (int i = 0; i < 2; ++i) {
                const ProfileScope middle("middle", Device::cpu, [] { return work(10, 1); });
                now += 3'000;
                const ProfileScope inner("inner");
                now += 4'000;
            }
            now += 1'000;
        }
        now += 2'000;
        const Profile profile = Profiler::stop();
        CHECK(profile.seconds == doctest::Approx(32e-6));
        CHECK(entry_of(profile, "outer").seconds == doctest::Approx(11e-6));
        CHECK(entry_of(profile, "outer").total_seconds == doctest::Approx(25e-6));
        CHECK(entry_of(profile, "middle").seconds == doctest::Approx(6e-6));
        CHECK(entry_of(profile, "middle").total_seconds == doctest::Approx(14e-6));
        CHECK(entry_of(profile, "middle").calls == 2);
        CHECK(entry_of(profile, "middle").bytes == 20);
        CHECK(entry_of(profile, "middle").flops == 2);
        CHECK(entry_of(profile, "inner").seconds == doctest::Approx(8e-6));
        double own = 0;
        for (const ProfileEntry& e : profile.entries) own += e.seconds;
        CHECK(own == doctest::Approx(25e-6)); // with 7 µs outside, all of it
        REQUIRE(profile.events.size() == 5);
        CHECK(std::string(profile.events[0].name) == "inner");
        CHECK(profile.events[0].start == doctest::Approx(18e-6));
        CHECK(profile.events[0].seconds == doctest::Approx(4e-6));
        CHECK(profile.events[4].shape == "2×3");
        CHECK(profile.dropped_events == 0);
    }

    TEST_CASE("profiler: what has no room among the events is counted all the same") {
        now = 0;
        Profiler::start({.max_events = 3, .clock = test_clock});
        for (int i = 0; i < 10; ++i) {
            const ProfileScope scope("op", Device::cpu, [] { return work(1, 2); });
            now += 1'000;
        }
        const Profile profile = Profiler::stop();
        CHECK(profile.events.size() == 3);
        CHECK(profile.dropped_events == 7);
        CHECK(entry_of(profile, "op").calls == 10);
        CHECK(entry_of(profile, "op").seconds == doctest::Approx(10e-6));
    }

    TEST_CASE("profiler: off, it asks nothing; a scope that outlives its recording is left out") {
        bool asked = false;
        {
            const ProfileScope scope("op", Device::cpu, [&] {
                asked = true;
                return work(1, 1);
            });
        }
        CHECK_FALSE(asked);
        now = 0;
        Profiler::start({.clock = test_clock});
        CHECK_THROWS_WITH_AS(Profiler::start(), "a profile is being recorded already: stop that one first",
                             Error);
        {
            const ProfileScope stale("stale");
            CHECK(Profiler::stop().entries.empty());
            Profiler::start({.clock = test_clock});
            const ProfileScope fresh("fresh");
            now += 1'000;
        }
        const Profile second = Profiler::stop();
        CHECK(second.entries.size() == 1);
        CHECK(entry_of(second, "fresh").seconds == doctest::Approx(1e-6));
        CHECK_FALSE(Profiler::enabled());
    }

    TEST_CASE("profiler: threads have stacks of their own") {
        Profiler::start();
        {
            const ProfileScope outer("outer");
            std::thread other([] { const ProfileScope scope("elsewhere"); });
            other.join();
        }
        const Profile profile = Profiler::stop();
        CHECK(entry_of(profile, "outer").main_thread);
        CHECK_FALSE(entry_of(profile, "elsewhere").main_thread);
        CHECK(entry_of(profile, "outer").seconds == entry_of(profile, "outer").total_seconds);
        CHECK(profile.events[0].thread != profile.events[1].thread);
    }

    TEST_CASE("profiler: bytes and operations of the ops are those counted by hand") {
        ParameterStore store;
        const Parameter weight = store.add("weight", Shape{4, 3, 3, 2}, Initialization::ones()),
                        bias = store.add("bias", Shape{4}, Initialization::zeros()),
                        matrix = store.add("matrix", Shape{5, 4}, Initialization::ones()),
                        gamma = store.add("gamma", Shape{4}, Initialization::ones()),
                        beta = store.add("beta", Shape{4}, Initialization::zeros());
        store.allocate(Device::cpu, 0);
        Optimizer optimizer(store, {});
        const Variable x(Tensor::full(Shape{1, 3, 5, 2}, 1.f, Device::cpu), true);

        Profiler::start();
        {
            Tape tape;
            Variable h = conv2d(x, weight, bias); // 1×3×5×2 to 1×3×5×4
            h = group_norm(h, Variable(), Variable(), gamma, beta, {2, 1e-5f, true});
            h = reshape(h, Shape{1, 15, 4});
            h = attention(h, h, h, 2);
            h = linear(silu(h), matrix, Parameter()); // 15×4 to 15×5
            tape.backward(
                squared_error(h, Tensor::zeros(h.shape(), Dtype::f32, Device::cpu), Tensor(), 1.f).loss);
            optimizer.step();
        }
        const Profile profile = Profiler::stop();

        const auto counts = [&](const char* name, double bytes, double flops) {
            INFO(name);
            CHECK(entry_of(profile, name).calls == 1);
            CHECK(entry_of(profile, name).bytes == bytes);
            CHECK(entry_of(profile, name).flops == flops);
        };
        // x 30, weights 72, bias 4, y 60 floats. Of 3 kernel rows 2, 3, 2 meet the 3 rows of the image, of 3
        // columns 2, 3, 3, 3, 2 its 5: 7·13 products for each of 2·4 channel pairs, and 60 sums with a bias.
        counts("conv2d", 4 * (30 + 72 + 4 + 60), 2 * 7 * 13 * 2 * 4 + 60);
        counts("conv2d backward data", 4 * (60 + 72 + 30), 2 * 7 * 13 * 2 * 4);
        counts("conv2d backward weights", 4 * (30 + 60 + 2 * (72 + 4)), 2 * 7 * 13 * 2 * 4 + 60);
        counts("group_norm", 4 * (60 + 60 + 8), 60 * 10);
        counts("group_norm backward", 4 * (60 + 60 + 60 + 2 * 4 + 4 * 4), 60 * 20);
        // 2 heads of 15×15 scores, each of 2 multiply-adds, and as many for the values.
        counts("attention", 4 * (4 * 60), 450 * (2 * 2 * 2 + 4));
        counts("attention backward", 4 * (7 * 60), 450 * (4 * 2 * 2 + 4));
        counts("silu", 4 * (2 * 60), 60 * 4);
        counts("silu backward", 4 * (3 * 60), 60 * 8);
        counts("linear", 4 * (60 + 20 + 75), 75 * 2 * 4);
        counts("linear backward weights", 4 * (60 + 75 + 2 * 20), 75 * 2 * 4);
        counts("linear backward data", 4 * (75 + 20 + 60), 75 * 2 * 4);
        counts("squared_error", 4 * (75 + 75), 75 * 3);
        const auto padded = double(store.flat_size());
        CHECK(padded == 80 + 16 + 32 + 16 + 16);
        counts("clip", 4 * padded, 2 * padded);
        counts("adam and ema", 40 * padded, 20 * padded);
        CHECK(entry_of(profile, "conv2d").shape == "1×3×5×2 to 4, 3×3, stride 1");
        CHECK(entry_of(profile, "pack weights").calls == 2);
    }
}

} // namespace heat
