#include "kernels/transform/image_step.h"

#include <algorithm>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace heat::kernels {
namespace {

int thread_count() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}

/// `row_count` rows of `columns` elements, at most as many rows as a vector has lanes, into one vector a
/// column: lane r is row r, and 0 beyond the last.
template <class T>
void load_transposed(const T* rows, int64_t row_stride, int row_count, int64_t columns, T* out) {
    constexpr int n = lanes<T>;
    if (columns < n) {
        for (int64_t c = 0; c < columns; ++c)
            for (int r = 0; r < n; ++r) out[c * n + r] = r < row_count ? rows[r * row_stride + c] : T(0);
        return;
    }
    for (int64_t c = 0; c < columns; c += n) {
        const int64_t first = std::min(c, columns - n); // the last tile may repeat columns of the one before
        Vector<T> tile[n];
        if (row_count == n)
            unrolled<n>([&](auto r) __attribute__((always_inline)) {
                tile[r] = load_vector(rows + r * row_stride + first);
            });
        else
            for (int r = 0; r < n; ++r)
                tile[r] = r < row_count ? load_vector(rows + r * row_stride + first) : Vector<T>{};
        transpose(tile);
        unrolled<n>([&](auto i)
                        __attribute__((always_inline)) { store_vector<T>(out + (first + i) * n, tile[i]); });
    }
}

/// The way back: lanes beyond row_count are dropped.
template <class T>
void store_transposed(const T* in, int64_t columns, int row_count, T* rows, int64_t row_stride) {
    constexpr int n = lanes<T>;
    if (columns < n) {
        for (int64_t c = 0; c < columns; ++c)
            for (int r = 0; r < row_count; ++r) rows[r * row_stride + c] = in[c * n + r];
        return;
    }
    for (int64_t c = 0; c < columns; c += n) {
        const int64_t first = std::min(c, columns - n);
        Vector<T> tile[n];
        unrolled<n>([&](auto i)
                        __attribute__((always_inline)) { tile[i] = load_vector(in + (first + i) * n); });
        transpose(tile);
        if (row_count == n)
            unrolled<n>([&](auto r) __attribute__((always_inline)) {
                store_vector<T>(rows + r * row_stride + first, tile[r]);
            });
        else
            for (int r = 0; r < row_count; ++r) store_vector<T>(rows + r * row_stride + first, tile[r]);
    }
}

/// The working memory of one thread.
template <class T>
struct Scratch {
    T* lines;       ///< of a LineTransform
    T* block;       ///< a block of rows or columns, one vector an element of a line
    T* accumulated; ///< the sum of the operands in that form
    T* table;       ///< a block of a table in that form
    T* images;      ///< what lies between the passes, where an image stays in a core's cache
};

template <class T>
class Runner {
public:
    explicit Runner(const ImageStep<T>& step)
        : step_(step), line_(int64_t(step.width) * step.channels), elements_(step.height * line_) {
        for (int k = 0; k < step.operand_count; ++k) transformed_ += step.operands[k].transformed;
        buffers_ = std::max(transformed_, step.result_count);
    }

    int64_t workspace_elements() const { return buffers_ * elements_; }

    void run(T* workspace) const {
        const int64_t bytes = elements_ * int64_t(sizeof(T));
        const bool few = step_.images < thread_count();
        if (bytes <= largest_cached_bytes && !(few && bytes > smallest_divided_bytes))
            images_in_parallel();
        else
            blocks_in_parallel(workspace);
    }

private:
    static constexpr int n = lanes<T>;
    // An image and its copy between the passes should stay in a core's level-2 cache; a smaller image is not
    // worth dividing among threads.
    static constexpr int64_t largest_cached_bytes = 512 << 10, smallest_divided_bytes = 32 << 10;

    /// A thread computes whole images.
    void images_in_parallel() const {
#pragma omp parallel if (step_.images > 1)
        {
            const Scratch<T> scratch = scratch_of_this_thread(buffers_ * elements_);
#pragma omp for schedule(static)
            for (int64_t image = 0; image < step_.images; ++image) {
                for (int b = 0; b < transformed_; ++b)
                    for (int64_t c = 0; c < line_; c += n)
                        columns(*step_.columns, source(b, image), scratch.images + b * elements_, c, scratch);
                for (int r = 0; r < step_.height; r += n) rows(image, r, scratch.images, scratch);
                for (int m = 0; m < step_.result_count; ++m)
                    for (int64_t c = 0; c < line_; c += n)
                        columns(*step_.inverse_columns, scratch.images + m * elements_, target(m, image), c,
                                scratch);
            }
        }
    }

    /// All threads share an image; what lies between the passes is in `images`.
    void blocks_in_parallel(T* images) const {
#pragma omp parallel
        {
            const Scratch<T> scratch = scratch_of_this_thread(0);
            for (int64_t image = 0; image < step_.images; ++image) {
                for (int b = 0; b < transformed_; ++b) {
#pragma omp for schedule(static)
                    for (int64_t c = 0; c < line_; c += n)
                        columns(*step_.columns, source(b, image), images + b * elements_, c, scratch);
                }
#pragma omp for schedule(static)
                for (int r = 0; r < step_.height; r += n) rows(image, r, images, scratch);
                for (int m = 0; m < step_.result_count; ++m) {
#pragma omp for schedule(static)
                    for (int64_t c = 0; c < line_; c += n)
                        columns(*step_.inverse_columns, images + m * elements_, target(m, image), c, scratch);
                }
            }
        }
    }

