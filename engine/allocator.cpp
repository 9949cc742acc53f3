#include "engine/allocator.h"

#include "kernels/error.h"
#include "kernels/memory.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <vector>

namespace heat {
namespace {

/// Sizes are rounded to eight classes per power of two: at most 12.5 % waste, and blocks of a steady step are
/// found again.
size_t size_class(size_t bytes) {
    bytes = std::max<size_t>(bytes, 256);
    const size_t step = std::max<size_t>(std::bit_floor(bytes) / 8, 64);
    return (bytes + step - 1) / step * step;
}

class Pool {
public:
    explicit Pool(Device device) : on_cuda_(device == Device::cuda) {}

    std::byte* take(size_t bytes) {
        std::lock_guard lock(mutex_);
        void* block = nullptr;
        if (auto it = free_.find(bytes); it != free_.end() && !it->second.empty()) {
            block = it->second.back();
            it->second.pop_back();
        } else {
            block = request(bytes);
        }
        statistics_.in_use += int64_t(bytes);
        statistics_.peak = std::max(statistics_.peak, statistics_.in_use);
        return static_cast<std::byte*>(block);
    }

    void give(std::byte* block, size_t bytes) noexcept {
        std::lock_guard lock(mutex_);
        statistics_.in_use -= int64_t(bytes);
        free_[bytes].push_back(block);
    }

    MemoryStatistics statistics() {
        std::lock_guard lock(mutex_);
        return statistics_;
    }
    void reset_peak() {
        std::lock_guard lock(mutex_);
        statistics_.peak = statistics_.in_use;
    }
    void release() {
        std::lock_guard lock(mutex_);
        release_locked();
    }

private:
    void* request(size_t bytes) {
        ++statistics_.allocations;
        void* block = nullptr;
        try {
            block = kernels::allocate_device_memory(on_cuda_, bytes);
        } catch (const Error&) {
            release_locked(); // blocks of other sizes may be what is missing
            block = kernels::allocate_device_memory(on_cuda_, bytes);
        }
        statistics_.reserved += int64_t(bytes);
        return block;
    }

    void release_locked() {
        for (auto& [bytes, blocks] : free_) {
            for (void* block : blocks) kernels::free_device_memory(on_cuda_, block);
            statistics_.reserved -= int64_t(bytes * blocks.size());
        }
        free_.clear();
    }

    const bool on_cuda_;
    std::mutex mutex_;
    std::map<size_t, std::vector<void*>> free_;
    MemoryStatistics statistics_;
};

/// Pools outlive every tensor, static ones too, so they are never destroyed.
Pool& pool_of(Device device) {
    static Pool* const cpu = new Pool(Device::cpu);
    static Pool* const cuda = new Pool(Device::cuda);
    return device == Device::cuda ? *cuda : *cpu;
}

} // namespace

Storage allocate(Device device, size_t bytes) {
    const size_t rounded = size_class(bytes);
    Pool& pool = pool_of(device);
    return Storage(pool.take(rounded), [&pool, rounded](std::byte* block) { pool.give(block, rounded); });
}

MemoryStatistics memory_statistics(Device device) {
    return pool_of(device).statistics();
}
void reset_peak_memory(Device device) {
    pool_of(device).reset_peak();
}
void release_cached_memory(Device device) {
    pool_of(device).release();
}

} // namespace heat
