#include "tests/reference/gemm.h"

#include <cstddef>

namespace heat::reference {

std::vector<double> gemm(int m, int n, int k, const std::vector<double>& a, const std::vector<double>& b,
                         bool transpose_a, bool transpose_b) {
    std::vector<double> d(size_t(m) * n);
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j)
            for (int l = 0; l < k; ++l)
                d[size_t(i) * n + j] += (transpose_a ? a[size_t(l) * m + i] : a[size_t(i) * k + l]) *
                                        (transpose_b ? b[size_t(j) * k + l] : b[size_t(l) * n + j]);
    return d;
}

} // namespace heat::reference
