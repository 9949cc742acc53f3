#pragma once

// cuDNN's graph interface in the form this engine uses it: descriptors that are set, finalised and destroyed,
// and plans made of them. Only kernels/cudnn/ includes cuDNN's headers.

#include "kernels/descriptions/attention_graph.h"
#include "kernels/descriptions/convolution_graph.h"
#include "kernels/math_mode.h"
#include "kernels/stream.h"

#include <cudnn.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace heat::kernels::cudnn {

/// Throws Error "cuDNN: <what>: <status>, <cuDNN's own words>" unless the status is success.
void check(cudnnStatus_t status, const char* what);

/// Owns one descriptor of the graph interface.
class Descriptor {
public:
    explicit Descriptor(cudnnBackendDescriptorType_t type);
    Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Descriptor();

    cudnnBackendDescriptor_t raw() const { return raw_; }

    Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                    const void* values);
    Descriptor& set(cudnnBackendAttributeName_t name, int64_t value) {
        return set(name, CUDNN_TYPE_INT64, 1, &value);
    }
    Descriptor& set(cudnnBackendAttributeName_t name, bool value) {
        return set(name, CUDNN_TYPE_BOOLEAN, 1, &value);
    }
    Descriptor& set(cudnnBackendAttributeName_t name, float value) {
        return set(name, CUDNN_TYPE_FLOAT, 1, &value);
    }
    Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
        return set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
    }
    Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value) {
        return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
    }
    template <size_t N>
    Descriptor& set(cudnnBackendAttributeName_t name, const std::array<int64_t, N>& values) {
        return set(name, CUDNN_TYPE_INT64, int64_t(N), values.data());
    }
    Descriptor& finalize();

    /// One value; throws Error where the descriptor has none.
    int64_t integer(cudnnBackendAttributeName_t name) const;

private:
    cudnnBackendDescriptor_t raw_ = nullptr;
};

cudnnDataType_t type_of(Dtype dtype);

/// The card of the calling thread, and the thread's own handle, which is bound to the stream.
cudnnHandle_t handle_of(const Stream&);
/// The properties by which plans are made: of the current card, read once, or, from cuDNN's JSON text, of one
/// that is elsewhere. Plans can be made of the latter without a card, and not executed.
const Descriptor& current_device();
Descriptor described_device(const std::string& json);

Descriptor tensor_descriptor(const GraphTensor&);
/// An elementwise function, computed in f32.
Descriptor pointwise_descriptor(cudnnPointwiseMode_t);

/// Parts of a workspace begin at multiples of 256 bytes.
inline size_t rounded(size_t bytes) {
    return (bytes + 255) / 256 * 256;
}

/// Adds what a graph is made of, finalised, its operations last, and returns how many of these there are.
using AddParts = std::function<size_t(std::vector<Descriptor>&)>;

/// An executable plan of one graph. Immutable; executions of one plan must not overlap in time on the host.
class Plan {
public:
    size_t workspace_bytes() const { return workspace_bytes_; }
    /// "engine 47 (tensor cores)": cuDNN's index, and what it says of the numbers.
    const std::string& text() const { return text_; }

    struct Operand {
        int64_t id;
        const void* pointer;
    };
    /// Throws Error with cuDNN's words if it fails. The workspace is workspace_bytes() of the card's memory.
    void execute(const Stream&, const std::vector<Operand>&, void* workspace) const;

private:
    friend std::optional<Plan> make_plan(const AddParts&, const Descriptor&, MathMode, Dtype, std::string*);
    Plan(std::vector<Descriptor> parts, Descriptor plan) : parts_(std::move(parts)), plan_(std::move(plan)) {}

    std::vector<Descriptor> parts_; ///< what the plan was made of
    Descriptor plan_;
    size_t workspace_bytes_ = 0;
    std::string text_;
};

/// The first engine that cuDNN's heuristics name (mode A, then its fallbacks) and that keeps the mode: no
/// TF32 for strict f32, nothing nondeterministic where that is asked. Null, with the reason, where cuDNN
/// refuses a part or no engine is left.
std::optional<Plan> make_plan(const AddParts& add_parts, const Descriptor& device, MathMode mode, Dtype dtype,
                              std::string* reason);

/// One pass of a convolution, or null with the reason.
std::optional<Plan> make_convolution_pass(const ConvolutionGraph&, const Descriptor& device, MathMode,
                                          std::string* reason);

/// The passes of attention; the backward pass is one of which no sum depends on timing where the mode asks
/// that.
std::optional<Plan> make_attention_forward(const AttentionShape&, const Descriptor& device, MathMode,
                                           std::string* reason);
std::optional<Plan> make_attention_backward(const AttentionShape&, const Descriptor& device, MathMode,
                                            std::string* reason);

} // namespace heat::kernels::cudnn
