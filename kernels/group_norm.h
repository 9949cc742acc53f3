#pragma once

// Group normalisation over NHWC, fused with what surrounds it in a U-Net: the input is the concatenation over
// channels of two tensors (a skip connection needs no concat copy), plus a per-image, per-channel shift (the
// time embedding), and the output may pass through SiLU.
//
//   u[n,r,c] = cat(x, skip)[n,r,c] + shift[n,c]
//   y = act(gamma[c] · (u − mean[n,g]) · rstd[n,g] + beta[c]),   rstd = 1/sqrt(var + epsilon), biased
//   variance
//
// Wu & He 2018. Statistics are f32 and computed in row chunks, so that a large image fills many teams; sums
// have an order fixed by the shape. Variance is taken about a per-channel reference value (no E[x²]−E[x]²
// cancellation).

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// How the work is laid out; results differ in rounding alone.
enum class GroupNormSchedule {
    automatic,    ///< row_chunks on the CPU, whole_images on the GPU
    row_chunks,   ///< chunks of 256 rows; each team combines the sums of its image anew: fewest passes
    whole_images, ///< chunks of 32 rows, and a launch with a team per image that combines: meant to give a
                  ///< GPU more blocks; not measured
};

struct GroupNormShape {
    int images = 0, rows = 0; ///< rows = H·W
    int channels_x = 0, channels_skip = 0;
    int groups = 1;
    float epsilon = 1e-5f;
    bool silu = false;
    GroupNormSchedule schedule = GroupNormSchedule::automatic;

    int channels() const { return channels_x + channels_skip; }
};

template <class T>
struct GroupNormInput {
    const T* x = nullptr;     ///< images × rows × channels_x
    const T* skip = nullptr;  ///< images × rows × channels_skip, or null when channels_skip = 0
    const T* shift = nullptr; ///< images × channels, or null
    const float* gamma = nullptr;
    const float* beta = nullptr;
};

template <class T>
struct GroupNormGradients {
    T* x = nullptr;         ///< null: not wanted
    T* skip = nullptr;      ///< null: not wanted
    T* shift = nullptr;     ///< images × channels; null: not wanted
    float* gamma = nullptr; ///< accumulated into (+=); null: not wanted
    float* beta = nullptr;  ///< accumulated into (+=); null: not wanted
};

/// Bytes of scratch that forward and backward need for this shape on the stream's device (64-byte aligned
/// memory of it).
size_t group_norm_workspace_bytes(const Stream&, const GroupNormShape&);

/// Writes y (images × rows × channels) and statistics (images × groups × {mean, rstd}, f32), which backward
/// reads.
template <class T>
void group_norm_forward(const Stream&, const GroupNormShape&, const GroupNormInput<T>&, T* y,
                        float* statistics, void* workspace);

/// Gradients of the above given dy (images × rows × channels). The shift's gradient comes analytically from
/// the column sums, without another pass.
template <class T>
void group_norm_backward(const Stream&, const GroupNormShape&, const GroupNormInput<T>&,
                         const float* statistics, const T* dy, const GroupNormGradients<T>&, void* workspace);

} // namespace heat::kernels
