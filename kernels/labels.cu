#include "kernels/labels.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

struct DropLabels {
    const int32_t* labels;
    int32_t* kept;
    float rate;
    int32_t null_class;
    const uint32_t* state;
    uint32_t image_offset;

    template <int V>
    HEAT_HD void at(int64_t first) const {
        for (int64_t i = first; i < first + V; ++i) {
            const PhiloxBlock words = philox4x32_10(0, image_offset + uint32_t(i), state[2],
                                                    label_dropout_purpose, state[0], state[1]);
            kept[i] = uniform_from_bits(words.v[0]) < rate ? null_class : labels[i];
        }
    }
};

} // namespace

void drop_labels(const Stream& stream, const int32_t* labels, int32_t* kept, int64_t count, float rate,
                 int32_t null_class, const uint32_t* state, uint32_t image_offset) {
    parallel_for<1>(stream, count, DropLabels{labels, kept, rate, null_class, state, image_offset});
}

} // namespace heat::kernels
