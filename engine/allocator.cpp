#include "engine/allocator.h"

#include "kernels/error.h"
#include "kernels/memory.h"

#include <fmt/format.h>

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

std::string mebibytes(int64_t bytes) {
    return fmt::format("{} MiB", (bytes + (int64_t{1} << 20) - 1) >> 20);
}

class Pool {
public:
    explicit Pool(Device device) : on_cuda_(device == Device::cuda) {}

    /// `capturing`: nothing may be given back to the system now.
    std::byte* take(size_t bytes, bool capturing) {
        std::lock_guard lock(mutex_);
        void* block = nullptr;
        if (auto it = free_.find(bytes); it != free_.end() && !it->second.empty()) {
            block = it->second.back();
            it->second.pop_back();
        } else {
            block = request(bytes, capturing);
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
    void* request(size_t bytes, bool capturing) {
        ++statistics_.allocations;
        void* block = nullptr;
        try {
            block = kernels::allocate_device_memory(on_cuda_, bytes);
        } catch (const kernels::OutOfMemory&) {
            if (!capturing) release_locked(); // blocks of other sizes may be what is missing
            try {
                block = kernels::allocate_device_memory(on_cuda_, bytes);
            } catch (const kernels::OutOfMemory& error) {
                throw kernels::OutOfMemory(explain(error.what()));
            }
        }
        statistics_.reserved += int64_t(bytes);
        return block;
    }

    std::string explain(const std::string& what) const {
        std::string others;
        if (on_cuda_)
            if (const kernels::CardMemory card = kernels::card_memory(); card.total)
                others = fmt::format(" and {} of its {} are free", mebibytes(int64_t(card.free)),
                                     mebibytes(int64_t(card.total)));
        return fmt::format("{}: {} are in use{}; lower train.batch (train.accumulation makes up for it), or "
                           "--batch or -n when sampling",
                           what, mebibytes(statistics_.in_use), others);
    }

    void release_locked() {
        if (free_.empty()) return;
        kernels::wait_for_device(on_cuda_); // kernels that were launched may still use what is free here
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

/// Blocks that were taken in a Scope. To the pool they are in use until the reservation has ended; one that
/// outlives it goes back to the pool by itself.
class MemoryReservation::Blocks {
public:
    explicit Blocks(Device device) : device_(device), pool_(pool_of(device)) {}

    Device device() const { return device_; }

    std::byte* take(size_t bytes) {
        std::lock_guard lock(mutex_);
        if (auto it = free_.find(bytes); it != free_.end() && !it->second.empty()) {
            std::byte* block = it->second.back();
            it->second.pop_back();
            return block;
        }
        std::byte* block = pool_.take(bytes, true);
        bytes_ += int64_t(bytes);
        return block;
    }
    void give(std::byte* block, size_t bytes) noexcept {
        std::lock_guard lock(mutex_);
        if (ended_)
            pool_.give(block, bytes);
        else
            free_[bytes].push_back(block);
    }
    void give_back() noexcept {
        std::lock_guard lock(mutex_);
        give_back_locked();
    }
    void end() noexcept {
        std::lock_guard lock(mutex_);
        ended_ = true;
        give_back_locked();
    }
    void begin_scope() {
        std::lock_guard lock(mutex_);
        broken_ = false;
    }
    void saw_foreign_block() {
        std::lock_guard lock(mutex_);
        broken_ = true;
    }
    int64_t bytes() {
        std::lock_guard lock(mutex_);
        return bytes_;
    }
    bool broken() {
        std::lock_guard lock(mutex_);
        return broken_;
    }

private:
    void give_back_locked() noexcept {
        for (auto& [bytes, blocks] : free_)
            for (std::byte* block : blocks) {
                pool_.give(block, bytes);
                bytes_ -= int64_t(bytes);
            }
        free_.clear();
    }

    const Device device_;
    Pool& pool_;
    std::mutex mutex_;
    std::map<size_t, std::vector<std::byte*>> free_;
    int64_t bytes_ = 0;
    bool ended_ = false, broken_ = false;
};

namespace {
/// Of the reservation whose Scope is open on this thread; a plain pointer, which static tensors may still
/// look at when the program ends.
thread_local const std::shared_ptr<MemoryReservation::Blocks>* reserving = nullptr;

bool reserves(Device device) {
    return reserving && (*reserving)->device() == device;
}
} // namespace

MemoryReservation::MemoryReservation(Device device) : blocks_(std::make_shared<Blocks>(device)) {}
MemoryReservation::~MemoryReservation() {
    blocks_->end();
}
Device MemoryReservation::device() const {
    return blocks_->device();
}
int64_t MemoryReservation::bytes() const {
    return blocks_->bytes();
}
void MemoryReservation::graph_gone() noexcept {
    --graphs_;
    give_back_if_unused();
}
void MemoryReservation::give_back_if_unused() noexcept {
    if (graphs_ == 0) blocks_->give_back();
}
bool MemoryReservation::broken() const {
    return blocks_->broken();
}

MemoryReservation::Scope::Scope(MemoryReservation& reservation) {
    if (reserving) throw Error("this thread already allocates for a graph: finish that one first");
    reservation.blocks_->begin_scope();
    reserving = &reservation.blocks_;
}
MemoryReservation::Scope::~Scope() {
    reserving = nullptr;
}

Storage allocate(Device device, size_t bytes) {
    const size_t rounded = size_class(bytes);
    if (reserves(device)) {
        const auto blocks = *reserving;
        return Storage(blocks->take(rounded),
                       [blocks, rounded](std::byte* block) { blocks->give(block, rounded); });
    }
    Pool& pool = pool_of(device);
    return Storage(pool.take(rounded, false), [&pool, device, rounded](std::byte* block) {
        if (reserves(device)) (*reserving)->saw_foreign_block();
        pool.give(block, rounded);
    });
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
