#include "kernels/transform/choice.h"

#include "kernels/error.h"
#include "kernels/transform/fftw.h"
#include "kernels/transform/line.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace heat::kernels {
namespace {

// Up to here folded products were faster than FFTW in every case measured; beyond, which is faster depends on
// the kind and the length (bench/results/transforms.json).
constexpr int longest_product = 512;
// On a GPU nothing has been measured.
constexpr int longest_product_on_gpu = 128;

TransformMethod method_of_environment() {
    const char* value = std::getenv("HEAT_TRANSFORM");
    const std::string text = value ? value : "";
    if (text == "matrix") return TransformMethod::matrix;
    if (text == "fft") return TransformMethod::fft;
    if (text.empty() || text == "automatic") return TransformMethod::automatic;
    throw Error("HEAT_TRANSFORM=" + text + ": expected matrix, fft or automatic");
}

bool can_halve(TransformKind kind, int n) {
    return line_transform<float>(kind, n, true) != nullptr;
}

/// The environment's method in place of `automatic`.
TransformMethod chosen_method(TransformMethod method) {
    static const TransformMethod from_environment = method_of_environment();
    return method == TransformMethod::automatic ? from_environment : method;
}

} // namespace

bool halved_on_host(TransformKind kind, int n, TransformMethod method) {
    return chosen_method(method) != TransformMethod::matrix && can_halve(kind, n);
}

bool by_fftw_on_host(TransformKind kind, int height, int width, TransformMethod method) {
    const TransformMethod chosen = chosen_method(method);
    if (chosen == TransformMethod::matrix || !fftw::description()) return false;
    int longest = 0; // of the axes that would be products
    for (const int n : {height, width})
        if (!can_halve(kind, n)) longest = std::max(longest, n);
    return longest > (chosen == TransformMethod::fft ? 0 : longest_product);
}

bool by_cufft(int height, int width, TransformMethod method) {
    const TransformMethod chosen = chosen_method(method);
    return chosen == TransformMethod::fft ||
           (chosen == TransformMethod::automatic && std::max(height, width) > longest_product_on_gpu);
}

} // namespace heat::kernels
