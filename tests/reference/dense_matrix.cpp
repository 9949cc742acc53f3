#include "tests/reference/dense_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace heat::reference {

DenseMatrix DenseMatrix::identity(int n) {
    return diagonal(std::vector<double>(size_t(n), 1.0));
}

DenseMatrix DenseMatrix::diagonal(const std::vector<double>& entries) {
    DenseMatrix m(int(entries.size()));
    for (int i = 0; i < m.size; ++i) m.at(i, i) = entries[size_t(i)];
    return m;
}

DenseMatrix DenseMatrix::transposed() const {
    DenseMatrix m(size);
    for (int i = 0; i < size; ++i)
        for (int j = 0; j < size; ++j) m.at(i, j) = at(j, i);
    return m;
}

DenseMatrix DenseMatrix::scaled(double factor) const {
    DenseMatrix m = *this;
    for (double& value : m.values) value *= factor;
    return m;
}

DenseMatrix operator+(const DenseMatrix& a, const DenseMatrix& b) {
    DenseMatrix m = a;
    for (size_t i = 0; i < m.values.size(); ++i) m.values[i] += b.values[i];
    return m;
}

DenseMatrix operator*(const DenseMatrix& a, const DenseMatrix& b) {
    DenseMatrix m(a.size);
    for (int i = 0; i < a.size; ++i)
        for (int k = 0; k < a.size; ++k)
            for (int j = 0; j < a.size; ++j) m.at(i, j) += a.at(i, k) * b.at(k, j);
    return m;
}

std::vector<double> operator*(const DenseMatrix& a, const std::vector<double>& x) {
    std::vector<double> y(x.size(), 0.0);
    for (int i = 0; i < a.size; ++i)
        for (int j = 0; j < a.size; ++j) y[size_t(i)] += a.at(i, j) * x[size_t(j)];
    return y;
}

DenseMatrix inverse(const DenseMatrix& a) {
    DenseMatrix left = a, right = DenseMatrix::identity(a.size);
    for (int column = 0; column < a.size; ++column) {
        int pivot = column;
        for (int i = column + 1; i < a.size; ++i)
            if (std::abs(left.at(i, column)) > std::abs(left.at(pivot, column))) pivot = i;
        if (left.at(pivot, column) == 0) throw std::runtime_error("singular matrix");
        for (DenseMatrix* m : {&left, &right}) {
            for (int j = 0; j < a.size && pivot != column; ++j) std::swap(m->at(pivot, j), m->at(column, j));
        }
        const double divisor = left.at(column, column);
        for (DenseMatrix* m : {&left, &right})
            for (int j = 0; j < a.size; ++j) m->at(column, j) /= divisor;
        for (int i = 0; i < a.size; ++i) {
            const double factor = left.at(i, column);
            if (i == column || factor == 0) continue;
            for (DenseMatrix* m : {&left, &right})
                for (int j = 0; j < a.size; ++j) m->at(i, j) -= factor * m->at(column, j);
        }
    }
    return right;
}

DenseMatrix power(const DenseMatrix& a, int n) {
    const DenseMatrix factor = n < 0 ? inverse(a) : a;
    DenseMatrix m = DenseMatrix::identity(a.size);
    for (int i = 0; i < std::abs(n); ++i) m = m * factor;
    return m;
}

DenseMatrix cholesky(const DenseMatrix& a) {
    DenseMatrix l(a.size);
    for (int i = 0; i < a.size; ++i)
        for (int j = 0; j <= i; ++j) {
            double sum = a.at(i, j);
            for (int k = 0; k < j; ++k) sum -= l.at(i, k) * l.at(j, k);
            if (i == j && sum <= 0) throw std::runtime_error("not positive definite");
            l.at(i, j) = i == j ? std::sqrt(sum) : sum / l.at(j, j);
        }
    return l;
}

double relative_difference(const DenseMatrix& a, const DenseMatrix& b) {
    double difference = 0, largest = 0;
    for (size_t i = 0; i < a.values.size(); ++i) {
        if (!std::isfinite(a.values[i])) return INFINITY;
        difference = std::max(difference, std::abs(a.values[i] - b.values[i]));
        largest = std::max(largest, std::abs(b.values[i]));
    }
    return difference / (largest > 0 ? largest : 1);
}

DenseMatrix laplacian(Ghost ghost, int height, int width) {
    DenseMatrix m(height * width);
    /// Where the neighbour at i + step of an axis of length n lies; −1: it is zero.
    const auto neighbour = [ghost](int i, int step, int n) {
        const int at = i + step;
        if (at >= 0 && at < n) return at;
        if (ghost == Ghost::zero) return -1;
        if (ghost == Ghost::mirrored_at_edge || n == 1) return i;
        return i - step;
    };
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j)
            for (const int step : {-1, 1}) {
                const int row = i * width + j;
                m.at(row, row) -= 2;
                if (const int k = neighbour(i, step, height); k >= 0) m.at(row, k * width + j) += 1;
                if (const int k = neighbour(j, step, width); k >= 0) m.at(row, i * width + k) += 1;
            }
    return m;
}

} // namespace heat::reference
