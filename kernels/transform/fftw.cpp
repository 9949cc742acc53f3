#include "kernels/transform/fftw.h"

#include "kernels/error.h"

#if defined(HEAT_WITH_FFTW)

#include <fftw3.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace heat::kernels::fftw {
namespace {

/// FFTW's C names for f32 and f64.
template <class T>
struct Library;
template <>
struct Library<float> {
    using Plan = fftwf_plan;
    using Dimension = fftwf_iodim64;
    static constexpr auto plan = fftwf_plan_guru64_r2r;
    static constexpr auto execute = fftwf_execute_r2r;
    static constexpr auto init_threads = fftwf_init_threads;
    static constexpr auto set_threads = fftwf_plan_with_nthreads;
};
template <>
struct Library<double> {
    using Plan = fftw_plan;
    using Dimension = fftw_iodim64;
    static constexpr auto plan = fftw_plan_guru64_r2r;
    static constexpr auto execute = fftw_execute_r2r;
    static constexpr auto init_threads = fftw_init_threads;
    static constexpr auto set_threads = fftw_plan_with_nthreads;
};

fftw_r2r_kind fftw_kind(TransformKind kind) {
    switch (kind) {
    case TransformKind::dct1:
    case TransformKind::trapezoid_dct1:
    case TransformKind::trapezoid_dct1_inverse:
        return FFTW_REDFT00;
    case TransformKind::dct2:
        return FFTW_REDFT10;
    case TransformKind::dct3:
        return FFTW_REDFT01;
    default:
        return FFTW_RODFT00;
    }
}

/// FFTW leaves norms out: what element i of an axis is multiplied by before and after.
struct Norms {
    std::vector<double> before, after;
};
Norms norms(TransformKind kind, int n) {
    Norms result{std::vector<double>(size_t(n), 1.0), std::vector<double>(size_t(n), 1.0)};
    switch (kind) {
    case TransformKind::dct1:
    case TransformKind::trapezoid_dct1:
    case TransformKind::trapezoid_dct1_inverse:
        if (n == 1) break; // the identity, which FFTW does not know
        result.after.assign(size_t(n), std::sqrt(0.5 / (n - 1)));
        for (const size_t end : {size_t(0), size_t(n - 1)}) {
            if (kind != TransformKind::trapezoid_dct1) result.before[end] = std::sqrt(2.0);
            if (kind != TransformKind::trapezoid_dct1_inverse) result.after[end] *= std::sqrt(0.5);
        }
        break;
    case TransformKind::dct2:
        result.after.assign(size_t(n), std::sqrt(0.5 / n));
        result.after[0] *= std::sqrt(0.5);
        break;
    case TransformKind::dct3:
        result.before.assign(size_t(n), std::sqrt(0.5 / n));
        result.before[0] *= std::sqrt(2.0);
        break;
    case TransformKind::dst1:
        result.after.assign(size_t(n), std::sqrt(0.5 / (n + 1)));
    }
    return result;
}

/// The products of the axes' factors; empty where all are 1.
template <class T>
std::vector<T> factors(const std::vector<double>& along_height, const std::vector<double>& along_width) {
    std::vector<T> result;
    for (const double h : along_height)
        for (const double w : along_width) result.push_back(T(h * w));
    if (std::all_of(result.begin(), result.end(), [](T factor) { return factor == T(1); })) result.clear();
    return result;
}

/// The transform of one image in place, with its norms.
template <class T>
struct ImagePlan {
    typename Library<T>::Plan plan = nullptr; ///< null: the identity
    std::vector<T> before, after;             ///< height × width, or empty where all are 1
};

template <class T>
ImagePlan<T> make_plan(TransformKind kind, int height, int width, int channels, int threads) {
    ImagePlan<T> image;
    const Norms along_height = norms(kind, height), along_width = norms(kind, width);
    image.before = factors<T>(along_height.before, along_width.before);
    image.after = factors<T>(along_height.after, along_width.after);
    using Dimension = typename Library<T>::Dimension;
    const int64_t line = int64_t(width) * channels;
    std::vector<Dimension> axes;
    const fftw_r2r_kind plain = fftw_kind(kind);
    if (height > 1 || plain != FFTW_REDFT00) axes.push_back({height, line, line});
    if (width > 1 || plain != FFTW_REDFT00) axes.push_back({width, channels, channels});
    if (axes.empty()) return image;
    const Dimension each_channel{channels, 1, 1};
    const std::vector<fftw_r2r_kind> kinds(axes.size(), plain);
    std::vector<T> memory(size_t(height * line));
    static const bool threaded = Library<T>::init_threads() != 0;
    Library<T>::set_threads(threaded ? threads : 1);
    image.plan = Library<T>::plan(int(axes.size()), axes.data(), 1, &each_channel, memory.data(),
                                  memory.data(), kinds.data(), FFTW_ESTIMATE | FFTW_UNALIGNED);
    if (!image.plan)
        throw Error("transform: FFTW has no plan for " + std::to_string(height) + "×" +
                    std::to_string(width) + "×" + std::to_string(channels) + "; choose the matrix method");
    return image;
}

template <class T>
const ImagePlan<T>& cached_plan(TransformKind kind, int height, int width, int channels, int threads) {
    static auto& plans = *new std::map<std::tuple<TransformKind, int, int, int, int>, ImagePlan<T>>();
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    const std::tuple key{kind, height, width, channels, threads};
    auto found = plans.find(key);
    if (found == plans.end())
        found = plans.emplace(key, make_plan<T>(kind, height, width, channels, threads)).first;
    return found->second;
}

/// y = x times the factor of each pixel, by so many threads; y may be x.
template <class T>
void scaled(const T* x, const std::vector<T>& factors, int64_t elements, int channels, T* y, int threads) {
    if (factors.empty()) {
        if (x != y) std::copy_n(x, elements, y);
        return;
    }
    const int64_t pixels = int64_t(factors.size());
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t p = 0; p < pixels; ++p)
        for (int64_t i = p * channels; i < (p + 1) * channels; ++i) y[i] = x[i] * factors[size_t(p)];
}

} // namespace

template <class T>
void transform(TransformKind kind, const T* x, T* y, int64_t images, int height, int width, int channels) {
    const int64_t elements = int64_t(height) * width * channels;
    const bool divided = images < omp_get_max_threads() && elements > 32768;
    const int threads = divided ? omp_get_max_threads() : 1; // of one image
    const ImagePlan<T>& plan = cached_plan<T>(kind, height, width, channels, threads);
#pragma omp parallel for schedule(static) if (!divided && images > 1)
    for (int64_t i = 0; i < images; ++i) {
        T* image = y + i * elements;
        scaled(x + i * elements, plan.before, elements, channels, image, threads);
        if (plan.plan) Library<T>::execute(plan.plan, image, image);
        scaled(image, plan.after, elements, channels, image, threads);
    }
}

const char* description() {
    return fftw_version;
}

#else

namespace heat::kernels::fftw {

template <class T>
void transform(TransformKind, const T*, T*, int64_t, int, int, int) {
    throw Error("transform: this build has no FFTW; install libfftw3-dev and configure with ENGINE_FFTW=ON");
}

const char* description() {
    return nullptr;
}

#endif

template void transform(TransformKind, const float*, float*, int64_t, int, int, int);
template void transform(TransformKind, const double*, double*, int64_t, int, int, int);

} // namespace heat::kernels::fftw
