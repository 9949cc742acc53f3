#include "tests/reference/resample.h"

#include <cstddef>

namespace heat::reference {

namespace {

/// Calls visit(fine index, coarse index) for each pair of values of a fine 2h × 2w image and the coarse h × w
/// one.
template <class F>
void for_each_pair(int n, int h, int w, int c, F visit) {
    for (int image = 0; image < n; ++image)
        for (int i = 0; i < 2 * h; ++i)
            for (int j = 0; j < 2 * w; ++j)
                for (int k = 0; k < c; ++k)
                    visit(((size_t(image) * 2 * h + i) * 2 * w + j) * c + k,
                          ((size_t(image) * h + i / 2) * w + j / 2) * c + k);
}

} // namespace

std::vector<double> upsample_nearest_forward(const std::vector<double>& x, int n, int h, int w, int c) {
    std::vector<double> y(4 * x.size());
    for_each_pair(n, h, w, c, [&](size_t fine, size_t coarse) { y[fine] = x[coarse]; });
    return y;
}

std::vector<double> upsample_nearest_backward(const std::vector<double>& dy, int n, int h, int w, int c) {
    std::vector<double> dx(dy.size() / 4);
    for_each_pair(n, h, w, c, [&](size_t fine, size_t coarse) { dx[coarse] += dy[fine]; });
    return dx;
}

std::vector<double> average_pool_forward(const std::vector<double>& x, int n, int h, int w, int c) {
    std::vector<double> y(x.size() / 4);
    for_each_pair(n, h / 2, w / 2, c, [&](size_t fine, size_t coarse) { y[coarse] += x[fine] / 4.; });
    return y;
}

std::vector<double> average_pool_backward(const std::vector<double>& dy, int n, int h, int w, int c) {
    std::vector<double> dx(4 * dy.size());
    for_each_pair(n, h / 2, w / 2, c, [&](size_t fine, size_t coarse) { dx[fine] = dy[coarse] / 4.; });
    return dx;
}

} // namespace heat::reference
