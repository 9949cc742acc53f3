#pragma once

#include "kernels/dtype.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <cstring>

namespace heat::kernels::onednn {

/// The host engine and stream; oneDNN's own threads are the process's OpenMP pool.
inline const dnnl::engine& engine() {
    static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
    return e;
}
inline dnnl::stream& stream() {
    static thread_local dnnl::stream s(engine());
    return s;
}

inline dnnl::memory::data_type type_of(Dtype dtype) {
    return dtype == Dtype::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

inline dnnl::memory wrap(const dnnl::memory::desc& desc, const void* data) {
    return dnnl::memory(desc, engine(), const_cast<void*>(data));
}

/// oneDNN's reference loops are 100 times slower than our own kernels.
inline bool is_reference(const char* implementation) {
    return std::strstr(implementation, "ref") != nullptr;
}

} // namespace heat::kernels::onednn
