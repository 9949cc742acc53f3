#include "kernels/cublaslt/cublaslt.h"
#include "kernels/descriptions/product_layout.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/math_mode.h"
#include "kernels/memory.h"
#include "kernels/remark.h"

#include <cublasLt.h>

#include <array>
#include <climits>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace heat::kernels::cublaslt {
namespace {

constexpr size_t workspace_bytes = size_t(32) << 20;
constexpr size_t bias_bytes = size_t(1) << 18; ///< behind the workspace: a bias rounded to bf16

void check(cublasStatus_t status, const char* call) {
    if (status != CUBLAS_STATUS_SUCCESS)
        throw Error(std::string("cuBLASLt: ") + call + ": " + cublasLtGetStatusString(status));
}

/// Threads may share it; it lives as long as the process.
cublasLtHandle_t handle() {
    static const cublasLtHandle_t one = [] {
        cublasLtHandle_t created = nullptr;
        check(cublasLtCreate(&created), "cublasLtCreate");
        return created;
    }();
    return one;
}

/// Work on one stream is in order, so all its products share this.
std::byte* workspace_of(const Stream& stream) {
    static std::mutex mutex;
    static auto& all = *new std::map<void*, std::byte*>();
    const std::lock_guard lock(mutex);
    std::byte*& entry = all[stream.cuda];
    if (!entry) entry = static_cast<std::byte*>(allocate_device_memory(true, workspace_bytes + bias_bytes));
    return entry;
}

cudaDataType_t type_of(Dtype dtype) {
    return dtype == Dtype::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

struct MatrixLayout {
    cublasLtMatrixLayoutOpaque_t opaque;

    MatrixLayout(const BlasMatrix& m, int64_t batch_count, Dtype dtype) {
        check(cublasLtMatrixLayoutInit(&opaque, type_of(dtype), uint64_t(m.rows), uint64_t(m.columns),
                                       m.leading),
              "cublasLtMatrixLayoutInit");
        const auto count = int32_t(batch_count);
        const int64_t stride = m.batch_stride;
        check(cublasLtMatrixLayoutSetAttribute(&opaque, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                               sizeof count),
              "setting a batch count");
        check(cublasLtMatrixLayoutSetAttribute(&opaque, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                                               sizeof stride),
              "setting a batch stride");
    }
};

struct Description {
    cublasLtMatmulDescOpaque_t opaque;
    MatrixLayout left, right, d;

    Description(const GemmShape& s, const ProductLayout& p, bool tf32, const void* bias)
        : left(p.left, p.batch_count, s.input), right(p.right, p.batch_count, s.input),
          d(p.d, p.batch_count, s.output) {
        check(cublasLtMatmulDescInit(&opaque, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                                     CUDA_R_32F),
              "cublasLtMatmulDescInit");
        set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(p.transpose_left ? CUBLAS_OP_T : CUBLAS_OP_N));
        set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t(p.transpose_right ? CUBLAS_OP_T : CUBLAS_OP_N));
        if (!bias) return;
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(CUBLASLT_EPILOGUE_BIAS));
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, int32_t(type_of(s.output)));
    }

private:
    template <class T>
    void set(cublasLtMatmulDescAttributes_t name, T value) {
        check(cublasLtMatmulDescSetAttribute(&opaque, name, &value, sizeof value), "setting an attribute");
    }
};

/// Bytes to which a pointer is aligned, also when it moves on by steps of so many bytes; 256 at most.
uint32_t alignment_of(const void* pointer, int64_t step = 0) {
    const uintptr_t bits = reinterpret_cast<uintptr_t>(pointer) | uintptr_t(step) | 256;
    return uint32_t(bits & (~bits + 1));
}

struct Alignments {
    uint32_t left, right, d, bias;
};

std::optional<cublasLtMatmulAlgo_t> find_algorithm(Description& description, const Alignments& alignments) {
    cublasLtMatmulPreferenceOpaque_t preference;
    check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, auto value) {
        check(cublasLtMatmulPreferenceSetAttribute(&preference, name, &value, sizeof value),
              "setting a preference");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(workspace_bytes));
    // Sums that several blocks share stay in f32, and are added in an order that does not depend on timing.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignments.left);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignments.right);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignments.d);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignments.d);
    cublasLtMatmulHeuristicResult_t found[4] = {};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle(), &description.opaque, &description.left.opaque, &description.right.opaque,
        &description.d.opaque, &description.d.opaque, &preference, 4, found, &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return std::nullopt;
    check(status, "cublasLtMatmulAlgoGetHeuristic");
    for (int i = 0; i < count; ++i)
        if (found[i].state == CUBLAS_STATUS_SUCCESS && found[i].workspaceSize <= workspace_bytes)
            return found[i].algo;
    return std::nullopt;
}

