#include "bench/comparison.h"
#include "bench/device_benchmark.h"
#include "bench/op_benchmark.h"
#include "bench/profile_report.h"
#include "engine/io/file.h"
#include "kernels/error.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace heat::bench {
namespace {

const Roofline hundred{100e9, 1000e9, 2000e9}; ///< 100 GB/s, 1 and 2 TFLOP/s

/// One second: 0.4 s of an op at two shapes, 0.1 s of another, 0.3 s of that on another thread.
Profile example() {
    Profile p;
    p.seconds = 1;
    p.entries = {{"copy", "2×3", Dtype::f32, Device::cpu, true, 3, 0.1, 0.1, 5e9, 0},
                 {"copy", "\"4\"", Dtype::f32, Device::cpu, true, 1, 0.3, 0.3, 20e9, 0},
                 {"product", "5", Dtype::bf16, Device::cpu, true, 2, 0.1, 0.2, 1e9, 100e9},
                 {"product", "5", Dtype::bf16, Device::cpu, false, 1, 0.3, 0.3, 1e9, 100e9}};
    p.events = {{"copy", "2×3", Device::cpu, 0, 0.25, 0.125, 5e9, 0},
                {"copy", "\"4\"", Device::cpu, 1, 0.5, 0.25, 20e9, 0}};
    p.dropped_events = 5;
    return p;
}

} // namespace

