#include "kernels/winograd/winograd.h"

#include "kernels/reduce.h"
#include "kernels/winograd/filters.h"
#include "kernels/winograd/tile3.h"
#include "kernels/winograd/tile4.h"
#include "kernels/winograd/tiling.h"

#include <string>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace heat::kernels::winograd {
namespace {

int thread_count() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}
int thread_index() {
#if defined(_OPENMP)
    return omp_get_thread_num();
#else
    return 0;
#endif
}

int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/// Tiles that a thread transforms, multiplies and transforms back before it goes on: enough rows to use each
/// filter value often, few enough that the products stay in its cache. A multiple of every register tile's
/// rows.
constexpr int block_tiles = 24;

/// T: the activations. Element: what is multiplied.
template <class T, class Tile, class Element>
class Plan final : public ConvolutionPlan {
public:
    explicit Plan(const ConvolutionShape& s)
        : s_(s), tiling_{s.n, s.h, s.w}, threads_(thread_count()),
          name_("winograd " + std::to_string(Tile::outputs) + "x" + std::to_string(Tile::outputs) +
                (pairing == 2 ? " bf16" : " f32")) {
        // Few tiles: smaller blocks, so that every thread has one.
        block_ = int(std::clamp<int64_t>(ceil_div(tiling_.count(), threads_), 1, block_tiles));
        const int64_t per_row = points<Tile> * (s.c_in + s.c_out) * int64_t(sizeof(Element));
        constexpr int64_t chunk_bytes = 4 << 20;
        chunk_rows_ = int(std::min(ceil_div(tiling_.count(), pairing),
                                   std::clamp<int64_t>(chunk_bytes / per_row, 32, 1024)));
    }

    const char* forward_key() const override { return name_.c_str(); }
    const char* backward_key() const override { return name_.c_str(); }
    size_t packed_forward_bytes() const override { return 0; }
    size_t packed_backward_bytes() const override { return 0; }
    void pack_forward(const Stream&, const float*, void*) const override {}
    void pack_backward(const Stream&, const float*, void*) const override {}
    const char* implementation() const override { return name_.c_str(); }

    size_t workspace_bytes() const override {
        const int64_t filters = int64_t(points<Tile>) * s_.c_in * s_.c_out;
        const int64_t own = std::max(block_size(s_.c_in, s_.c_out), block_size(s_.c_out, s_.c_in));
        const int64_t forward = filters / pairing + threads_ * own;
        const int64_t weights = filters + chunk(s_.c_in).size() + chunk(s_.c_out).size();
        const int64_t bias = column_sums_workspace_floats(pixels(), s_.c_out);
        return size_t(std::max({forward, weights, bias})) * sizeof(float);
    }

    void forward(const Stream&, const void* x, const void* weight, const float* bias, const void* residual,
                 void* y, void* workspace) const override {
        const FilterView view{s_.c_in, s_.c_out, 1, int64_t(9) * s_.c_in, s_.c_in, false};
        const Outputs outputs{static_cast<T*>(y), bias, static_cast<const T*>(residual)};
        convolve(static_cast<const T*>(x), FilterSet(view), static_cast<const float*>(weight), outputs,
                 static_cast<Element*>(workspace));
    }

    void backward_data(const Stream&, const void* dy, const void* weight, void* dx,
                       void* workspace) const override {
        const FilterView view{s_.c_out, s_.c_in, int64_t(9) * s_.c_in, 1, s_.c_in, true};
        convolve(static_cast<const T*>(dy), FilterSet(view), static_cast<const float*>(weight),
                 Outputs{static_cast<T*>(dx), nullptr, nullptr}, static_cast<Element*>(workspace));
    }

    void backward_weights(const Stream& stream, const void* x, const void* dy, float* d_weight, float* d_bias,
                          void* workspace) const override {
        const T* gradient = static_cast<const T*>(dy);
        if (d_bias) column_sums(stream, gradient, pixels(), s_.c_out, d_bias, static_cast<float*>(workspace));
        filter_gradients(static_cast<const T*>(x), gradient, d_weight, static_cast<float*>(workspace));
    }

private:
    static_assert(sizeof(Element) == sizeof(float)); // workspaces are counted in either
    static constexpr int pairing = rows_per_element<Element>;
    using FilterSet = Filters<Tile, Element>;
    using Matrices = PointMatrices<Tile>;
    /// What a convolution writes, and what it adds to its sums: both may be null.
    struct Outputs {
        T* y;
        const float* bias;
        const T* residual;
    };

    int64_t pixels() const { return int64_t(s_.n) * s_.h * s_.w; }
    /// A chunk of tiles by channels, in elements that pair two tiles.
    Matrices chunk(int channels) const { return {chunk_rows_, channels}; }
    /// A block of tiles by channels, in elements that pair two channels.
    Matrices block_inputs(int depth) const { return {block_, depth / pairing}; }
    int64_t block_size(int depth, int width) const {
        return block_inputs(depth).size() + Matrices{block_, std::min(width, widest_panel * lanes)}.size();
    }

