#include "engine/data/batch_loader.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace heat {

BatchOrder batch_order(BatchSampler sampler) {
    return [sampler = std::move(sampler)](uint64_t index) mutable {
        const std::span<const uint32_t> indices = sampler.indices(index);
        return std::vector<uint32_t>(indices.begin(), indices.end());
    };
}

BatchLoader::BatchLoader(const ImageSource& images, BatchOrder order, const BatchOptions& options,
                         int decoders)
    : images_(images), order_(std::move(order)), options_(options) {
    const int threads = images.in_memory() ? 1 : std::max(decoders, 1);
    ahead_ = uint64_t(threads) + 1;
    try {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {
        if (threads_.empty()) throw; // with fewer threads than wished it only takes longer
    }
}

BatchLoader::~BatchLoader() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wanted_changed_.notify_all();
}

void BatchLoader::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wanted_changed_.wait(lock, [this] { return stopping_ || (begun_ && next_ < wanted_ + ahead_); });
        if (stopping_) return;
        const uint64_t index = next_++, generation = generation_;
        Made made;
        std::vector<uint32_t> indices;
        Made slots;
        try {
            indices = order_(index);
            slots = spare_slots();
        } catch (...) {
            made.failure = std::current_exception();
        }
        if (!made.failure) {
            lock.unlock();
            made = make(index, indices, std::move(slots));
            lock.lock();
        }
        if (generation != generation_) {
            recycle(std::move(made));
            continue;
        }
        made_.insert_or_assign(index, std::move(made));
        made_changed_.notify_one();
    }
}

/// Under the lock.
BatchLoader::Made BatchLoader::spare_slots() {
    if (!spare_.empty()) { // the one that has been idle longest
        Made made = std::move(spare_.front());
        spare_.erase(spare_.begin());
        return made;
    }
    Made made;
    made.slot = std::make_unique<UploadSlot>(device_);
    if (!images_.info().labels.empty()) made.labels = std::make_unique<UploadSlot>(device_, Dtype::i32);
    return made;
}

BatchLoader::Made BatchLoader::make(uint64_t index, const std::vector<uint32_t>& indices, Made slots) const {
    Made made = std::move(slots);
    BatchOptions options = options_;
    options.step = uint32_t(index);
    try {
        gather_batch(images_, indices, options, [&](const Shape& shape) { return made.slot->fill(shape); });
        made.slot->send();
        if (made.labels) {
            auto* labels = static_cast<int32_t*>(made.labels->fill_bytes(Shape{int64_t(indices.size())}));
            for (const uint32_t i : indices) *labels++ = images_.info().labels[i];
            made.labels->send();
        }
    } catch (...) {
        made.failure = std::current_exception();
    }
    return made;
}

/// Under the lock. A slot that failed, or that is of another device, is not used again.
void BatchLoader::recycle(Made made) {
    if (made.slot && !made.failure && made.slot->device() == device_) spare_.push_back(std::move(made));
}

void BatchLoader::begin_at(uint64_t index, Device device) {
    ++generation_;
    if (device != device_) spare_.clear();
    device_ = device;
    for (auto& [number, made] : made_) recycle(std::move(made));
    made_.clear();
    wanted_ = next_ = index;
    begun_ = true;
}

LabelledBatch BatchLoader::labelled_batch(uint64_t index, Device device) {
    std::unique_lock lock(mutex_);
    const bool anew = !begun_ || index != wanted_ || device != device_;
    if (anew) begin_at(index, device);
    wanted_changed_.notify_all();
    const auto start = std::chrono::steady_clock::now();
    made_changed_.wait(lock, [&] { return made_.contains(index); });
    const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    Made made = std::move(made_.extract(index).mapped());
    if (!anew) {
        if (!made.slot || !made.slot->was_held_back()) seconds_waited_ += waited;
        ++batches_given_;
    }
    wanted_ = index + 1;
    lock.unlock();
    wanted_changed_.notify_all();
    if (made.failure) std::rethrow_exception(made.failure);
    LabelledBatch batch(made.slot->take(), made.labels ? made.labels->take() : Tensor());
    lock.lock();
    recycle(std::move(made));
    return batch;
}

} // namespace heat
