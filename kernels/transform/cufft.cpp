#include "kernels/transform/cufft.h"

#if defined(HEAT_WITH_CUDA)

#include "kernels/error.h"
#include "kernels/memory.h"
#include "kernels/transform/fourier.h"

#include <cufft.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

namespace heat::kernels::cufft {
namespace {

void check(cufftResult status, const char* what) {
    if (status != CUFFT_SUCCESS)
        throw Error(std::string("cuFFT: ") + what + " failed with status " + std::to_string(int(status)) +
                    "; HEAT_TRANSFORM=matrix does without it");
}

/// A plan with the size of the scratch it needs. Plans live as long as the process.
struct Plan {
    cufftHandle handle = 0;
    size_t work_bytes = 0;
};

template <class T>
cufftType type_of(const FourierAxis& axis) {
    if (axis.from_complex()) return sizeof(T) == 4 ? CUFFT_C2R : CUFFT_Z2D;
    return sizeof(T) == 4 ? CUFFT_R2C : CUFFT_D2Z;
}

std::mutex& plan_mutex() {
    static std::mutex mutex;
    return mutex;
}

template <class T>
Plan make_plan(const FourierAxis& axis) {
    Plan plan;
    check(cufftCreate(&plan.handle), "creating a plan");
    try {
        check(cufftSetAutoAllocation(plan.handle, 0), "taking over its scratch");
        long long length = axis.length();
        const bool in_complex = axis.from_complex();
        // Not null, so that cuFFT heeds the strides; with one dimension their values are of no account.
        long long embedded = axis.length();
        check(cufftMakePlanMany64(plan.handle, 1, &length, &embedded, axis.step(), axis.line_step(in_complex),
                                  &embedded, axis.step(), axis.line_step(!in_complex), type_of<T>(axis),
                                  axis.lines(), &plan.work_bytes),
              "planning");
    } catch (const Error&) {
        (void)cufftDestroy(plan.handle); // the error is told already
        throw;
    }
    return plan;
}

/// Call with plan_mutex held.
template <class T>
const Plan& cached_plan(const FourierAxis& axis) {
    using Key = std::tuple<cufftType, int, int64_t, bool>;
    static auto& plans = *new std::map<Key, Plan>();
    const Key key{type_of<T>(axis), axis.length(), axis.lines(), axis.lines_beside()};
    auto found = plans.find(key);
    if (found == plans.end()) found = plans.emplace(key, make_plan<T>(axis)).first;
    return found->second;
}

void execute(cufftType type, cufftHandle handle, void* from, void* to) {
    switch (type) {
    case CUFFT_R2C:
        return check(cufftExecR2C(handle, static_cast<cufftReal*>(from), static_cast<cufftComplex*>(to)),
                     "R2C");
    case CUFFT_C2R:
        return check(cufftExecC2R(handle, static_cast<cufftComplex*>(from), static_cast<cufftReal*>(to)),
                     "C2R");
    case CUFFT_D2Z:
        return check(
            cufftExecD2Z(handle, static_cast<cufftDoubleReal*>(from), static_cast<cufftDoubleComplex*>(to)),
            "D2Z");
    default:
        return check(
            cufftExecZ2D(handle, static_cast<cufftDoubleComplex*>(from), static_cast<cufftDoubleReal*>(to)),
            "Z2D");
    }
}

/// The axes, height first; one of length 1 needs no transform.
std::pair<FourierAxis, FourierAxis> axes(TransformKind kind, int64_t images, int height, int width,
                                         int channels) {
    return {{kind, height, images, int64_t(width) * channels}, {kind, width, images * height, channels}};
}

/// Parts of the workspace begin at multiples of 256 bytes, as cuFFT likes them.
template <class T>
int64_t rounded(int64_t elements) {
    constexpr int64_t unit = 256 / int64_t(sizeof(T));
    return (elements + unit - 1) / unit * unit;
}

template <class T>
int64_t real_elements(const FourierAxis& axis) {
    return rounded<T>(axis.lines() * axis.length());
}
template <class T>
int64_t complex_elements(const FourierAxis& axis) {
    return rounded<T>(2 * axis.lines() * axis.frequencies());
}

template <class T>
void along(const Stream& stream, const FourierAxis& axis, const T* x, T* y, T* workspace) {
    T* real = workspace;
    T* complex = real + real_elements<T>(axis);
    T* scratch = complex + complex_elements<T>(axis);
    T *from = axis.from_complex() ? complex : real, *to = axis.from_complex() ? real : complex;
    fourier_prepare(stream, axis, x, from);
    {
        const std::lock_guard<std::mutex> lock(
            plan_mutex()); // a plan has one stream and one scratch at a time
        const Plan& plan = cached_plan<T>(axis);
        check(cufftSetStream(plan.handle, static_cast<cudaStream_t>(stream.cuda)), "setting the stream");
        check(cufftSetWorkArea(plan.handle, scratch), "setting the scratch");
        execute(type_of<T>(axis), plan.handle, from, to);
    }
    fourier_finish(stream, axis, to, y);
}

} // namespace

template <class T>
int64_t workspace_elements(TransformKind kind, int64_t images, int height, int width, int channels) {
    int64_t most = 0;
    const auto [columns, rows] = axes(kind, images, height, width, channels);
    for (const FourierAxis& axis : {columns, rows}) {
        if (axis.n == 1 || images == 0) continue;
        const std::lock_guard<std::mutex> lock(plan_mutex());
        const auto work = int64_t((cached_plan<T>(axis).work_bytes + sizeof(T) - 1) / sizeof(T));
        most = std::max(most, real_elements<T>(axis) + complex_elements<T>(axis) + work);
    }
    return most;
}

template <class T>
void transform(const Stream& stream, TransformKind kind, const T* x, T* y, int64_t images, int height,
               int width, int channels, T* workspace) {
    const auto [columns, rows] = axes(kind, images, height, width, channels);
    const T* from = x;
    for (const FourierAxis& axis : {columns, rows}) {
        if (axis.n == 1) continue;
        along(stream, axis, from, y, workspace);
        from = y;
    }
    if (from != y)
        copy_memory(stream, y, x, size_t(images) * size_t(channels) * sizeof(T), CopyKind::device_to_device);
}

template int64_t workspace_elements<float>(TransformKind, int64_t, int, int, int);
template int64_t workspace_elements<double>(TransformKind, int64_t, int, int, int);
template void transform(const Stream&, TransformKind, const float*, float*, int64_t, int, int, int, float*);
template void transform(const Stream&, TransformKind, const double*, double*, int64_t, int, int, int,
                        double*);

} // namespace heat::kernels::cufft

#endif
