#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace heat::processes {

/// One right-hand side: a channel of an image, and the power of A it is to be multiplied by.
struct Column {
    int64_t first = 0; ///< position of its first pixel in the images; the next are `channels` apart
    int power = 0;
};

/// The columns of `count` images of `points` pixels and `channels` channels, those of the largest power
/// first.
std::vector<Column> columns_of(int64_t count, int64_t points, int channels, std::span<const int> powers);

/// Images as columns of f64: block[point·lanes + l] is a pixel of column l, times the point's scale.
class ColumnImages {
public:
    virtual ~ColumnImages() = default;
    /// `scale` null: ones.
    virtual void gather(std::span<const Column> columns, const double* scale, double* block,
                        int lanes) const = 0;
    /// Column l of the block to where `column` belongs, divided by the scale.
    virtual void scatter(const Column& column, const double* block, int l, int lanes,
                         const double* scale) const = 0;
};

template <class T>
class TypedColumnImages : public ColumnImages {
public:
    TypedColumnImages(const T* x, T* y, int64_t points, int channels)
        : x_(x), y_(y), points_(points), channels_(channels) {}

    void gather(std::span<const Column> columns, const double* scale, double* block,
                int lanes) const override {
        for (size_t l = 0; l < columns.size(); ++l) {
            const T* from = x_ + columns[l].first;
            for (int64_t p = 0; p < points_; ++p)
                block[p * lanes + int64_t(l)] = double(from[p * channels_]) * (scale ? scale[p] : 1.0);
        }
    }
    void scatter(const Column& column, const double* block, int l, int lanes,
                 const double* scale) const override {
        T* to = y_ + column.first;
        for (int64_t p = 0; p < points_; ++p)
            to[p * channels_] = T(block[p * lanes + l] / (scale ? scale[p] : 1.0));
    }

private:
    const T* x_;
    T* y_;
    int64_t points_;
    int channels_;
};

} // namespace heat::processes
