#include "engine/profiler.h"

#include "kernels/error.h"
#include "kernels/time_mark.h"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace heat {

/// An open scope, linked to the one around it on the same thread.
struct ProfileScope::Frame {
    const char* name = "";
    OpWork work;
    Device device = Device::cpu;
    Frame* outer = nullptr;
    uint64_t session = 0, id = 0;
    int64_t (*clock)() = nullptr;
    int64_t start = 0;    ///< nanoseconds
    int64_t children = 0; ///< nanoseconds of finished scopes inside, by the clock
    kernels::TimeMark start_mark;
};

namespace {

using Frame = ProfileScope::Frame;

thread_local Frame* innermost = nullptr;

int thread_number() {
    static std::atomic<int> next{0};
    thread_local const int number = next++;
    return number;
}

int64_t steady_nanoseconds() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// A closed scope of a card whose marks are not read yet.
struct PendingCall {
    Frame frame;
    uint64_t outer_id = 0;
    int thread = 0;
    kernels::TimeMark end_mark;
};

/// One recording. All of it is behind the mutex, but for the clock.
class Recording {
public:
    std::mutex mutex;
    uint64_t session = 0; ///< 0: none has run
    int64_t (*clock)() = steady_nanoseconds;

    void begin(const Profiler::Options& options) {
        max_events_ = options.max_events;
        clock = options.clock ? options.clock : steady_nanoseconds;
        main_thread_ = thread_number();
        ++session;
        start_ = clock();
    }

    Profile end() {
        profile_.seconds = seconds_since_start(clock());
        while (!pending_.empty()) resolve_front();
        for (auto& [key, entry] : entries_) profile_.entries.push_back(std::move(entry));
        entries_.clear();
        inside_.clear();
        release_time_mark(std::exchange(origin_, {}));
        return std::exchange(profile_, {});
    }

    void add_host_call(Frame& frame, int64_t end) {
        const int64_t duration = end - frame.start;
        if (frame.outer) frame.outer->children += duration;
        add(frame, thread_number(), seconds_since_start(frame.start), 1e-9 * double(duration),
            1e-9 * double(duration - frame.children));
    }

    /// The first mark of a recording is where the card's time meets the clock's.
    void set_origin(const kernels::Stream& stream) {
        if (origin_.event) return;
        origin_ = kernels::record_time_mark(stream);
        origin_seconds_ = seconds_since_start(clock());
    }

    void add_device_call(Frame frame, uint64_t outer_id, kernels::TimeMark end) {
        pending_.push_back({std::move(frame), outer_id, thread_number(), end});
        // What the card has passed is read now and again, so that marks do not pile up; nothing waits.
        if (pending_.size() % 4096 == 0)
            while (!pending_.empty() && kernels::is_reached(pending_.front().end_mark)) resolve_front();
    }

private:
    using Key = std::tuple<std::string, std::string, Dtype, Device, bool>;

    double seconds_since_start(int64_t time) const { return 1e-9 * double(time - start_); }

    void resolve_front() {
        PendingCall call = std::move(pending_.front());
        pending_.pop_front();
        const double seconds = kernels::seconds_between(call.frame.start_mark, call.end_mark);
        const double start = origin_seconds_ + kernels::seconds_between(origin_, call.frame.start_mark);
        double inside = 0;
        if (const auto found = inside_.find(call.frame.id); found != inside_.end()) {
            inside = found->second;
            inside_.erase(found);
        }
        if (call.outer_id) inside_[call.outer_id] += seconds;
        add(call.frame, call.thread, start, seconds, seconds - inside);
        release_time_mark(call.frame.start_mark);
        release_time_mark(call.end_mark);
    }

    void add(Frame& frame, int thread, double start, double total, double self) {
        const OpWork& work = frame.work;
        const bool on_main = thread == main_thread_;
        ProfileEntry& entry = entries_[Key{frame.name, work.shape, work.dtype, frame.device, on_main}];
        if (!entry.calls) {
            entry.name = frame.name;
            entry.shape = work.shape;
            entry.dtype = work.dtype;
            entry.device = frame.device;
            entry.main_thread = on_main;
        }
        ++entry.calls;
        entry.seconds += self;
        entry.total_seconds += total;
        entry.bytes += work.bytes;
        entry.flops += work.flops;
        if (profile_.events.size() < max_events_)
            profile_.events.push_back({frame.name, std::move(frame.work.shape), frame.device, thread, start,
                                       total, work.bytes, work.flops});
        else
            ++profile_.dropped_events;
    }

    int64_t start_ = 0;
    size_t max_events_ = 0;
    int main_thread_ = 0;
    std::map<Key, ProfileEntry> entries_;
    Profile profile_;
    std::deque<PendingCall> pending_;
    std::map<uint64_t, double> inside_; ///< seconds of read scopes inside a scope that is not read yet
    kernels::TimeMark origin_;
    double origin_seconds_ = 0;
};

Recording& recording() {
    static auto& instance = *new Recording; // outlives the threads that record into it
    return instance;
}

uint64_t next_id() {
    static std::atomic<uint64_t> next{1};
    return next++;
}

/// The scope around one of a device that is timed in the same way: a card's time is no part of the clock's.
Frame* outer_on(Frame* frame, Device device, uint64_t session) {
    while (frame && (frame->device != device || frame->session != session)) frame = frame->outer;
    return frame;
}

} // namespace

void Profiler::start(const Options& options) {
    Recording& r = recording();
    const std::lock_guard lock(r.mutex);
    if (enabled()) throw Error("a profile is being recorded already: stop that one first");
    r.begin(options);
    enabled_ = true;
}

Profile Profiler::stop() {
    Recording& r = recording();
    const std::lock_guard lock(r.mutex);
    enabled_ = false;
    return r.end();
}

void ProfileScope::open(const char* name, Device device, OpWork work) {
    auto frame = std::make_unique<Frame>();
    frame->name = name;
    frame->work = std::move(work);
    frame->device = device;
    frame->outer = innermost;
    Recording& r = recording();
    {
        const std::lock_guard lock(r.mutex);
        if (!Profiler::enabled()) return;
        frame->session = r.session;
        frame->clock = r.clock;
        if (device == Device::cuda) r.set_origin(stream_of(device));
    }
    if (device == Device::cuda) {
        frame->id = next_id();
        frame->start_mark = kernels::record_time_mark(stream_of(device));
    }
    kernels::open_range(name);
    frame->start = frame->clock();
    innermost = frame_ = frame.release();
}

void ProfileScope::close() noexcept {
    Recording& r = recording();
    const std::unique_ptr<Frame> frame(std::exchange(frame_, nullptr));
    innermost = frame->outer;
    try {
        const bool on_card = frame->device == Device::cuda;
        const kernels::TimeMark end_mark =
            on_card ? kernels::record_time_mark(stream_of(frame->device)) : kernels::TimeMark();
        const int64_t end = on_card ? 0 : frame->clock();
        kernels::close_range();
        const std::lock_guard lock(r.mutex);
        if (!Profiler::enabled() || frame->session != r.session) return;
        frame->outer = outer_on(frame->outer, frame->device, frame->session);
        if (on_card) {
            const uint64_t outer_id = frame->outer ? frame->outer->id : 0;
            r.add_device_call(std::move(*frame), outer_id, end_mark);
        } else {
            r.add_host_call(*frame, end);
        }
    } catch (...) { // a call without a record is better than an op that fails for its profile
        return;
    }
}

} // namespace heat
