#include "engine/data/for_each_index.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace heat {
namespace {

/// What the threads of one call share.
class Loop {
public:
    Loop(uint32_t count, const std::function<void(uint32_t)>& work) : count_(count), work_(work) {}

    void run() {
        for (uint64_t taken = next_++; taken < count_; taken = next_++) {
            const auto index = uint32_t(taken);
            try {
                work_(index);
            } catch (...) {
                const std::lock_guard lock(mutex_);
                if (index < failed_index_) {
                    failed_index_ = index;
                    failure_ = std::current_exception();
                }
                next_ = count_;
            }
            ++done_;
        }
        const std::lock_guard lock(mutex_);
        ++finished_;
        changed_.notify_one();
    }

    void wait(size_t threads, const std::function<void(uint32_t)>& report) {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return finished_ == threads; }))
            if (report) {
                lock.unlock();
                report(done_);
                lock.lock();
            }
    }
    void stop() { next_ = count_; }
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    uint32_t count_;
    const std::function<void(uint32_t)>& work_;
    // 64 bits: each thread takes one number too many.
    std::atomic<uint64_t> next_{0};
    std::atomic<uint32_t> done_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t finished_ = 0;
    uint32_t failed_index_ = UINT32_MAX;
    std::exception_ptr failure_;
};

} // namespace

void for_each_index(uint32_t count, int threads, const std::function<void(uint32_t)>& work,
                    const std::function<void(uint32_t)>& report) {
    Loop loop(count, work);
    const auto wanted = uint32_t(std::max(threads, 1));
    std::vector<std::jthread> running; // each is joined when it goes
    try {
        for (uint32_t i = 0; i < std::min(wanted, count); ++i) running.emplace_back([&] { loop.run(); });
        loop.wait(running.size(), report);
    } catch (...) {
        loop.stop();
        throw;
    }
    running.clear();
    loop.rethrow();
}

} // namespace heat