    /// The data of the operand that is the b-th to be transformed.
    const T* source(int b, int64_t image) const {
        int k = 0;
        while (!step_.operands[k].transformed || b-- > 0) ++k;
        return step_.operands[k].data + image * elements_;
    }
    T* target(int m, int64_t image) const {
        return step_.results[m].data + image * elements_;
    }

    Scratch<T> scratch_of_this_thread(int64_t image_elements) const {
        const auto rounded = [](int64_t count) { return (count + n - 1) / n * n; };
        int64_t lines = 0;
        for (const LineTransform<T>* transform :
             {step_.columns, step_.rows, step_.inverse_columns, step_.inverse_rows})
            if (transform) lines = std::max(lines, transform->scratch_elements());
        const int64_t block = std::max<int64_t>(line_, step_.height) * n;
        static thread_local std::vector<Vector<T>> memory;
        const auto needed =
            size_t((rounded(lines) + 2 * block + int64_t(step_.width) * n + rounded(image_elements)) / n);
        if (memory.size() < needed) memory.resize(needed);
        Scratch<T> scratch;
        scratch.lines = reinterpret_cast<T*>(memory.data());
        scratch.block = scratch.lines + rounded(lines);
        scratch.accumulated = scratch.block + block;
        scratch.table = scratch.accumulated + block;
        scratch.images = scratch.table + int64_t(step_.width) * n;
        return scratch;
    }

    /// Transforms the columns from `first` on, a vector of them, along the height.
    void columns(const LineTransform<T>& transform, const T* x, T* y, int64_t first,
                 const Scratch<T>& scratch) const {
        const int64_t count = std::min<int64_t>(line_ - first, n);
        if (count == n) {
            transform.run(x + first, line_, y + first, line_, scratch.lines);
            return;
        }
        for (int64_t h = 0; h < step_.height; ++h)
            for (int64_t c = 0; c < n; ++c)
                scratch.block[h * n + c] = c < count ? x[h * line_ + first + c] : T(0);
        transform.run(scratch.block, n, scratch.block, n, scratch.lines);
        for (int64_t h = 0; h < step_.height; ++h)
            for (int64_t c = 0; c < count; ++c) y[h * line_ + first + c] = scratch.block[h * n + c];
    }

    /// The rows of an image from `first` on, a vector of them: all that lies between the transforms of the
    /// columns, from and to `images`.
    void rows(int64_t image, int first, T* images, const Scratch<T>& scratch) const {
        const int count = std::min(step_.height - first, n);
        const int64_t offset = first * line_;
        // A result is made in the block, which a second one would find changed.
        const bool alone = step_.operand_count == 1 && step_.result_count < 2;
        T* total = alone ? scratch.block : scratch.accumulated;
        for (int k = 0, b = 0; k < step_.operand_count; ++k) {
            const auto& operand = step_.operands[k];
            const T* from = operand.transformed ? images + elements_ * b++ : operand.data + image * elements_;
            load_transposed(from + offset, line_, count, line_, scratch.block);
            if (operand.transformed) transform_rows(*step_.rows, scratch);
            multiply(scratch.block, operand.table, image, first, count, total, k > 0, scratch.table);
        }
        if (step_.sum) store_transposed(total, line_, count, step_.sum + image * elements_ + offset, line_);
        for (int m = 0; m < step_.result_count; ++m) {
            multiply(total, step_.results[m].table, image, first, count, scratch.block, false, scratch.table);
            transform_rows(*step_.inverse_rows, scratch);
            store_transposed(scratch.block, line_, count, images + m * elements_ + offset, line_);
        }
    }

    void transform_rows(const LineTransform<T>& transform, const Scratch<T>& scratch) const {
        const int64_t stride = int64_t(step_.channels) * n;
        for (int c = 0; c < step_.channels; ++c) {
            T* lines = scratch.block + int64_t(c) * n;
            transform.run(lines, stride, lines, stride, scratch.lines);
        }
    }

    /// out = table·in, or out + table·in, for a block of rows; out may be in.
    void multiply(const T* in, const T* table, int64_t image, int first, int count, T* out, bool add,
                  T* table_block) const {
        if (!table) {
            if (add)
                for (int64_t i = 0; i < line_ * n; ++i) out[i] += in[i];
            else if (out != in)
                std::copy(in, in + line_ * n, out);
            return;
        }
        const T* row = table + (step_.table_rows ? int64_t(step_.table_rows[image]) : 0) * step_.table_width;
        const int channels = step_.channels;
        const bool single = step_.table_width == 1;
        if (!single)
            load_transposed(row + int64_t(first) * step_.width, step_.width, count, step_.width, table_block);
        for (int w = 0; w < step_.width; ++w) {
            const Vector<T> factor = single ? Vector<T>{} + *row : load_vector(table_block + int64_t(w) * n);
            for (int64_t i = int64_t(w) * channels * n, end = i + int64_t(channels) * n; i < end; i += n) {
                const Vector<T> product = factor * load_vector(in + i);
                store_vector<T>(out + i, add ? load_vector(out + i) + product : product);
            }
        }
    }

    const ImageStep<T>& step_;
    int64_t line_, elements_;
    int transformed_ = 0, buffers_ = 0;
};

} // namespace

template <class T>
int64_t workspace_elements(const ImageStep<T>& step) {
    return Runner<T>(step).workspace_elements();
}

template <class T>
void run(const ImageStep<T>& step, T* workspace) {
    if (step.images > 0) Runner<T>(step).run(workspace);
}

template int64_t workspace_elements(const ImageStep<float>&);
template int64_t workspace_elements(const ImageStep<double>&);
template void run(const ImageStep<float>&, float*);
template void run(const ImageStep<double>&, double*);

} // namespace heat::kernels