TEST_SUITE("profile") {
    TEST_CASE("timing: quantiles of samples") {
        const Timing t = timing_of({5, 1, 3, 2, 4}, 7);
        CHECK(t.median == 3);
        CHECK(t.least == 1);
        CHECK(t.most == 5);
        CHECK(t.lower_quartile == 2);
        CHECK(t.spread() == 2);
        CHECK(t.repeats == 5);
        CHECK(t.calls == 7);
        CHECK(timing_of({1, 2}, 1).median == doctest::Approx(1.5));
        CHECK_THROWS_AS(timing_of({}, 1), Error);
    }

    TEST_CASE("timing: a sample makes as many calls as it takes to be long enough") {
        int64_t asked = 0;
        const auto sample = [&](int64_t calls) { // each call takes 10 µs
            asked = calls;
            return Sample{1e-5 * double(calls), calls};
        };
        const Timing t = measure(sample, {.repeats = 6, .min_seconds = 1e-3, .budget_seconds = 10});
        CHECK(t.calls >= 100);
        CHECK(t.calls <= 200);
        CHECK(asked == t.calls);
        CHECK(t.repeats == 6);
        CHECK(t.median == doctest::Approx(1e-5));
        CHECK(measure(sample, {.repeats = 50, .min_seconds = 1e-3, .budget_seconds = 0}).repeats == 5);
    }

    TEST_CASE("roofline: the least time is that of memory or of arithmetic") {
        CHECK(hundred.seconds(100e9, 1e9, Dtype::f32) == doctest::Approx(1));
        CHECK(hundred.seconds(1e9, 3000e9, Dtype::f32) == doctest::Approx(3));
        CHECK(hundred.seconds(1e9, 3000e9, Dtype::bf16) == doctest::Approx(1.5));
    }

    TEST_CASE("roofline: kept per CPU; a damaged file counts as none") {
        const test::TemporaryFolder folder;
        CHECK_FALSE(load_roofline(folder.path()).has_value());
        save_roofline(folder / "new", hundred);
        const auto kept = load_roofline(folder / "new");
        REQUIRE(kept.has_value());
        CHECK(kept->bytes_per_second == doctest::Approx(100e9));
        CHECK(kept->bf16_flops_per_second == doctest::Approx(2000e9));
        for (const char* text : {"", "[", "[]", "{\"another CPU\": {}}"}) {
            write_file_atomically(folder / "device.json", std::string_view(text));
            CHECK_FALSE(load_roofline(folder.path()).has_value());
        }
        save_roofline(folder.path(), hundred);
        CHECK(load_roofline(folder.path()).has_value());
        save_roofline("/dev/null/nowhere", hundred); // cannot be kept, which is no error
    }

    TEST_CASE("profile report: shares of the main thread add up to one, with what is outside the ops") {
        const std::vector<OperatorTotal> totals = totals_of(example(), hundred);
        REQUIRE(totals.size() == 4);
        double sum = 0;
        for (const OperatorTotal& t : totals) sum += t.share;
        CHECK(sum == doctest::Approx(1));
        CHECK(totals[0].name == "outside ops");
        CHECK(totals[0].seconds == doctest::Approx(0.5));
        CHECK(totals[1].name == "copy");
        CHECK(totals[1].calls == 4);
        CHECK(totals[1].bytes == 25e9);
        CHECK(totals[1].share == doctest::Approx(0.4));
        CHECK(totals[1].roofline_share == doctest::Approx(0.25 / 0.4));
        CHECK(totals[2].name == "product");
        CHECK(totals[2].roofline_share == doctest::Approx(0.05 / 0.1));
        CHECK_FALSE(totals[3].main_thread);
        CHECK(totals[3].share == 0);

        const std::string table = profile_table(example(), hundred);
        CHECK(table.find("outside ops                          -       500.00    50.00         -") !=
              std::string::npos);
        CHECK(
            table.find("copy                                 4       400.00    40.00     62.50         -") !=
            std::string::npos);
        CHECK(table.find("product (other thread)") != std::string::npos);
        CHECK(profile_table(example(), std::nullopt).find("roofline:") == std::string::npos);
    }

    TEST_CASE("profile report: the files are JSON with every event and entry") {
        const test::TemporaryFolder folder;
        write_profile(folder / "profile", example(), hundred);
        const auto trace = nlohmann::json::parse(read_file(folder / "profile" / "trace.json"));
        CHECK(trace["dropped_events"] == 5);
        REQUIRE(trace["traceEvents"].size() == 4); // two calls and the names of two threads
        const auto& event = trace["traceEvents"][1];
        CHECK(event["ph"] == "X");
        CHECK(event["name"] == "copy");
        CHECK(event["ts"] == 500000);
        CHECK(event["dur"] == 250000);
        CHECK(event["tid"] == 1);
        CHECK(event["args"]["shape"] == "\"4\"");
        CHECK(event["args"]["bytes"] == 20e9);
        CHECK(trace["traceEvents"][3]["ph"] == "M");
        const auto profile = nlohmann::json::parse(read_file(folder / "profile" / "profile.json"));
        CHECK(profile["operators"].size() == 4);
        CHECK(profile["shapes"].size() == 4);
        CHECK(profile["shapes"][2]["milliseconds_with_inner"] == doctest::Approx(200));
        CHECK(profile["roofline"]["f32_gflop_s"] == doctest::Approx(1000));
        CHECK(nlohmann::json::parse(trace_json({}))["traceEvents"].empty());
    }

    TEST_CASE("bench: the work of an op is what the profiler counts, forward and backward") {
        const OpCase convolution = convolution_case({1, 3, 5, 2, 4});
        const OpWork forward = counted_work(convolution, Dtype::f32, false),
                     backward = counted_work(convolution, Dtype::f32, true);
        CHECK(forward.bytes == 4 * (30 + 72 + 4 + 60));
        CHECK(forward.flops == 1456 + 60);
        CHECK(backward.bytes == 4 * (60 + 72 + 30) + 4 * (30 + 60 + 2 * (72 + 4)));
        CHECK(backward.flops == 1456 + 1456 + 60);
        // Stride 2 without padding at the top and left: rows 0..2 and 2..4 of 4, of which 3 and 2 lie inside.
        CHECK(counted_work(convolution_case({1, 4, 4, 1, 1, 3, 3, 2, 0, 0, 1, 1}, false), Dtype::f32, false)
                  .flops == 2 * 5 * 5);
        CHECK(counted_work(convolution, Dtype::bf16, false).bytes == 2 * (30 + 72 + 60) + 4 * 4);
        // x + x: both its gradients are dy, and adding them is work of their meeting.
        CHECK(counted_work(add_to_itself_case(Shape{7}), Dtype::f32, true).bytes == 4 * 3 * 7);
        CHECK(counted_work(silu_case(Shape{2, 3}), Dtype::f32, true).flops == 8 * 6);
    }

    TEST_CASE("bench: an op is timed hot and cold, each direction, and its JSON can be compared") {
        OpBenchmarkOptions options;
        options.filter = "^embedding ";
        options.timing = {.repeats = 3, .min_seconds = 1e-5, .budget_seconds = 0.01};
        int reported = 0;
        const auto measured = measure_ops(options, hundred, [&](const OpMeasurement&) { ++reported; });
        CHECK(reported == 4);
        REQUIRE(measured.size() == 4);
        nlohmann::json file{{"ops", nlohmann::json::array()}};
        for (const OpMeasurement& m : measured) {
            CHECK(m.name == "embedding");
            CHECK(m.timing.median > 0);
            CHECK(m.bytes > 0);
            file["ops"].push_back(to_json(m));
        }
        const test::TemporaryFolder folder;
        write_file_atomically(folder / "ops.json", std::string_view(file.dump()));
        const auto stored = read_measurements(folder / "ops.json");
        REQUIRE(stored.size() == 4);
        CHECK(stored[0].text == measured[0].text());
        CHECK(compare(stored, stored).size() == 4);

        options.filter = "no such op";
        CHECK_THROWS_WITH_AS(measure_ops(options, hundred, {}),
                             "filter \"no such op\" lets no op pass; without a filter all are timed", Error);
        options.filter = "(";
        CHECK_THROWS_AS(measure_ops(options, hundred, {}), Error);
    }

    TEST_CASE("bench: every kernel case runs") {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
            for (const KernelCase& kernel : kernel_cases(dtype)) {
                INFO(kernel.family);
                kernel.make(1)();
                CHECK(kernel.work.bytes > 0);
            }
    }

    TEST_CASE("comparison: a change counts where it exceeds the spreads of both") {
        const std::vector<StoredMeasurement> before{
            {"a", 100, 95, 105}, {"b", 100, 99, 101}, {"gone", 1, 1, 1}},
            after{{"b", 104, 103, 104.5}, {"a", 114, 110, 116}, {"new", 1, 1, 1}};
        const std::vector<ComparedOp> ops = compare(before, after);
        REQUIRE(ops.size() == 2);
        CHECK(ops[0].text == "b");
        CHECK(ops[0].ratio() == doctest::Approx(1.04));
        CHECK(ops[0].beyond_spread);       // 4 > 2 + 1.5
        CHECK_FALSE(ops[1].beyond_spread); // 14 < 10 + 6
    }

    TEST_CASE("comparison: what is no such file is refused with the path") {
        const test::TemporaryFolder folder;
        CHECK_THROWS_AS(read_measurements(folder / "missing.json"), Error);
        const std::string good = R"({"name": "a", "direction": "f", "size": "1", "dtype": "f32",)"
                                 R"( "state": "hot", "median_us": 1, "lower_quartile_us": 1,)"
                                 R"( "upper_quartile_us": 1})";
        const auto damaged = [&](const std::string& from, const std::string& to) {
            std::string row = good;
            row.replace(row.find(from), from.size(), to);
            return "{\"ops\": [" + row + "]}";
        };
        for (const std::string& text :
             {std::string("{"), std::string("[]"), std::string("{\"ops\": 1}"), std::string("{\"ops\": [1]}"),
              damaged("\"name\": \"a\"", "\"name\": 1"), damaged("\"state\"", "\"other\""),
              damaged("\"median_us\": 1", "\"median_us\": 0"),
              damaged("\"median_us\": 1", "\"median_us\": []")}) {
            INFO(text);
            write_file_atomically(folder / "ops.json", std::string_view(text));
            CHECK_THROWS_AS(read_measurements(folder / "ops.json"), Error);
        }
        write_file_atomically(folder / "ops.json", std::string_view("{\"ops\": [" + good + "]}"));
        CHECK(read_measurements(folder / "ops.json").size() == 1);
    }
}

} // namespace heat::bench
