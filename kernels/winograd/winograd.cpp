#include "kernels/winograd/winograd.h"

#include "kernels/winograd/product.h"
#include "kernels/winograd/tile_transforms.h"

#include <algorithm>
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

/// The 4×4 tiles of a batch of H×W images; tile t is of image t / per_image(), row by row.
struct Tiling {
    int images, h, w;
    int rows() const { return (h + 3) / 4; }
    int columns() const { return (w + 3) / 4; }
    int64_t per_image() const { return int64_t(rows()) * columns(); }
    int64_t count() const { return images * per_image(); }
};

/// Where one tile's outputs begin.
struct Corner {
    int64_t image;
    int y, x;
};
Corner corner_of(const Tiling& tiling, int64_t tile) {
    const int64_t in_image = tile % tiling.per_image();
    return {tile / tiling.per_image(), 4 * int(in_image / tiling.columns()),
            4 * int(in_image % tiling.columns())};
}

/// 36 matrices of rows × columns, one for each point. The odd padding keeps the 36 from sharing cache sets.
struct PointMatrices {
    int64_t rows, columns;
    int64_t stride() const { return rows * columns + lanes; }
    int64_t floats() const { return points * stride(); }
};

/// Tile t of x (padded by one zero on all sides), transformed, to row `row` of the 36 matrices.
template <class T>
void transform_input_tile(const T* x, const Tiling& tiling, int64_t tile, int channels, float* out,
                          int64_t stride) {
    const Corner corner = corner_of(tiling, tile);
    const int h = tiling.h, w = tiling.w, y0 = corner.y - 1, x0 = corner.x - 1;
    const int row_first = y0 < 0, row_last = std::min(6, h - y0);
    const int column_first = x0 < 0, column_last = std::min(6, w - x0);
    const T* base = x + ((corner.image * h + y0) * w + x0) * channels;
    const bool inside = row_first == 0 && row_last == 6 && column_first == 0 && column_last == 6;
    for (int c = 0; c < channels; c += lanes) {
        Vector v[points];
        if (inside) {
            for (int r = 0; r < 6; ++r)
                for (int s = 0; s < 6; ++s) v[6 * r + s] = load(base + (int64_t(r) * w + s) * channels + c);
        } else {
            for (Vector& p : v) p = Vector{};
            for (int r = row_first; r < row_last; ++r)
                for (int s = column_first; s < column_last; ++s)
                    v[6 * r + s] = load(base + (int64_t(r) * w + s) * channels + c);
        }
        transform_input(v);
        for (int p = 0; p < points; ++p) store(out + p * stride + c, v[p]);
    }
}

/// Tile t of dy, zero outside the image, transformed.
template <class T>
void transform_gradient_tile(const T* dy, const Tiling& tiling, int64_t tile, int channels, float* out,
                             int64_t stride) {
    const Corner corner = corner_of(tiling, tile);
    const int rows = std::min(4, tiling.h - corner.y), columns = std::min(4, tiling.w - corner.x);
    const T* base = dy + ((corner.image * tiling.h + corner.y) * tiling.w + corner.x) * channels;
    for (int c = 0; c < channels; c += lanes) {
        Vector v[points];
        for (int r = 0; r < 4; ++r)
            for (int s = 0; s < 4; ++s)
                v[6 * r + s] = r < rows && s < columns
                                   ? load(base + (int64_t(r) * tiling.w + s) * channels + c)
                                   : Vector{};
        transform_gradient(v);
        for (int p = 0; p < points; ++p) store(out + p * stride + c, v[p]);
    }
}

/// One vector of channels of a tile, back from the 36 points, plus bias (may be null), to y.
template <class T>
void transform_output_tile(const float* in, int64_t stride, const float* bias, T* y, const Tiling& tiling,
                           int64_t tile, int channels) {
    const Corner corner = corner_of(tiling, tile);
    const int rows = std::min(4, tiling.h - corner.y), columns = std::min(4, tiling.w - corner.x);
    T* base = y + ((corner.image * tiling.h + corner.y) * tiling.w + corner.x) * channels;
    Vector v[points];
    for (int p = 0; p < points; ++p) v[p] = load(in + p * stride);
    transform_output(v);
    const Vector b = bias ? load(bias) : Vector{};
    for (int r = 0; r < rows; ++r)
        for (int s = 0; s < columns; ++s)
            store(base + (int64_t(r) * tiling.w + s) * channels, v[6 * r + s] + b);
}

