#include "kernels/error.h"
#include "kernels/levels.h"
#include "kernels/parallel.h"

#include <string>

namespace heat::kernels {

namespace {

struct DrawLevels {
    int32_t* levels;
    float* timesteps;
    uint32_t count;
    const uint32_t* thresholds;
    const float* timestep_of;
    float shift;
    const uint32_t* state;
    uint32_t purpose, image_offset;

    template <int V>
    HEAT_HD void at(int64_t first) const {
        for (int64_t i = first; i < first + V; ++i) {
            const uint32_t image = image_offset + uint32_t(i);
            const uint32_t index =
                thresholds
                    ? weighted_index(thresholds, count,
                                     philox4x32_10(0, image, state[2], purpose, state[0], state[1]).v[0])
                    : uniform_index(count, image, state[2], purpose, state[0], state[1]);
            levels[i] = int32_t(index) + 1;
            timesteps[i] = timestep_of ? timestep_of[index + 1] : float(index + 1) + shift;
        }
    }
};

} // namespace

void draw_levels(const Stream& stream, int32_t* levels, float* timesteps, int64_t images, int count,
                 const uint32_t* thresholds, const float* timestep_of, float shift, const uint32_t* state,
                 uint32_t purpose, uint32_t image_offset) {
    if (count < 1) throw Error("draw_levels: expected at least one level, got " + std::to_string(count));
    parallel_for<1>(stream, images,
                    DrawLevels{levels, timesteps, uint32_t(count), thresholds, timestep_of, shift, state,
                               purpose, image_offset});
}

} // namespace heat::kernels