    void convolve(const T* x, const FilterSet& filters, const float* weight, const Outputs& outputs,
                  Element* u) const {
        filters.transform(weight, u);
        const int64_t tiles = tiling_.count(), blocks = ceil_div(tiles, block_);
        // Where there are fewer blocks than threads, each block's panels are shared out, at the price of
        // transforming its inputs again.
        const int panels = filters.panels.count();
        const int shares =
            blocks >= threads_ ? 1 : int(std::min<int64_t>(panels, ceil_div(threads_, blocks)));
        const int64_t own = block_size(filters.view.depth, filters.view.width);
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
        for (int64_t task = 0; task < blocks * shares; ++task) {
            const int64_t first = task / shares * block_, count = std::min<int64_t>(block_, tiles - first);
            const int share = int(task % shares);
            convolve_block(x, filters, outputs, u, u + filters.size() + thread_index() * own, first, count,
                           share * panels / shares, (share + 1) * panels / shares);
        }
    }

    /// Tiles `first` on, all their channels: v holds the inputs at the points, then m their products.
    void convolve_block(const T* x, const FilterSet& filters, const Outputs& outputs, Element* u, Element* v,
                        int64_t first, int64_t count, int first_panel, int last_panel) const {
        const int depth = filters.view.depth, width = filters.view.width, rows = filters.depth();
        const Matrices inputs = block_inputs(depth);
        auto* m = reinterpret_cast<float*>(v + inputs.size());
        for (int64_t t = 0; t < count; ++t) {
            const auto window = window_of(tiling_, first + t, x, depth, Tile::inputs, 1);
            for (int c = 0; c < depth; c += lanes) {
                TileValues<Tile> values;
                load_window<Tile, Tile::inputs>(window, c, values);
                transform_input<Tile>(values);
#pragma GCC unroll 36
                for (int p = 0; p < points<Tile>; ++p)
                    store_row(v + p * inputs.stride() + t * rows + c / pairing, values[p]);
            }
        }
        for (int panel = first_panel; panel < last_panel; ++panel) {
            const int vectors = filters.panels.size(panel), columns = vectors * lanes;
            const Matrices products{block_, columns};
            const Product product{count, rows, rows, 1, columns, columns, vectors, false};
            for (int p = 0; p < points<Tile>; ++p)
                multiply(product, v + p * inputs.stride(), filters.at(u, panel, p),
                         m + p * products.stride());
            const int channel = filters.panels.first(panel) * lanes;
            for (int64_t t = 0; t < count; ++t)
                store_outputs(m + t * columns, products.stride(), vectors, outputs, channel,
                              window_of(tiling_, first + t, outputs.y + channel, width, Tile::outputs, 0));
        }
    }

    static void store_row(float* to, Vector v) {
        store(to, v);
    }
    static void store_row(Pair* to, Vector v) {
        store(reinterpret_cast<bf16*>(to), v);
    }

    static void store_outputs(const float* m, int64_t stride, int vectors, const Outputs& outputs,
                              int channel, const Window<T>& window) {
        const bool whole = window.last_row == Tile::outputs && window.last_column == Tile::outputs;
        for (int j = 0; j < vectors; ++j) {
            TileValues<Tile> values;
#pragma GCC unroll 36
            for (int p = 0; p < points<Tile>; ++p) values[p] = load(m + p * stride + j * lanes);
            transform_output<Tile>(values);
            const Vector b = outputs.bias ? load(outputs.bias + channel + j * lanes) : Vector{};
#pragma GCC unroll 4
            for (int r = 0; r < Tile::outputs; ++r)
#pragma GCC unroll 4
                for (int c = 0; c < Tile::outputs; ++c)
                    if (whole || (r < window.last_row && c < window.last_column)) {
                        T* const to = window.at(r, c) + j * lanes;
                        Vector sum = values[Tile::inputs * r + c] + b;
                        if (outputs.residual) sum += load(outputs.residual + (to - outputs.y));
                        store(to, sum);
                    }
        }
    }