/// How the filters of one direction are read: depth (summed over) by width (vectors lie along it).
struct FilterView {
    int depth, width;
    int64_t depth_stride, width_stride, tap_stride;
    bool turned; ///< half round, for the gradient of the input
};

/// Outputs in panels of at most four vectors, as equal as can be.
struct Panels {
    int vectors; ///< in all
    explicit Panels(int channels) : vectors(channels / lanes) {}
    int count() const { return (vectors + widest_panel - 1) / widest_panel; }
    int first(int panel) const { return panel * vectors / count(); }
    int size(int panel) const { return first(panel + 1) - first(panel); }
};

/// U: the transformed filters, panel by panel, in each the 36 points, in each depth × the panel's columns.
struct Filters {
    FilterView view;
    Panels panels;
    explicit Filters(const FilterView& v) : view(v), panels(v.width) {}
    int64_t floats() const { return int64_t(points) * view.depth * view.width; }
    float* at(float* u, int panel, int point) const {
        return u + (int64_t(panels.first(panel)) * points + int64_t(point) * panels.size(panel)) *
                       view.depth * lanes;
    }

    Vector tap(const float* weight, int64_t k, int64_t n) const {
        const float* from = weight + k * view.depth_stride + n * view.width_stride;
        if (view.width_stride == 1) return load(from);
        Vector v;
        for (int lane = 0; lane < lanes; ++lane) v[lane] = from[lane * view.width_stride];
        return v;
    }

    void transform(const float* weight, float* u) const {
        const int panel_count = panels.count(), depth = view.depth;
        // Blocks of the depth keep the lines of a strided master in the first cache.
        constexpr int block = 16;
        const int blocks = (depth + block - 1) / block;
#pragma omp parallel for collapse(2) schedule(static)
        for (int panel = 0; panel < panel_count; ++panel)
            for (int part = 0; part < blocks; ++part)
                for (int j = 0; j < panels.size(panel); ++j)
                    for (int k = part * block; k < std::min(depth, (part + 1) * block); ++k)
                        transform_one(weight, u, panel, j, k);
    }

private:
    void transform_one(const float* weight, float* u, int panel, int j, int k) const {
        const int64_t n = int64_t(panels.first(panel) + j) * lanes;
        Vector v[points];
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) {
                const int from = view.turned ? 8 - (3 * a + b) : 3 * a + b;
                v[6 * a + b] = tap(weight + from * view.tap_stride, k, n);
            }
        transform_filter(v);
        const int64_t row = int64_t(panels.size(panel)) * lanes;
        for (int p = 0; p < points; ++p) store(at(u, panel, p) + k * row + j * lanes, v[p]);
    }
};

/// Tiles that a thread transforms, multiplies and transforms back before it goes on: enough rows to use each
/// filter value often, few enough that the products stay in its cache. A multiple of every register tile's
/// rows.
constexpr int block_tiles = 24;

class Plan final : public ConvolutionPlan {
public:
    Plan(const ConvolutionShape& s, Dtype dtype)
        : s_(s), dtype_(dtype), tiling_{s.n, s.h, s.w}, threads_(thread_count()),
          key_(std::string("winograd ") + name_of(dtype)) {
        const int64_t tiles = tiling_.count();
        // Few tiles: smaller blocks, so that every thread has one.
        block_ = int(std::clamp<int64_t>(ceil_div(tiles, threads_), 1, block_tiles));
        const int64_t per_tile = int64_t(points) * (s.c_in + s.c_out) * int64_t(sizeof(float));
        constexpr int64_t chunk_bytes = 4 << 20;
        chunk_ = int(std::min(tiles, std::clamp<int64_t>(chunk_bytes / per_tile, 32, 1024)));
    }

    const char* forward_key() const override { return key_.c_str(); }
    const char* backward_key() const override { return key_.c_str(); }
    size_t packed_forward_bytes() const override { return 0; }
    size_t packed_backward_bytes() const override { return 0; }
    void pack_forward(const Stream&, const float*, void*) const override {}
    void pack_backward(const Stream&, const float*, void*) const override {}
    const char* implementation() const override { return "winograd 4x4"; }

    size_t workspace_bytes() const override {
        const int64_t filters = int64_t(points) * s_.c_in * s_.c_out;
        const int64_t own = block_floats(s_.c_in, s_.c_out), own_back = block_floats(s_.c_out, s_.c_in);
        const int64_t forward = filters + threads_ * std::max(own, own_back);
        const int64_t weights =
            filters + PointMatrices{chunk_, s_.c_in}.floats() + PointMatrices{chunk_, s_.c_out}.floats();
        return size_t(std::max(forward, weights)) * sizeof(float);
    }

