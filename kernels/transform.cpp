#include "kernels/transform.h"

#include "kernels/error.h"
#include "kernels/transform/by_products.h"
#include "kernels/transform/choice.h"
#include "kernels/transform/cufft.h"
#include "kernels/transform/fftw.h"
#include "kernels/transform/image_step.h"

#include <string>

namespace heat::kernels {
namespace {

template <class T>
ImageStep<T> plain_step(TransformKind kind, const T* x, T* y, int64_t images, int height, int width,
                        int channels, TransformMethod method) {
    ImageStep<T> step;
    step.images = images;
    step.height = height;
    step.width = width;
    step.channels = channels;
    step.columns = line_transform<T>(kind, height, halved_on_host(kind, height, method));
    step.rows = line_transform<T>(kind, width, halved_on_host(kind, width, method));
    step.operand_count = 1;
    step.operands[0] = {x, nullptr, true};
    step.sum = y;
    return step;
}

} // namespace

TransformKind inverse_of(TransformKind kind) {
    switch (kind) {
    case TransformKind::dct2:
        return TransformKind::dct3;
    case TransformKind::dct3:
        return TransformKind::dct2;
    case TransformKind::trapezoid_dct1:
        return TransformKind::trapezoid_dct1_inverse;
    case TransformKind::trapezoid_dct1_inverse:
        return TransformKind::trapezoid_dct1;
    default:
        return kind;
    }
}

template <class T>
int64_t transform_workspace_elements(const Stream& stream, TransformKind kind, int64_t images, int height,
                                     int width, int channels, TransformMethod method) {
    const int64_t all = images * height * width * channels;
#if defined(HEAT_WITH_CUDA)
    if (stream.on_cuda && by_cufft(height, width, method))
        return cufft::workspace_elements<T>(kind, images, height, width, channels);
#endif
    if (stream.on_cuda || images == 0) return all;
    if (by_fftw_on_host(kind, height, width, method)) return 0; // before a plan is made of what will not run
    return workspace_elements(plain_step<T>(kind, nullptr, nullptr, images, height, width, channels, method));
}

template <class T>
void transform(const Stream& stream, TransformKind kind, const T* x, T* y, int64_t images, int height,
               int width, int channels, T* workspace, TransformMethod method) {
    if (images < 0 || height < 1 || width < 1 || channels < 1)
        throw Error("transform: expected positive sizes, got " + std::to_string(images) + " images of " +
                    std::to_string(height) + "×" + std::to_string(width) + "×" + std::to_string(channels));
    if (images == 0) return;
    if (stream.on_cuda) {
#if defined(HEAT_WITH_CUDA)
        if (by_cufft(height, width, method))
            return cufft::transform(stream, kind, x, y, images, height, width, channels, workspace);
#endif
        return transform_by_products(stream, kind, x, y, images, height, width, channels, workspace);
    }
    if (by_fftw_on_host(kind, height, width, method))
        return fftw::transform(kind, x, y, images, height, width, channels);
    run(plain_step(kind, x, y, images, height, width, channels, method), workspace);
}

template int64_t transform_workspace_elements<float>(const Stream&, TransformKind, int64_t, int, int, int,
                                                     TransformMethod);
template int64_t transform_workspace_elements<double>(const Stream&, TransformKind, int64_t, int, int, int,
                                                      TransformMethod);
template void transform(const Stream&, TransformKind, const float*, float*, int64_t, int, int, int, float*,
                        TransformMethod);
template void transform(const Stream&, TransformKind, const double*, double*, int64_t, int, int, int, double*,
                        TransformMethod);

double transform_flops(int height, int width, int channels) {
    const double line = double(width) * channels;
    return 2.0 * height * line * (height + line);
}

} // namespace heat::kernels
