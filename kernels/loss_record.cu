#include "kernels/loss_record.h"
#include "kernels/math.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

struct AddLoss {
    LossTotals* totals;
    const float* loss;
    float share;

    template <int V>
    HEAT_HD void at(int64_t) const {
        totals->loss += *loss / share;
    }
};

struct CloseUpdate {
    LossTotals* totals;
    const float* norm;

    template <int V>
    HEAT_HD void at(int64_t) const {
        LossTotals t = *totals;
        ++t.step;
        ++t.count;
        t.sum += double(t.loss);
        t.last_loss = t.loss;
        if (!t.bad_loss_step && !is_finite(t.loss)) {
            t.bad_loss_step = t.step;
            t.bad_loss = t.loss;
        }
        if (norm && !t.bad_norm_step && !is_finite(*norm)) {
            t.bad_norm_step = t.step;
            t.bad_norm = *norm;
        }
        t.loss = 0.f;
        *totals = t;
    }
};

struct BeginMean {
    LossTotals* totals;

    template <int V>
    HEAT_HD void at(int64_t) const {
        totals->sum = 0;
        totals->count = 0;
    }
};

} // namespace

void add_loss(const Stream& stream, LossTotals* totals, const float* loss, float share) {
    parallel_for<1>(stream, 1, AddLoss{totals, loss, share});
}

void close_update(const Stream& stream, LossTotals* totals, const float* norm) {
    parallel_for<1>(stream, 1, CloseUpdate{totals, norm});
}

void begin_mean(const Stream& stream, LossTotals* totals) {
    parallel_for<1>(stream, 1, BeginMean{totals});
}

} // namespace heat::kernels
