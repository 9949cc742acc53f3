#include "kernels/parallel.h"
#include "kernels/random.h"

namespace heat::kernels {

namespace {

struct Normals {
    HEAT_HD static Vec<float, 4> from_block(const PhiloxBlock& bits) {
        Vec<float, 4> z;
        normal_pair_from_bits(bits.v[0], bits.v[1], z.v[0], z.v[1]);
        normal_pair_from_bits(bits.v[2], bits.v[3], z.v[2], z.v[3]);
        return z;
    }
};

struct Uniforms {
    HEAT_HD static Vec<float, 4> from_block(const PhiloxBlock& bits) {
        Vec<float, 4> u;
        for (int k = 0; k < 4; ++k) u.v[k] = uniform_from_bits(bits.v[k]);
        return u;
    }
};

/// One team per (image, run of blocks); a block is the four elements of one Philox counter. The last block of
/// an image may be cut short.
template <class Distribution>
struct FillRandom {
    float* out;
    int64_t elements;
    const uint32_t* state;
    uint32_t purpose, image_offset;
    const uint32_t* image_index;
    int runs;

    static constexpr int blocks_per_run = 1024;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index() / runs, run = team.index() % runs;
        const int64_t first = int64_t(run) * blocks_per_run * 4;
        const int count = int(elements - first < blocks_per_run * 4 ? elements - first : blocks_per_run * 4);
        const uint32_t image_word = image_index ? image_index[image] : image_offset + uint32_t(image);
        const uint32_t seed_low = state[0], seed_high = state[1], step = state[2], purpose_word = purpose;
        const uint32_t first_block = uint32_t(first / 4);
        const int blocks = count / 4;
        float* y = out + image * elements + first;
        team.for_each(blocks, [=](int b) {
            const Vec<float, 4> values = Distribution::from_block(philox4x32_10(
                first_block + uint32_t(b), image_word, step, purpose_word, seed_low, seed_high));
            for (int k = 0; k < 4; ++k) y[4 * b + k] = values.v[k];
        });
        team.for_each(count - 4 * blocks, [=](int k) {
            const Vec<float, 4> values = Distribution::from_block(philox4x32_10(
                first_block + uint32_t(blocks), image_word, step, purpose_word, seed_low, seed_high));
            y[4 * blocks + k] = values.v[k];
        });
    }
};

template <class Distribution>
void fill_random(const Stream& stream, float* out, int64_t images, int64_t elements, const uint32_t* state,
                 uint32_t purpose, uint32_t image_offset, const uint32_t* image_index) {
    const int64_t run = FillRandom<Distribution>::blocks_per_run * 4;
    const int runs = int((elements + run - 1) / run);
    parallel_teams(stream, int(images) * runs,
                   FillRandom<Distribution>{out, elements, state, purpose, image_offset, image_index, runs});
}

struct WriteState {
    uint32_t* state;
    uint32_t seed_low, seed_high, step;

    template <int V>
    HEAT_HD void at(int64_t) const {
        state[0] = seed_low;
        state[1] = seed_high;
        state[2] = step;
    }
};

} // namespace

void write_random_state(const Stream& stream, uint32_t* state, uint64_t seed, uint32_t step) {
    parallel_for<1>(stream, 1, WriteState{state, uint32_t(seed), uint32_t(seed >> 32), step});
}

void fill_normal(const Stream& stream, float* out, int64_t images, int64_t elements, const uint32_t* state,
                 uint32_t purpose, uint32_t image_offset, const uint32_t* image_index) {
    fill_random<Normals>(stream, out, images, elements, state, purpose, image_offset, image_index);
}

void fill_uniform(const Stream& stream, float* out, int64_t images, int64_t elements, const uint32_t* state,
                  uint32_t purpose, uint32_t image_offset, const uint32_t* image_index) {
    fill_random<Uniforms>(stream, out, images, elements, state, purpose, image_offset, image_index);
}

} // namespace heat::kernels
