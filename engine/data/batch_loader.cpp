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
        HostBatch memory;
        try {
            indices = order_(index);
            if (!spare_.empty()) {
                memory = std::move(spare_.back());
                spare_.pop_back();
            }
        } catch (...) {
            made.failure = std::current_exception();
        }
        if (!made.failure) {
            lock.unlock();
            made = make(index, indices, std::move(memory));
            lock.lock();
        }
        if (generation != generation_) continue;
        made_.insert_or_assign(index, std::move(made));
        made_changed_.notify_one();
    }
}

BatchLoader::Made BatchLoader::make(uint64_t index, const std::vector<uint32_t>& indices,
                                    HostBatch memory) const {
    Made made{std::move(memory), nullptr};
    BatchOptions options = options_;
    options.step = uint32_t(index);
    try {
        gather_batch(images_, indices, options, made.batch);
    } catch (...) {
        made.failure = std::current_exception();
    }
    return made;
}

void BatchLoader::begin_at(uint64_t index) {
    ++generation_;
    made_.clear();
    wanted_ = next_ = index;
    begun_ = true;
}

Tensor BatchLoader::batch(uint64_t index, Device device) {
    std::unique_lock lock(mutex_);
    const bool anew = !begun_ || index != wanted_;
    if (anew) begin_at(index);
    wanted_changed_.notify_all();
    const auto start = std::chrono::steady_clock::now();
    made_changed_.wait(lock, [&] { return made_.contains(index); });
    if (!anew) {
        seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        ++batches_given_;
    }
    Made made = std::move(made_.extract(index).mapped());
    wanted_ = index + 1;
    lock.unlock();
    wanted_changed_.notify_all();
    if (made.failure) std::rethrow_exception(made.failure);
    Tensor tensor = Tensor::from_host(made.batch.shape, made.batch.values, device);
    lock.lock();
    spare_.push_back(std::move(made.batch));
    return tensor;
}

} // namespace heat
