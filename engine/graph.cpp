#include "engine/graph.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/graph.h"

#include <fmt/format.h>

#include <utility>

namespace heat {
namespace {

class CudaCaptureCalls final : public CaptureCalls {
public:
    void begin() override { kernels::begin_capture(stream()); }
    void* end() override { return kernels::end_capture(stream()); }
    void abandon() noexcept override { kernels::abandon_capture(stream()); }
    void launch(void* graph) override { kernels::launch_graph(stream(), graph); }
    void destroy(void* graph) noexcept override { kernels::destroy_graph(stream(), graph); }

private:
    static const kernels::Stream& stream() { return stream_of(Device::cuda); }
};

} // namespace

CaptureCalls* capture_calls(Device device) {
    static CudaCaptureCalls cuda;
    return device == Device::cuda ? &cuda : nullptr;
}

GraphedWork::GraphedWork(std::string name, const GraphOptions& options,
                         std::shared_ptr<MemoryReservation> memory)
    : name_(std::move(name)), remark_(options.remark), memory_(std::move(memory)) {
    if (options.wanted) calls_ = options.calls ? options.calls : capture_calls(memory_->device());
}

GraphedWork::~GraphedWork() {
    drop();
}

void GraphedWork::drop() noexcept {
    if (graph_) {
        calls_->destroy(std::exchange(graph_, nullptr));
        memory_->graph_gone();
    }
    runs_ = 0;
}

void GraphedWork::run(const std::vector<int64_t>& key, const std::function<void()>& work,
                      const std::function<void()>& before_capture) {
    if (!active() || Profiler::enabled()) {
        work();
        return;
    }
    if (key != key_) {
        drop();
        key_ = key;
    }
    if (!graph_) {
        if (runs_ < eager_runs) {
            work();
            ++runs_;
            return;
        }
        if (before_capture) before_capture();
        if (!capture(work)) { // nothing of it has been executed
            if (before_capture) before_capture();
            work();
            return;
        }
    }
    calls_->launch(graph_);
}

/// False where it cannot be captured.
bool GraphedWork::capture(const std::function<void()>& work) {
    try {
        {
            MemoryReservation::Scope scope(*memory_);
            calls_->begin();
            work();
            graph_ = calls_->end();
            memory_->graph_made();
        }
        if (memory_->broken()) throw Error("memory from outside was let go of in it");
        return true;
    } catch (const Error& error) {
        calls_->abandon();
        drop();
        memory_->give_back_if_unused();
        failed_ = true;
        if (remark_)
            remark_(fmt::format("{} runs without a CUDA graph, which is slower: {}", name_, error.what()));
        return false;
    } catch (...) { // Ctrl-C, or no memory on the host
        calls_->abandon();
        memory_->give_back_if_unused();
        throw;
    }
}

} // namespace heat
