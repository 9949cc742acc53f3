#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace heat {

/// The order in which epoch `epoch` visits a data set of `count` items: a uniformly drawn permutation of 0 …
/// count-1 that depends on (seed, epoch, count) only. Fisher–Yates, driven by Philox4x32-10 with key = seed
/// and counter = (draw / 4, high word of epoch, low word of epoch, Purpose::data_order).
std::vector<uint32_t> epoch_order(uint64_t seed, uint64_t epoch, uint32_t count);

/// Which items make up each batch of training. Batches are numbered through all epochs, so the position of a
/// run is one integer: a resumed run asks for the same number and gets the same items. An epoch leaves out
/// the items that do not fill a last batch; a data set smaller than the batch gives one batch an epoch, of
/// all its items.
class BatchSampler {
public:
    /// Throws Error when count or batch is 0.
    BatchSampler(uint64_t seed, uint32_t count, uint32_t batch);

    /// Items in every batch: the batch asked for, or all items where there are fewer.
    uint32_t batch_size() const { return batch_; }
    uint64_t batches_per_epoch() const { return count_ / batch_; }
    uint64_t epoch_of(uint64_t batch_index) const { return batch_index / batches_per_epoch(); }

    /// The items of batch `batch_index`; valid until the next call. The order of one epoch is kept between
    /// calls.
    std::span<const uint32_t> indices(uint64_t batch_index);

private:
    uint64_t seed_;
    uint32_t count_;
    uint32_t batch_;
    uint64_t epoch_ = 0;
    std::vector<uint32_t> order_;
};

} // namespace heat
