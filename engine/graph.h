#pragma once

#include "engine/allocator.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heat {

/// How a graph is recorded and run: CUDA's calls (kernels/graph.h), or a test's.
class CaptureCalls {
public:
    CaptureCalls() = default;
    CaptureCalls(const CaptureCalls&) = delete;
    CaptureCalls& operator=(const CaptureCalls&) = delete;
    virtual ~CaptureCalls() = default;

    virtual void begin() = 0;
    virtual void* end() = 0;
    virtual void abandon() noexcept = 0;
    virtual void launch(void* graph) = 0;
    virtual void destroy(void* graph) noexcept = 0;
};
/// Those of the calling thread's stream; null on a device without graphs (the CPU).
CaptureCalls* capture_calls(Device device);

/// Whether work that repeats is captured as a graph where the device can, and who is told, once, when it
/// could not be. Recording a profile turns it off: its marks are no part of a graph.
struct GraphOptions {
    bool wanted = true;
    std::function<void(const std::string&)> remark = {};
    CaptureCalls* calls = nullptr; ///< null: the device's, none on the CPU
};

/// Work that is the same time and again. The first runs with a key are eager: they make plans, load kernels
/// and fill the memory pool. The next one is captured, and from then on the graph runs in its place.
///
/// The work must do the same with the same memory each time: what changes from run to run lies in device
/// memory; what it reads from outside keeps its address and outlives this object; it leaves nothing behind on
/// the host but what it computes on the device, because a captured run does not execute it again. It may be
/// called a second time where recording fails. Where it waits for the device it cannot be captured: then it
/// stays eager, with one remark.
class GraphedWork {
public:
    static constexpr int eager_runs = 2;

    /// `name` is for the remark. The memory is shared with other graphs that run in turn with this one.
    GraphedWork(std::string name, const GraphOptions& options, std::shared_ptr<MemoryReservation> memory);
    ~GraphedWork();
    GraphedWork(const GraphedWork&) = delete;
    GraphedWork& operator=(const GraphedWork&) = delete;

    /// Runs the work, by itself or as its graph. A key other than the last one's (shapes, variants) drops the
    /// graph and begins anew. before_capture makes the work do again what it does only now and then (packing
    /// weights), so that every run of the graph does it; it is called before recording, and again where that
    /// fails.
    void run(const std::vector<int64_t>& key, const std::function<void()>& work,
             const std::function<void()>& before_capture = {});

    /// Whether it is or will be captured.
    bool active() const { return calls_ && !failed_; }
    bool captured() const { return graph_ != nullptr; }

private:
    void drop() noexcept;
    bool capture(const std::function<void()>& work);

    std::string name_;
    std::function<void(const std::string&)> remark_;
    CaptureCalls* calls_ = nullptr; ///< null: never captured
    std::shared_ptr<MemoryReservation> memory_;
    std::vector<int64_t> key_;
    int runs_ = 0; ///< eager ones with this key
    bool failed_ = false;
    void* graph_ = nullptr;
};

} // namespace heat
