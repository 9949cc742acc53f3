#include "kernels/transform/line.h"

#include <cmath>

namespace heat::kernels {
namespace {

/// What a length needs: its codelets, or else the rotations of its DCT-IV.
template <class T>
struct Level {
    int n = 0;
    CodeletSet<T> codelet;
    struct Rotation {
        T cosine, sine, signed_sine, signed_cosine;
    };
    std::vector<Rotation> rotations;
};

/// The recursions of kernels/transform/codelets.h over memory: `level` counts halvings.
template <class T>
class Halving final : public LineTransform<T> {
public:
    Halving(TransformKind kind, int n, std::vector<Level<T>> levels)
        : levels_(std::move(levels)), inverse_(kind == TransformKind::dct3), first_(T(std::sqrt(1.0 / n))),
          rest_(T(std::sqrt(2.0 / n))) {}

    void run(const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const override {
        const CodeletSet<T>& codelet = levels_[0].codelet;
        if (codelet.dct2)
            (inverse_ ? codelet.dct3 : codelet.dct2)(x, x_stride, y, y_stride, first_, rest_);
        else if (inverse_)
            dct3<true>(0, x, x_stride, y, y_stride, scratch);
        else
            dct2<true>(0, x, x_stride, y, y_stride, scratch);
    }

    int64_t scratch_elements() const override {
        int64_t vectors = 0; // each level keeps its own halves
        for (const Level<T>& level : levels_) vectors += level.n;
        return vectors * lanes<T>;
    }

private:
    static constexpr int64_t step = lanes<T>;

    template <bool Scaled>
    void dct2(size_t level, const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const {
        const Level<T>& l = levels_[level];
        if (!Scaled && l.codelet.plain_dct2)
            return l.codelet.plain_dct2(x, x_stride, y, y_stride, T(1), T(1));
        const int half = l.n / 2;
        T* sum = scratch;
        T* difference = scratch + half * step;
        for (int j = 0; j < half; ++j) {
            Vector<T> a = load_vector(x + j * x_stride), b = load_vector(x + (l.n - 1 - j) * x_stride);
            if constexpr (Scaled) {
                a *= rest_;
                b *= rest_;
            }
            store_vector<T>(sum + j * step, a + b);
            store_vector<T>(difference + j * step, a - b);
        }
        dct2<false>(level + 1, sum, step, y, 2 * y_stride, scratch + l.n * step);
        dct4(level + 1, difference, step, y + y_stride, 2 * y_stride, scratch + l.n * step);
        if constexpr (Scaled) store_vector<T>(y, load_vector(y) * T(std::sqrt(0.5)));
    }

    template <bool Scaled>
    void dct3(size_t level, const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const {
        const Level<T>& l = levels_[level];
        T* sum = scratch;
        const int half = l.n / 2;
        T* difference = scratch + half * step;
        T* rest = scratch + l.n * step;
        sums(level + 1, x, 2 * x_stride, sum, rest);
        dct4(level + 1, x + x_stride, 2 * x_stride, difference, step, rest);
        for (int j = 0; j < half; ++j) {
            Vector<T> a = load_vector(sum + j * step), b = load_vector(difference + j * step);
            if constexpr (Scaled) {
                a *= rest_;
                b *= rest_;
            }
            store_vector<T>(y + j * y_stride, a + b);
            store_vector<T>(y + (l.n - 1 - j) * y_stride, a - b);
        }
    }

    /// DCT-III of the even coefficients, the first of which is coefficient 0 of the whole.
    void sums(size_t level, const T* x, int64_t x_stride, T* y, T* scratch) const {
        const Codelet<T> codelet = levels_[level].codelet.plain_dct3;
        if (codelet)
            codelet(x, x_stride, y, step, T(std::sqrt(0.5)), T(1));
        else
            dct3<false>(level, x, x_stride, y, step, scratch);
    }

    void dct4(size_t level, const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const {
        const Level<T>& l = levels_[level];
        if (l.codelet.plain_dct4) return l.codelet.plain_dct4(x, x_stride, y, y_stride, T(1), T(1));
        const int half = l.n / 2;
        T* p = scratch;
        T* q = scratch + half * step;
        for (int j = 0; j < half; ++j) {
            const auto& r = l.rotations[size_t(j)];
            const Vector<T> a = load_vector(x + j * x_stride), b = load_vector(x + (l.n - 1 - j) * x_stride);
            store_vector<T>(p + j * step, a * r.cosine + b * r.sine);
            store_vector<T>(q + j * step, a * r.signed_sine - b * r.signed_cosine);
        }
        dct2<false>(level + 1, p, step, p, step, scratch + l.n * step);
        dct2<false>(level + 1, q, step, q, step, scratch + l.n * step);
        store_vector(y, load_vector(p));
        store_vector(y + (l.n - 1) * y_stride, load_vector(q));
        for (int m = 1; m < half; ++m) {
            const Vector<T> a = load_vector(p + m * step), b = load_vector(q + (half - m) * step);
            store_vector<T>(y + 2 * m * y_stride, a - b);
            store_vector<T>(y + (2 * m - 1) * y_stride, a + b);
        }
    }

    std::vector<Level<T>> levels_;
    bool inverse_;
    T first_, rest_;
};

} // namespace

template <class T>
std::unique_ptr<LineTransform<T>> halving_transform(TransformKind kind, int n) {
    if (kind != TransformKind::dct2 && kind != TransformKind::dct3) return nullptr;
    std::vector<Level<T>> levels;
    for (int length = n;; length /= 2) {
        Level<T> level;
        level.n = length;
        level.codelet = codelets<T>(length);
        const double pi = 3.14159265358979323846;
        for (int j = 0; j < length / 2; ++j) {
            const double angle = pi * (2 * j + 1) / (4.0 * length), sign = j % 2 ? -1.0 : 1.0;
            level.rotations.push_back({T(std::cos(angle)), T(std::sin(angle)), T(sign * std::sin(angle)),
                                       T(sign * std::cos(angle))});
        }
        levels.push_back(std::move(level));
        if (levels.back().codelet.plain_dct4) break; // the codelets of all three kinds
        if (length % 2 != 0) return nullptr;
    }
    return std::make_unique<Halving<T>>(kind, n, std::move(levels));
}

template std::unique_ptr<LineTransform<float>> halving_transform(TransformKind, int);
template std::unique_ptr<LineTransform<double>> halving_transform(TransformKind, int);

} // namespace heat::kernels
