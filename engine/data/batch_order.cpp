#include "engine/data/batch_order.h"

#include "kernels/error.h"
#include "kernels/philox.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace heat {
namespace {

/// The words of one Philox stream, one after the other.
class OrderStream {
public:
    OrderStream(uint64_t seed, uint64_t epoch) : seed_(seed), epoch_(epoch) {}

    uint32_t next() {
        const uint32_t lane = draw_ % 4;
        if (lane == 0)
            block_ = kernels::philox4x32_10(
                static_cast<uint32_t>(draw_ / 4), static_cast<uint32_t>(epoch_ >> 32),
                static_cast<uint32_t>(epoch_), kernels::purpose_word(kernels::Purpose::data_order),
                static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32));
        ++draw_;
        return block_.v[lane];
    }

    /// Uniform in 0 … bound-1 without bias: the high word of a product, its low words thinned to a multiple
    /// of the bound (Lemire, "Fast random integer generation in an interval", 2019).
    uint32_t below(uint32_t bound) {
        uint64_t product = uint64_t{next()} * bound;
        if (static_cast<uint32_t>(product) < bound) {
            const uint32_t threshold = -bound % bound; // 2^32 mod bound
            while (static_cast<uint32_t>(product) < threshold) product = uint64_t{next()} * bound;
        }
        return static_cast<uint32_t>(product >> 32);
    }

private:
    uint64_t seed_;
    uint64_t epoch_;
    uint64_t draw_ = 0;
    kernels::PhiloxBlock block_{};
};

} // namespace

std::vector<uint32_t> epoch_order(uint64_t seed, uint64_t epoch, uint32_t count) {
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    OrderStream stream(seed, epoch);
    for (uint32_t left = count; left > 1; --left) std::swap(order[left - 1], order[stream.below(left)]);
    return order;
}

BatchSampler::BatchSampler(uint64_t seed, uint32_t count, uint32_t batch)
    : seed_(seed), count_(count), batch_(std::min(batch, count)) {
    if (count == 0 || batch == 0)
        throw Error(
            fmt::format("batches need items: expected a data set and a batch of at least 1, got {} and {}",
                        count, batch));
}

std::span<const uint32_t> BatchSampler::indices(uint64_t batch_index) {
    const uint64_t epoch = epoch_of(batch_index);
    if (order_.empty() || epoch != epoch_) {
        order_ = epoch_order(seed_, epoch, count_);
        epoch_ = epoch;
    }
    return std::span(order_).subspan(batch_index % batches_per_epoch() * batch_, batch_);
}

} // namespace heat
