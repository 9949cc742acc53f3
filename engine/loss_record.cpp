#include "engine/loss_record.h"

#include "kernels/memory.h"

namespace heat {

LossRecord::LossRecord(Device device)
    : storage_(Shape{int64_t(sizeof(kernels::LossTotals) / sizeof(int32_t))}, Dtype::i32, device) {
    begin(0, 0, 0);
}

void LossRecord::begin(int64_t step, double sum, int64_t count) {
    const kernels::LossTotals beginning{.step = step, .sum = sum, .count = count};
    kernels::copy_memory(storage_.stream(), storage_.raw(), &beginning, sizeof beginning,
                         kernels::CopyKind::host_to_device);
}

void LossRecord::add(const Tensor& loss, int batches) {
    kernels::add_loss(storage_.stream(), totals(), loss.data<float>(), float(batches));
}

void LossRecord::close(const float* norm) {
    kernels::close_update(storage_.stream(), totals(), norm);
}

void LossRecord::begin_mean() {
    kernels::begin_mean(storage_.stream(), totals());
}

kernels::LossTotals LossRecord::read() const {
    kernels::LossTotals now;
    kernels::copy_memory(storage_.stream(), &now, storage_.raw(), sizeof now,
                         kernels::CopyKind::device_to_host);
    return now;
}

} // namespace heat
