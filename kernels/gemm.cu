#include "kernels/gemm.h"
#include "kernels/parallel.h"

#include <algorithm>
#include <string>

#if defined(HEAT_WITH_ONEDNN)
#include "kernels/onednn/onednn.h"
#endif
#if defined(HEAT_WITH_CUDA)
#include "kernels/cublaslt/cublaslt.h"
#endif

namespace heat::kernels {
namespace {

/// One team computes one tile of D, walking k in slices that it packs into scratch: any strides are read once
/// per tile.
template <class In, class Out>
struct GemmTile {
    static constexpr int tile_m = 32, tile_n = 64, tile_k = 64;

    GemmShape shape;
    const In* a;
    const In* b;
    Out* d;
    const float* bias;
    int tiles_m, tiles_n;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const GemmShape s = shape;
        const int tile = team.index() % (tiles_m * tiles_n), batch = team.index() / (tiles_m * tiles_n);
        const int64_t b0 = batch / s.batch1, b1 = batch % s.batch1;
        const int64_t m0 = int64_t(tile / tiles_n) * tile_m, n0 = int64_t(tile % tiles_n) * tile_n;
        const int rows = int(s.m - m0 < tile_m ? s.m - m0 : tile_m);
        const int columns = int(s.n - n0 < tile_n ? s.n - n0 : tile_n);
        const In* a0 = a + b0 * s.a.batch0 + b1 * s.a.batch1 + m0 * s.a.row;
        const In* b_0 = b + b0 * s.b.batch0 + b1 * s.b.batch1 + n0 * s.b.column;
        Out* d0 = d + b0 * s.d.batch0 + b1 * s.d.batch1 + m0 * s.d.row + n0 * s.d.column;
        float* a_tile = team.template shared<float>(tile_m * tile_k);
        float* b_tile = team.template shared<float>(tile_k * tile_n);
        float* total = team.template shared<float>(tile_m * tile_n);
        const int64_t a_row = s.a.row, a_column = s.a.column, b_row = s.b.row, b_column = s.b.column;

        team.for_each(tile_m * tile_n, [=](int i) { total[i] = 0.f; });
        for (int64_t k0 = 0; k0 < s.k; k0 += tile_k) {
            const int depth = int(s.k - k0 < tile_k ? s.k - k0 : tile_k);
            team.sync();
            team.rows(rows, depth, [=](int r, int k) {
                a_tile[r * tile_k + k] = to_float(a0[r * a_row + (k0 + k) * a_column]);
            });
            team.rows(depth, columns, [=](int k, int c) {
                b_tile[k * tile_n + c] = to_float(b_0[(k0 + k) * b_row + c * b_column]);
            });
            team.sync();
            team.rows(rows, columns, [=](int r, int c) {
                float sum = total[r * tile_n + c];
                for (int k = 0; k < depth; ++k) sum += a_tile[r * tile_k + k] * b_tile[k * tile_n + c];
                total[r * tile_n + c] = sum;
            });
        }
        team.sync();
        const float alpha = s.alpha;
        const bool accumulate = s.accumulate;
        const float* bias0 = bias ? bias + n0 : nullptr;
        const int64_t d_row = s.d.row, d_column = s.d.column;
        team.rows(rows, columns, [=](int r, int c) {
            Out* out = d0 + r * d_row + c * d_column;
            float v = alpha * total[r * tile_n + c];
            if (bias0) v += bias0[c];
            if (accumulate) v += to_float(*out);
            *out = from_float<Out>(v);
        });
    }
};

template <class In, class Out>
void launch(const Stream& stream, const GemmShape& s, const void* a, const void* b, void* d,
            const float* bias) {
    using Tile = GemmTile<In, Out>;
    const int tiles_m = int((s.m + Tile::tile_m - 1) / Tile::tile_m),
              tiles_n = int((s.n + Tile::tile_n - 1) / Tile::tile_n);
    const Tile tile{
        s,      static_cast<const In*>(a), static_cast<const In*>(b), static_cast<Out*>(d), bias, tiles_m,
        tiles_n};
    const size_t scratch = sizeof(float) * (Tile::tile_m * Tile::tile_k + Tile::tile_k * Tile::tile_n +
                                            Tile::tile_m * Tile::tile_n);
    parallel_teams(stream, int(s.batch0 * s.batch1) * tiles_m * tiles_n, tile, scratch);
}

void check(const GemmShape& s, const float* bias) {
    if (s.m < 0 || s.n < 0 || s.k < 0 || s.batch0 < 0 || s.batch1 < 0)
        throw Error("gemm: extents must not be negative, got m=" + std::to_string(s.m) +
                    " n=" + std::to_string(s.n) + " k=" + std::to_string(s.k));
    if (s.input == Dtype::i32 || s.output == Dtype::i32)
        throw Error("gemm: matrices are f32 or bf16, got i32");
    if (s.bias && (!bias || s.alpha != 1.f)) throw Error("gemm: a bias needs its pointer and alpha = 1");
}

} // namespace

void gemm_portable(const Stream& stream, const GemmShape& s, const void* a, const void* b, void* d,
                   const float* bias) {
    check(s, bias);
    const float* used_bias = s.bias ? bias : nullptr;
    if (s.input == Dtype::f32 && s.output == Dtype::f32)
        launch<float, float>(stream, s, a, b, d, used_bias);
    else if (s.input == Dtype::f32)
        launch<float, bf16>(stream, s, a, b, d, used_bias);
    else if (s.output == Dtype::f32)
        launch<bf16, float>(stream, s, a, b, d, used_bias);
    else
        launch<bf16, bf16>(stream, s, a, b, d, used_bias);
}

void gemm(const Stream& stream, const GemmShape& s, const void* a, const void* b, void* d,
          const float* bias) {
    check(s, bias);
    if (s.m == 0 || s.n == 0 || s.batch0 == 0 || s.batch1 == 0) return;
#if defined(HEAT_WITH_ONEDNN)
    if (!stream.on_cuda && onednn::gemm(s, a, b, d, bias)) return;
#endif
#if defined(HEAT_WITH_CUDA)
    if (stream.on_cuda && cublaslt::gemm(stream, s, a, b, d, bias)) return;
#endif
    gemm_portable(stream, s, a, b, d, bias);
}

} // namespace heat::kernels