    /// dU_p = Σ_t P_p[t]ᵀ·V_p[t], P the transformed dy and V the transformed x; then dW += Gᵀ·dU·G. The tiles
    /// go in chunks of a size that only the shape decides, and each point is summed by one thread.
    void filter_gradients(const T* x, const T* dy, float* d_weight, float* du) const {
        const int64_t filter = int64_t(s_.c_in) * s_.c_out, rows = ceil_div(tiling_.count(), pairing);
        auto* v = reinterpret_cast<Element*>(du + points<Tile> * filter);
        Element* g = v + chunk(s_.c_in).size();
        const Panels panels(s_.c_in);
        const int panel_count = panels.count();
        for (int64_t first = 0; first < rows; first += chunk_rows_) {
            const int64_t count = std::min<int64_t>(chunk_rows_, rows - first);
#pragma omp parallel num_threads(threads_)
            {
#pragma omp for schedule(static)
                for (int64_t t = 0; t < count; ++t) {
                    transform_chunk_row<Tile::inputs>(
                        x, s_.c_in, 1, [](Vector* w) { transform_input<Tile>(w); }, first + t,
                        v + t * s_.c_in, chunk(s_.c_in).stride());
                    transform_chunk_row<Tile::outputs>(
                        dy, s_.c_out, 0, [](Vector* w) { transform_gradient<Tile>(w); }, first + t,
                        g + t * s_.c_out, chunk(s_.c_out).stride());
                }
#pragma omp for collapse(2) schedule(dynamic)
                for (int p = 0; p < points<Tile>; ++p)
                    for (int panel = 0; panel < panel_count; ++panel) {
                        const Product product{s_.c_out,           count,    1, s_.c_out, s_.c_in, s_.c_in,
                                              panels.size(panel), first > 0};
                        const int64_t column = int64_t(panels.first(panel)) * lanes;
                        multiply(product, g + p * chunk(s_.c_out).stride(),
                                 v + p * chunk(s_.c_in).stride() + column, du + p * filter + column);
                    }
            }
        }
        add_filter_gradients(du, filter, d_weight);
    }

    /// One row of a chunk's matrices: a tile, or two side by side in pairs, transformed from windows of Size²
    /// pixels.
    template <int Size, class Transform>
    void transform_chunk_row(const T* tensor, int channels, int border, Transform transform, int64_t row,
                             Element* to, int64_t stride) const {
        const auto window = window_of(tiling_, row * pairing, tensor, channels, Size, border);
        for (int c = 0; c < channels; c += lanes) {
            TileValues<Tile> values;
            load_window<Tile, Size>(window, c, values);
            transform(values);
            if constexpr (pairing == 1) {
                for (int p = 0; p < points<Tile>; ++p) store(to + p * stride + c, values[p]);
            } else {
                TileValues<Tile> odd{};
                if (row * pairing + 1 < tiling_.count()) {
                    load_window<Tile, Size>(
                        window_of(tiling_, row * pairing + 1, tensor, channels, Size, border), c, odd);
                    transform(odd);
                }
                for (int p = 0; p < points<Tile>; ++p) store_pairs(to + p * stride + c, values[p], odd[p]);
            }
        }
    }

    void add_filter_gradients(const float* du, int64_t filter, float* d_weight) const {
#pragma omp parallel for schedule(static) num_threads(threads_)
        for (int o = 0; o < s_.c_out; ++o)
            for (int c = 0; c < s_.c_in; c += lanes) {
                TileValues<Tile> values;
                for (int p = 0; p < points<Tile>; ++p)
                    values[p] = load(du + p * filter + int64_t(o) * s_.c_in + c);
                transform_filter_gradient<Tile>(values);
                for (int tap = 0; tap < 9; ++tap) {
                    float* to = d_weight + (int64_t(o) * 9 + tap) * s_.c_in + c;
                    store(to, load(to) + values[Tile::inputs * (tap / 3) + tap % 3]);
                }
            }
    }

    ConvolutionShape s_;
    Tiling<Tile> tiling_;
    int threads_, block_, chunk_rows_;
    std::string name_;
};

bool applies(const ConvolutionShape& s) {
    const bool three = s.kernel_h == 3 && s.kernel_w == 3 && s.stride == 1;
    const bool padded = s.pad_top == 1 && s.pad_left == 1 && s.pad_bottom == 1 && s.pad_right == 1;
    return three && padded && s.c_in % lanes == 0 && s.c_out % lanes == 0;
}

/// Multiply-adds per pair of channels, as a direct convolution in f32 does them: a tile's transforms and the
/// filters', which cost as much as some number of tiles.
template <class Tile>
double cost(const ConvolutionShape& s, double overhead, double per_channel, double filters) {
    const double tiles = double(Tiling<Tile>{s.n, s.h, s.w}.count());
    const double channels = 2.0 / (1.0 / s.c_in + 1.0 / s.c_out);
    return (tiles * (overhead + per_channel / channels) + filters) * points<Tile>;
}

} // namespace

bool multiplies_bf16() {
#if defined(__AVX512BF16__)
    return true;
#else
    return false;
#endif
}

int channel_multiple() {
    return lanes;
}

bool pays(const ConvolutionShape& s, Dtype dtype) {
    if (!applies(s)) return false;
    const double direct = 9.0 * s.n * s.h * s.w;
#if defined(__AVX512BF16__)
    if (dtype == Dtype::bf16) return cost<Tile3>(s, 0.65, 12.0, 60.0) < direct / 2;
#endif
    (void)dtype;
    return cost<Tile4>(s, 1.35, 12.0, 70.0) < direct;
}

std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape& s, Dtype dtype) {
    if (!applies(s)) return nullptr;
    if (dtype == Dtype::f32) return std::make_unique<Plan<float, Tile4, float>>(s);
#if defined(__AVX512BF16__)
    return std::make_unique<Plan<bf16, Tile3, Pair>>(s);
#else
    return std::make_unique<Plan<bf16, Tile4, float>>(s);
#endif
}

} // namespace heat::kernels::winograd
