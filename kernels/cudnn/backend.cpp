#include "kernels/cudnn/backend.h"

#include "kernels/error.h"

#include <algorithm>

namespace heat::kernels::cudnn {
namespace {

constexpr int64_t workspace_limit = int64_t(1) << 30;

std::string last_error(cudnnStatus_t status) {
    char text[1024] = "";
    cudnnGetLastErrorString(text, sizeof text);
    const std::string details = text;
    return cudnnGetErrorString(status) + (details.empty() ? "" : ", " + details);
}

/// What heuristics of one mode propose, best first.
std::vector<Descriptor> engine_configurations(const Descriptor& graph, const Descriptor& device,
                                              cudnnBackendHeurMode_t mode) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
    heuristics.finalize();
    int64_t count = 0;
    check(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
          "counting engines");
    std::vector<Descriptor> found;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (int64_t i = 0; i < count; ++i) {
        found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
        raw.push_back(found.back().raw());
    }
    if (count > 0)
        check(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()),
              "reading engines");
    while (int64_t(found.size()) > count) found.pop_back();
    return found;
}

struct EngineNotes {
    int64_t index = 0;
    std::vector<cudnnBackendNumericalNote_t> numerical;

    bool has(cudnnBackendNumericalNote_t note) const {
        return std::find(numerical.begin(), numerical.end(), note) != numerical.end();
    }
};

EngineNotes notes_of(const Descriptor& configuration) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t raw = engine.raw();
    int64_t count = 0;
    check(cudnnBackendGetAttribute(configuration.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw),
          "reading an engine");
    EngineNotes notes;
    notes.index = engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
    notes.numerical.resize(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
    check(cudnnBackendGetAttribute(engine.raw(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes.numerical.data()),
          "reading an engine's notes");
    notes.numerical.resize(size_t(std::clamp<int64_t>(count, 0, CUDNN_NUMERICAL_NOTE_TYPE_COUNT)));
    return notes;
}

bool keeps(const EngineNotes& notes, MathMode mode, Dtype dtype) {
    if (mode.deterministic && notes.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return false;
    if (notes.has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return false; // sums are f32
    if (dtype == Dtype::f32 && notes.has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))
        return false; // not f16's range
    return mode.tf32 || dtype != Dtype::f32 ||
           (!notes.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) &&
            !notes.has(CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13));
}

std::string text_of(const EngineNotes& notes) {
    return "engine " + std::to_string(notes.index) +
           (notes.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ? " (tensor cores)" : "");
}

} // namespace

void check(cudnnStatus_t status, const char* what) {
    if (status != CUDNN_STATUS_SUCCESS)
        throw Error(std::string("cuDNN: ") + what + ": " + last_error(status));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &raw_), "creating a descriptor");
}
Descriptor::~Descriptor() {
    if (raw_) (void)cudnnBackendDestroyDescriptor(raw_); // a destructor has nobody to tell
}
Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                            const void* values) {
    const cudnnStatus_t status = cudnnBackendSetAttribute(raw_, name, type, count, values);
    if (status != CUDNN_STATUS_SUCCESS)
        check(status, ("setting attribute " + std::to_string(int(name))).c_str());
    return *this;
}
Descriptor& Descriptor::finalize() {
    check(cudnnBackendFinalize(raw_), "finalising a descriptor");
    return *this;
}
int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
    int64_t value = 0, count = 0;
    check(cudnnBackendGetAttribute(raw_, name, CUDNN_TYPE_INT64, 1, &count, &value), "reading an attribute");
    return value;
}

cudnnDataType_t type_of(Dtype dtype) {
    return dtype == Dtype::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

cudnnHandle_t handle_of(const Stream& stream) {
    struct Handle {
        cudnnHandle_t raw = nullptr;
        Handle() { check(cudnnCreate(&raw), "starting"); }
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        ~Handle() {} // never destroyed: when a thread ends at exit, the driver may be gone already
    };
    static thread_local const Handle handle;
    check(cudnnSetStream(handle.raw, static_cast<cudaStream_t>(stream.cuda)), "setting the stream");
    return handle.raw;
}

const Descriptor& current_device() {
    static const Descriptor& kept = *new Descriptor([] { // outlives the driver's end
        const cudnnHandle_t handle = handle_of(Stream{});
        Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        device.set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
        device.finalize();
        return device;
    }());
    return kept;
}

Descriptor described_device(const std::string& json) {
    Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
    device.finalize();
    return device;
}

Descriptor tensor_descriptor(const GraphTensor& t) {
    Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, t.id);
    descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type_of(t.dtype));
    descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, t.extents);
    descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, t.strides);
    descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, graph_alignment);
    descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, t.intermediate);
    descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, t.by_value);
    descriptor.finalize();
    return descriptor;
}

Descriptor pointwise_descriptor(cudnnPointwiseMode_t mode) {
    Descriptor d(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    d.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
        .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
        .finalize();
    return d;
}

std::optional<Plan> make_plan(const AddParts& add_parts, const Descriptor& device, MathMode mode, Dtype dtype,
                              std::string* reason) {
    std::string why = "no engine that keeps the math mode";
    try {
        std::vector<Descriptor> parts;
        const size_t operations = add_parts(parts);
        std::vector<cudnnBackendDescriptor_t> raw;
        for (size_t i = parts.size() - operations; i < parts.size(); ++i) raw.push_back(parts[i].raw());
        Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
        graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(raw.size()),
                  raw.data());
        graph.finalize();
        for (const cudnnBackendHeurMode_t heuristics : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
            for (Descriptor& configuration : engine_configurations(graph, device, heuristics)) {
                const EngineNotes notes = notes_of(configuration);
                if (!keeps(notes, mode, dtype)) continue;
                Descriptor execution(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
                execution.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
                execution.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device);
                if (const cudnnStatus_t status = cudnnBackendFinalize(execution.raw());
                    status != CUDNN_STATUS_SUCCESS) {
                    why = last_error(status);
                    continue; // an engine may refuse at last what the heuristics thought it could do
                }
                const int64_t bytes = execution.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
                if (bytes > workspace_limit) {
                    why = "a workspace of " + std::to_string(bytes >> 20) + " MiB";
                    continue;
                }
                parts.push_back(std::move(graph));
                parts.push_back(std::move(configuration));
                Plan plan(std::move(parts), std::move(execution));
                plan.workspace_bytes_ = size_t(std::max<int64_t>(bytes, 0));
                plan.text_ = text_of(notes);
                return plan;
            }
    } catch (const Error& e) {
        why = e.what();
    }
    if (reason) *reason = why;
    return std::nullopt;
}

void Plan::execute(const Stream& stream, const std::vector<Operand>& operands, void* workspace) const {
    std::vector<int64_t> ids;
    std::vector<const void*> pointers;
    for (const Operand& operand : operands) {
        ids.push_back(operand.id);
        pointers.push_back(operand.pointer);
    }
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, int64_t(ids.size()), ids.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, int64_t(ids.size()),
             pointers.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    pack.finalize();
    check(cudnnBackendExecute(handle_of(stream), plan_.raw(), pack.raw()), "running a plan");
}

} // namespace heat::kernels::cudnn
