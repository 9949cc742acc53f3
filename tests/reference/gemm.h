#pragma once

#include <vector>

namespace heat::reference {

/// op(A)·op(B), m × n: A is m × k (k × m when transpose_a), B is k × n (n × k when transpose_b), all
/// row-major.
std::vector<double> gemm(int m, int n, int k, const std::vector<double>& a, const std::vector<double>& b,
                         bool transpose_a = false, bool transpose_b = false);

} // namespace heat::reference