    void forward(const Stream&, const void* x, const void* weight, const float* bias, void* y,
                 void* workspace) const override {
        const int64_t taps = 9;
        const FilterView view{s_.c_in, s_.c_out, 1, taps * s_.c_in, s_.c_in, false};
        convolve(x, view, static_cast<const float*>(weight), bias, y, workspace);
    }

    void backward_data(const Stream&, const void* dy, const void* weight, void* dx,
                       void* workspace) const override {
        const int64_t taps = 9;
        const FilterView view{s_.c_out, s_.c_in, taps * s_.c_in, 1, s_.c_in, true};
        convolve(dy, view, static_cast<const float*>(weight), nullptr, dx, workspace);
    }

    void backward_weights(const Stream&, const void* x, const void* dy, float* d_weight, float* d_bias,
                          void* workspace) const override {
        if (dtype_ == Dtype::f32)
            gradients(static_cast<const float*>(x), static_cast<const float*>(dy), d_weight, d_bias,
                      static_cast<float*>(workspace));
        else
            gradients(static_cast<const bf16*>(x), static_cast<const bf16*>(dy), d_weight, d_bias,
                      static_cast<float*>(workspace));
    }

private:
    int64_t block_floats(int depth, int width) const {
        const int panel = std::min(width, widest_panel * lanes);
        return PointMatrices{block_, depth}.floats() + PointMatrices{block_, panel}.floats();
    }

    void convolve(const void* x, const FilterView& view, const float* weight, const float* bias, void* y,
                  void* workspace) const {
        if (dtype_ == Dtype::f32)
            convolve(static_cast<const float*>(x), Filters(view), weight, bias, static_cast<float*>(y),
                     static_cast<float*>(workspace));
        else
            convolve(static_cast<const bf16*>(x), Filters(view), weight, bias, static_cast<bf16*>(y),
                     static_cast<float*>(workspace));
    }

    template <class T>
    void convolve(const T* x, const Filters& filters, const float* weight, const float* bias, T* y,
                  float* u) const {
        filters.transform(weight, u);
        const int64_t tiles = tiling_.count(), blocks = ceil_div(tiles, block_);
        // Where there are fewer blocks than threads, each block's panels are shared out, at the price of
        // transforming its inputs again.
        const int panels = filters.panels.count();
        const int shares =
            blocks >= threads_ ? 1 : int(std::min<int64_t>(panels, ceil_div(threads_, blocks)));
        float* own = u + filters.floats();
        const int64_t own_floats = block_floats(filters.view.depth, filters.view.width);
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
        for (int64_t task = 0; task < blocks * shares; ++task) {
            const int64_t first = task / shares * block_, count = std::min<int64_t>(block_, tiles - first);
            const int share = int(task % shares);
            convolve_block(x, filters, bias, y, u, own + thread_index() * own_floats, first, count,
                           share * panels / shares, (share + 1) * panels / shares);
        }
    }

    template <class T>
    void convolve_block(const T* x, const Filters& filters, const float* bias, T* y, float* u, float* v,
                        int64_t first, int64_t count, int first_panel, int last_panel) const {
        const int depth = filters.view.depth, width = filters.view.width;
        const PointMatrices inputs{block_, depth};
        float* m = v + inputs.floats();
        for (int64_t t = 0; t < count; ++t)
            transform_input_tile(x, tiling_, first + t, depth, v + t * depth, inputs.stride());
        for (int panel = first_panel; panel < last_panel; ++panel) {
            const int vectors = filters.panels.size(panel), columns = vectors * lanes;
            const PointMatrices products{block_, columns};
            const Product product{count, depth, depth, 1, columns, columns, vectors};
            for (int p = 0; p < points; ++p)
                multiply(product, v + p * inputs.stride(), filters.at(u, panel, p),
                         m + p * products.stride());
            for (int64_t t = 0; t < count; ++t)
                for (int j = 0; j < vectors; ++j) {
                    const int channel = (filters.panels.first(panel) + j) * lanes;
                    transform_output_tile(m + t * columns + j * lanes, products.stride(),
                                          bias ? bias + channel : nullptr, y + channel, tiling_, first + t,
                                          width);
                }
        }
    }

