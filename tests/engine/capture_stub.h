#pragma once

#include "engine/graph.h"
#include "kernels/error.h"

#include <string>

namespace heat::test {

/// Stands in for CUDA's calls where the logic around them is tested: it writes down what is called. What is
/// given to the device while it records is executed at once, as the CPU does; launching does nothing.
class CaptureStub final : public CaptureCalls {
public:
    std::string log;
    bool recording = false, fail_at_end = false;
    int live = 0; ///< graphs that exist

    void begin() override {
        log += "begin ";
        recording = true;
    }
    void* end() override {
        log += "end ";
        recording = false;
        if (fail_at_end) throw Error("it was invalidated");
        ++live;
        return names_ + ++made_;
    }
    void abandon() noexcept override {
        log += "abandon ";
        recording = false;
    }
    void launch(void* graph) override { log += "launch" + number(graph) + ' '; }
    void destroy(void* graph) noexcept override {
        log += "destroy" + number(graph) + ' ';
        --live;
    }

private:
    std::string number(void* graph) const { return std::to_string(static_cast<char*>(graph) - names_); }

    char names_[16] = {};
    int made_ = 0;
};

} // namespace heat::test
