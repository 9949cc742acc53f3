#include "kernels/loss_record.h"
#include "tests/kernels/device_array.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

namespace {

LossTotals totals_after(const Stream& stream, const LossTotals& start, const std::vector<float>& losses,
                        int share, const std::vector<float>& norms) {
    DeviceArray<LossTotals> totals(stream, {start});
    for (size_t update = 0; update * size_t(share) < losses.size(); ++update) {
        for (size_t i = 0; i < size_t(share); ++i) {
            DeviceArray<float> loss(stream, {losses[update * size_t(share) + i]});
            add_loss(stream, totals.data(), loss.data(), float(share));
            synchronize(stream);
        }
        DeviceArray<float> norm(stream, {norms.empty() ? 0.f : norms[update]});
        close_update(stream, totals.data(), norms.empty() ? nullptr : norm.data());
        synchronize(stream);
    }
    return totals.host()[0];
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("loss record: means of updates, summed as the host would") {
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        const std::vector<float> losses{0.7f, 0.1f, 0.3f, 1.1f, 0.9f, 0.2f};
        LossTotals start;
        start.step = 41;
        start.sum = 2.5;
        start.count = 3;
        const LossTotals t = totals_after(stream, start, losses, 3, {1.f, 2.f});
        const float first = 0.7f / 3.f + 0.1f / 3.f + 0.3f / 3.f,
                    second = 1.1f / 3.f + 0.9f / 3.f + 0.2f / 3.f;
        CHECK(t.step == 43);
        CHECK(t.count == 5);
        CHECK(t.sum == 2.5 + double(first) + double(second));
        CHECK(t.last_loss == second);
        CHECK(t.loss == 0.f);
        CHECK(t.bad_loss_step == 0);
        CHECK(t.bad_norm_step == 0);
    }
}

TEST_CASE("loss record: the first loss and the first norm that are not finite") {
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        LossTotals t = totals_after(stream, {}, {1.f, INFINITY, 1.f, NAN}, 1, {1.f, 1.f, NAN, INFINITY});
        CHECK(t.step == 4);
        CHECK(t.bad_loss_step == 2);
        CHECK(t.bad_loss == INFINITY);
        CHECK(t.bad_norm_step == 3);
        CHECK(std::isnan(t.bad_norm));
        t = totals_after(stream, {}, {1.f, NAN}, 2, {});
        CHECK(t.bad_loss_step == 1);
        CHECK(std::isnan(t.bad_loss));
        CHECK(t.bad_norm_step == 0); // not watched
    }
}

TEST_CASE("loss record: a new mean keeps step and verdicts") {
    for (const Stream& stream : test_streams()) {
        LossTotals start;
        start.step = 7;
        start.sum = 3;
        start.count = 2;
        start.bad_norm_step = 5;
        DeviceArray<LossTotals> totals(stream, {start});
        begin_mean(stream, totals.data());
        const LossTotals t = totals.host()[0];
        CHECK(t.sum == 0);
        CHECK(t.count == 0);
        CHECK(t.step == 7);
        CHECK(t.bad_norm_step == 5);
    }
}

TEST_SUITE_END();