using Key = std::array<int64_t, 24>;

Key key_of(const GemmShape& s, const ProductLayout& p, bool tf32, const Alignments& a) {
    return {p.left.rows,
            p.left.columns,
            p.left.leading,
            p.left.batch_stride,
            p.right.rows,
            p.right.columns,
            p.right.leading,
            p.right.batch_stride,
            p.d.rows,
            p.d.columns,
            p.d.leading,
            p.d.batch_stride,
            p.batch_count,
            p.transpose_left,
            p.transpose_right,
            int64_t(s.input),
            int64_t(s.output),
            s.accumulate,
            s.bias,
            tf32,
            a.left,
            a.right,
            a.d,
            a.bias};
}

/// Once for each shape, alignment and mode; kept for the process's life.
std::optional<cublasLtMatmulAlgo_t> algorithm(const Key& key, Description& description,
                                              const Alignments& alignments) {
    static std::mutex mutex;
    static auto& algorithms = *new std::map<Key, std::optional<cublasLtMatmulAlgo_t>>();
    const std::lock_guard lock(mutex);
    auto entry = algorithms.find(key);
    if (entry == algorithms.end())
        entry = algorithms.emplace(key, find_algorithm(description, alignments)).first;
    return entry->second;
}

bool refuse(const GemmShape& s, const char* why) {
    remark_once("cublaslt", std::string("cuBLASLt: ") + why + " for a product of " + std::to_string(s.m) +
                                "×" + std::to_string(s.k) + " and " + std::to_string(s.k) + "×" +
                                std::to_string(s.n) + " from " + name_of(s.input) + " to " +
                                name_of(s.output) + ": the engine's own, slower code computes it");
    return false;
}

} // namespace

bool gemm(const Stream& stream, const GemmShape& s, const void* a, const void* b, void* d,
          const float* bias) {
    if (s.k == 0) return false;
    const std::optional<ProductLayout> p = product_layout(s);
    if (!p || p->batch_count > INT32_MAX) return refuse(s, "no layout");
    std::byte* workspace = workspace_of(stream);
    const void* used_bias = s.bias ? bias : nullptr;
    if (used_bias && s.output == Dtype::bf16) {
        if (size_t(s.n) * sizeof(bf16) > bias_bytes) return refuse(s, "no room for a bias");
        auto* rounded = reinterpret_cast<bf16*>(workspace + workspace_bytes);
        cast(stream, bias, rounded, s.n);
        used_bias = rounded;
    }
    const auto* left = static_cast<const std::byte*>(p->swapped ? b : a);
    const auto* right = static_cast<const std::byte*>(p->swapped ? a : b);
    auto* to = static_cast<std::byte*>(d);
    const int64_t step_left = p->outer_left * int64_t(size_of(s.input)),
                  step_right = p->outer_right * int64_t(size_of(s.input)),
                  step_d = p->outer_d * int64_t(size_of(s.output));
    const Alignments alignments{alignment_of(left, step_left), alignment_of(right, step_right),
                                alignment_of(to, step_d), alignment_of(used_bias)};
    const bool tf32 = s.input == Dtype::f32 && !s.strict_f32 && math_mode().tf32;
    Description description(s, *p, tf32, used_bias);
    const auto found = algorithm(key_of(s, *p, tf32, alignments), description, alignments);
    if (!found) return refuse(s, "no algorithm");
    const float beta = s.accumulate ? 1.f : 0.f;
    for (int64_t i = 0; i < p->outer_count; ++i)
        check(cublasLtMatmul(handle(), &description.opaque, &s.alpha, left + i * step_left,
                             &description.left.opaque, right + i * step_right, &description.right.opaque,
                             &beta, to + i * step_d, &description.d.opaque, to + i * step_d,
                             &description.d.opaque, &*found, workspace, workspace_bytes,
                             static_cast<cudaStream_t>(stream.cuda)),
              "cublasLtMatmul");
    return true;
}

const char* version() {
    static const std::string text = [] {
        const size_t v = cublasLtGetVersion();
        return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
               std::to_string(v % 100);
    }();
    return text.c_str();
}

} // namespace heat::kernels::cublaslt
