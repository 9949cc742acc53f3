#pragma once

// Where time goes, op by op. Off, a scope costs one branch. An op opens a ProfileScope and says what it must
// move and compute; Profiler::stop gives the sums and the single calls.
//
// Counting rules. Bytes are the least an op must move: every input read once and every output written once,
// each in its own type; what is added to (gradients of parameters) is read and written; temporaries count
// nothing, though a backward pass reads its forward inputs. FLOPs: a multiply-add is two; every other
// addition, multiplication, division, and exp, log and sqrt, one; comparisons, conversions and the integers
// of the random numbers none, nor products with zero padding. A scope counts what it does itself, without
// the scopes inside it.

#include "engine/device.h"
#include "kernels/dtype.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace heat {

/// What one call of an op moves and computes, by the rules above.
struct OpWork {
    double bytes = 0, flops = 0;
    std::string shape = {}; ///< for people: "64×28×28×32 to 64"
    Dtype dtype = Dtype::f32;
};

/// All calls of one op at one shape.
struct ProfileEntry {
    std::string name, shape;
    Dtype dtype = Dtype::f32;
    Device device = Device::cpu;
    bool main_thread = true; ///< the thread that called Profiler::start
    int64_t calls = 0;
    double seconds = 0;       ///< in the op itself
    double total_seconds = 0; ///< with the ops inside it
    double bytes = 0, flops = 0;
};

/// One call.
struct ProfileEvent {
    const char* name = "";
    std::string shape;
    Device device = Device::cpu;
    int thread = 0;                ///< numbered as they appear
    double start = 0, seconds = 0; ///< since Profiler::start; with the ops inside
    double bytes = 0, flops = 0;
};

struct Profile {
    double seconds = 0; ///< from start to stop
    std::vector<ProfileEntry> entries;
    std::vector<ProfileEvent> events; ///< in the order in which they ended
    int64_t dropped_events = 0;       ///< calls that the entries count and `events` had no room for
};

/// The process's one recorder. Any thread's scopes are recorded; start and stop belong to one thread.
class Profiler {
public:
    struct Options {
        size_t max_events = 200'000;
        int64_t (*clock)() = nullptr; ///< nanoseconds; null: the steady clock
    };

    static bool enabled() { return enabled_.load(std::memory_order_relaxed); }
    /// Throws Error while another recording runs.
    static void start(const Options& options);
    static void start() { start(Options()); }
    /// Ends the recording, having waited for the device; scopes still open are left out.
    static Profile stop();

private:
    friend class ProfileScope;
    static inline std::atomic<bool> enabled_{false};
};

/// One call of an op, from construction to destruction. Work on the CPU is timed by the clock; that of a card
/// by marks in its stream, which are read later, so that nothing waits. Scopes of one thread nest.
class ProfileScope {
public:
    /// `name` lives as long as the program (a literal). describe() gives the OpWork, called while recording
    /// only and before the time begins.
    template <class F>
    ProfileScope(const char* name, Device device, const F& describe) {
        if (Profiler::enabled()) open(name, device, describe());
    }
    /// A scope of no countable work, timed by the clock: files, waiting.
    explicit ProfileScope(const char* name) {
        if (Profiler::enabled()) open(name, Device::cpu, {});
    }
    ~ProfileScope() {
        if (frame_) close();
    }
    ProfileScope(const ProfileScope&) = delete;
    ProfileScope& operator=(const ProfileScope&) = delete;

    struct Frame;

private:
    void open(const char* name, Device device, OpWork work);
    void close() noexcept;

    Frame* frame_ = nullptr;
};

} // namespace heat