    /// dU_p = Σ_t P_p[t]ᵀ·V_p[t], P the transformed dy and V the transformed x; then dW += Gᵀ·dU·G. The tiles
    /// go in chunks of a size that only the shape decides, and each point is summed by one thread.
    template <class T>
    void gradients(const T* x, const T* dy, float* d_weight, float* d_bias, float* du) const {
        const int64_t tiles = tiling_.count(), filter = int64_t(s_.c_in) * s_.c_out;
        const PointMatrices inputs{chunk_, s_.c_in}, outputs{chunk_, s_.c_out};
        float *v = du + points * filter, *g = v + inputs.floats();
        const Panels panels(s_.c_in);
        const int panel_count = panels.count();
        for (int64_t first = 0; first < tiles; first += chunk_) {
            const int64_t count = std::min<int64_t>(chunk_, tiles - first);
#pragma omp parallel num_threads(threads_)
            {
#pragma omp for schedule(static)
                for (int64_t t = 0; t < count; ++t) {
                    transform_input_tile(x, tiling_, first + t, s_.c_in, v + t * s_.c_in, inputs.stride());
                    transform_gradient_tile(dy, tiling_, first + t, s_.c_out, g + t * s_.c_out,
                                            outputs.stride());
                }
#pragma omp for collapse(2) schedule(dynamic)
                for (int p = 0; p < points; ++p)
                    for (int panel = 0; panel < panel_count; ++panel) {
                        const Product product{s_.c_out,          count, 1, s_.c_out, s_.c_in, s_.c_in,
                                              panels.size(panel)};
                        const int64_t column = int64_t(panels.first(panel)) * lanes;
                        const auto run = first == 0 ? multiply : multiply_add;
                        run(product, g + p * outputs.stride(), v + p * inputs.stride() + column,
                            du + p * filter + column);
                    }
            }
            if (d_bias) add_bias_gradient(g, outputs.stride(), count, d_bias);
        }
        add_filter_gradients(du, filter, d_weight);
    }

    /// The first of the points 1, in both directions, is the sum of a tile's gradients.
    void add_bias_gradient(const float* g, int64_t stride, int64_t count, float* d_bias) const {
        const float* sums = g + (6 + 1) * stride;
#pragma omp parallel for schedule(static) num_threads(threads_)
        for (int c = 0; c < s_.c_out; c += lanes) {
            Vector sum = load(d_bias + c);
            for (int64_t t = 0; t < count; ++t) sum += load(sums + t * s_.c_out + c);
            store(d_bias + c, sum);
        }
    }

    void add_filter_gradients(const float* du, int64_t filter, float* d_weight) const {
#pragma omp parallel for schedule(static) num_threads(threads_)
        for (int o = 0; o < s_.c_out; ++o)
            for (int c = 0; c < s_.c_in; c += lanes) {
                Vector v[points];
                for (int p = 0; p < points; ++p) v[p] = load(du + p * filter + int64_t(o) * s_.c_in + c);
                transform_filter_gradient(v);
                for (int tap = 0; tap < 9; ++tap) {
                    float* to = d_weight + (int64_t(o) * 9 + tap) * s_.c_in + c;
                    store(to, load(to) + v[6 * (tap / 3) + tap % 3]);
                }
            }
    }

    ConvolutionShape s_;
    Dtype dtype_;
    Tiling tiling_;
    int threads_, block_, chunk_;
    std::string key_;
};

} // namespace

namespace {

bool applies(const ConvolutionShape& s) {
    const bool three = s.kernel_h == 3 && s.kernel_w == 3 && s.stride == 1;
    const bool padded = s.pad_top == 1 && s.pad_left == 1 && s.pad_bottom == 1 && s.pad_right == 1;
    return three && padded && s.c_in % lanes == 0 && s.c_out % lanes == 0;
}

} // namespace

int channel_multiple() {
    return lanes;
}

bool pays(const ConvolutionShape& s, Dtype dtype) {
    if (!applies(s)) return false;
    // In multiply-adds per pair of channels, as a direct convolution in f32 does them: transforms of tiles
    // cost about as much as a third of their products, those of the filters as much as 70 tiles'.
    const double tiles = double(Tiling{s.n, s.h, s.w}.count());
    const double channels = 2.0 / (1.0 / s.c_in + 1.0 / s.c_out);
    const double winograd = (tiles * (1.35 + 12.0 / channels) + 70.0) * points;
    double direct = 9.0 * s.n * s.h * s.w;
#if defined(__AVX512BF16__)
    if (dtype == Dtype::bf16) direct /= 2;
#endif
    (void)dtype;
    return winograd < direct;
}

std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape& s, Dtype dtype) {
    if (!applies(s)) return nullptr;
    return std::make_unique<Plan>(s, dtype);
}

} // namespace heat::kernels::winograd
