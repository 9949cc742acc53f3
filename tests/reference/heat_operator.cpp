#include "heat_operator.h"

#include <cmath>
#include <stdexcept>
#include <utility>

namespace heat::reference {

SquareMatrix laplacian(char boundary, int height, int width) {
    const int n = height * width;
    SquareMatrix l{n, std::vector<double>(size_t(n) * size_t(n), 0.0)};
    const auto add = [&](int pixel, int position, int extent, int step, int stride) {
        const int neighbour = position + step;
        if (boundary != 'f' && extent == 1) return; // no second difference
        l.at(pixel, pixel) -= 1;
        if (neighbour >= 0 && neighbour < extent)
            l.at(pixel, pixel + step * stride) += 1;
        else if (boundary == 'a')
            l.at(pixel, pixel - step * stride) += 1;
        else if (boundary == 'h')
            l.at(pixel, pixel) += 1;
    };
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j)
            for (const int step : {-1, 1}) {
                add(i * width + j, i, height, step, width);
                add(i * width + j, j, width, step, 1);
            }
    return l;
}

namespace {
SquareMatrix identity_plus(const SquareMatrix& l, double c) {
    SquareMatrix m = l;
    for (double& value : m.values) value *= c;
    for (int i = 0; i < m.n; ++i) m.at(i, i) += 1;
    return m;
}

using Vector = std::vector<long double>;

/// LU with partial pivoting, once; then solves.
class Elimination {
public:
    explicit Elimination(const SquareMatrix& m)
        : n_(size_t(m.n)), lu_(m.values.begin(), m.values.end()), pivots_(n_) {
        for (size_t k = 0; k < n_; ++k) {
            size_t pivot = k;
            for (size_t i = k + 1; i < n_; ++i)
                if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
            pivots_[k] = pivot;
            if (at(pivot, k) == 0) throw std::runtime_error("singular matrix");
            if (pivot != k)
                for (size_t j = 0; j < n_; ++j) std::swap(at(k, j), at(pivot, j));
            for (size_t i = k + 1; i < n_; ++i) {
                const long double factor = at(i, k) / at(k, k);
                at(i, k) = factor;
                if (factor == 0) continue;
                for (size_t j = k + 1; j < n_; ++j) at(i, j) -= factor * at(k, j);
            }
        }
    }
    Vector solve(Vector b) const {
        for (size_t k = 0; k < n_; ++k) std::swap(b[k], b[pivots_[k]]);
        for (size_t i = 0; i < n_; ++i)
            for (size_t j = 0; j < i; ++j) b[i] -= at(i, j) * b[j];
        for (size_t i = n_; i-- > 0;) {
            for (size_t j = i + 1; j < n_; ++j) b[i] -= at(i, j) * b[j];
            b[i] /= at(i, i);
        }
        return b;
    }

private:
    long double& at(size_t i, size_t j) { return lu_[i * n_ + j]; }
    long double at(size_t i, size_t j) const { return lu_[i * n_ + j]; }

    size_t n_;
    Vector lu_;
    std::vector<size_t> pivots_;
};

Vector product(const SquareMatrix& m, const Vector& x) {
    Vector y(x.size(), 0);
    for (int i = 0; i < m.n; ++i)
        for (int j = 0; j < m.n; ++j) y[size_t(i)] += m.at(i, j) * x[size_t(j)];
    return y;
}
} // namespace

SquareMatrix heat_s(const SquareMatrix& laplacian, double k, double theta) {
    return identity_plus(laplacian, -(1 - theta) * k);
}
SquareMatrix heat_t(const SquareMatrix& laplacian, double k, double theta) {
    return identity_plus(laplacian, theta * k);
}

std::vector<double> heat_power(const SquareMatrix& s, const SquareMatrix& t, int power,
                               const std::vector<double>& u) {
    Vector x(u.begin(), u.end());
    if (power != 0) {
        const Elimination system(power > 0 ? s : t);
        for (int n = 0; n < std::abs(power); ++n) x = system.solve(product(power > 0 ? t : s, x));
    }
    return {x.begin(), x.end()};
}

} // namespace heat::reference
