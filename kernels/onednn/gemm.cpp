#include "kernels/error.h"
#include "kernels/onednn/common.h"
#include "kernels/onednn/onednn.h"

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace heat::kernels::onednn {
namespace {

using dnnl::memory;

struct Product {
    dnnl::matmul primitive;
    memory::desc a, b, bias, d;
};

using Key = std::array<int64_t, 22>;

Key key_of(const GemmShape& s) {
    const auto bits = [](float x) { return int64_t(__builtin_bit_cast(uint32_t, x)); };
    return {s.m,
            s.n,
            s.k,
            s.batch0,
            s.batch1,
            s.a.row,
            s.a.column,
            s.a.batch0,
            s.a.batch1,
            s.b.row,
            s.b.column,
            s.b.batch0,
            s.b.batch1,
            s.d.row,
            s.d.column,
            s.d.batch0,
            s.d.batch1,
            int64_t(s.input),
            int64_t(s.output),
            bits(s.alpha),
            int64_t(s.accumulate),
            int64_t(s.bias)};
}

/// A matrix shared by a whole batch (stride 0) has extent 1 there, which oneDNN broadcasts.
memory::desc describe(const GemmShape& s, int64_t rows, int64_t columns, const MatrixView& v, Dtype dtype) {
    const int64_t all = rows * columns, n0 = v.batch0 ? s.batch0 : 1, n1 = v.batch1 ? s.batch1 : 1;
    if (s.batch0 * s.batch1 == 1) return {{rows, columns}, type_of(dtype), memory::dims{v.row, v.column}};
    const int64_t stride0 = v.batch0 ? v.batch0 : all, stride1 = v.batch1 ? v.batch1 : all;
    if (s.batch1 == 1) return {{n0, rows, columns}, type_of(dtype), memory::dims{stride0, v.row, v.column}};
    return {{n0, n1, rows, columns}, type_of(dtype), memory::dims{stride0, stride1, v.row, v.column}};
}

std::optional<Product> make_product(const GemmShape& s) {
    try {
        Product p;
        p.a = describe(s, s.m, s.k, s.a, s.input);
        p.b = describe(s, s.k, s.n, s.b, s.input);
        p.d = describe(s, s.m, s.n, s.d, s.output);
        if (s.bias) {
            // One row, broadcast over rows and batches.
            GemmShape row = s;
            row.batch0 = row.batch1 = 1;
            const MatrixView view{s.n, 1, s.n, s.n};
            p.bias = describe(row, 1, s.n, view, Dtype::f32);
            while (p.bias.data.ndims < p.d.data.ndims) {
                memory::dims extents = p.bias.dims();
                extents.insert(extents.begin(), 1);
                p.bias = p.bias.reshape(extents);
            }
        }
        dnnl::primitive_attr attributes;
        if (s.alpha != 1.f) attributes.set_output_scales(0, {s.alpha});
        if (s.accumulate) {
            dnnl::post_ops post;
            post.append_sum(1.f);
            attributes.set_post_ops(post);
        }
        const dnnl::matmul::desc desc =
            s.bias ? dnnl::matmul::desc(p.a, p.b, p.bias, p.d) : dnnl::matmul::desc(p.a, p.b, p.d);
        const dnnl::matmul::primitive_desc primitive(desc, attributes, engine());
        if (is_reference(primitive.impl_info_str())) return std::nullopt;
        p.primitive = dnnl::matmul(primitive);
        return p;
    } catch (const dnnl::error&) {
        return std::nullopt; // unsupported views fall back to our own product
    }
}

const std::optional<Product>& product_for(const GemmShape& s) {
    static std::mutex mutex;
    static std::map<Key, std::optional<Product>> products;
    std::lock_guard lock(mutex);
    auto [it, inserted] = products.try_emplace(key_of(s));
    if (inserted) it->second = make_product(s);
    return it->second;
}

} // namespace

bool gemm(const GemmShape& s, const void* a, const void* b, void* d, const float* bias) {
    if (s.k == 0) return false;
    const std::optional<Product>& p = product_for(s);
    if (!p) return false;
    std::unordered_map<int, memory> arguments{
        {DNNL_ARG_SRC, wrap(p->a, a)}, {DNNL_ARG_WEIGHTS, wrap(p->b, b)}, {DNNL_ARG_DST, wrap(p->d, d)}};
    if (s.bias) arguments.emplace(DNNL_ARG_BIAS, wrap(p->bias, bias));
    try {
        p->primitive.execute(stream(), arguments);
        stream().wait();
    } catch (const dnnl::error& e) {
        throw Error(std::string("oneDNN matrix product failed: ") + e.what());
    }
    return true;
}

} // namespace heat::kernels::onednn
