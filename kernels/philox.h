#pragma once

// Philox4x32-10 (Salmon et al. 2011), the engine's only source of randomness. Key = seed; counter = (element
// / 4, image, step, purpose and layer): a number depends on what it is for, never on batch size, device or
// thread.

#include "kernels/math.h"

namespace heat::kernels {

struct PhiloxBlock {
    uint32_t v[4];
};

/// High 16 bits of the last counter word; the low 16 bits are free for a layer id.
enum class Purpose : uint32_t {
    initialization = 1,
    data_order = 2,
    timestep = 3,
    training_noise = 4,
    dropout = 5,
    prior = 6,
    step_noise = 7,
    augmentation = 8,
};

HEAT_HD uint32_t purpose_word(Purpose purpose, uint32_t layer = 0) {
    return uint32_t(purpose) << 16 | (layer & 0xffffu);
}

HEAT_HD PhiloxBlock philox4x32_10(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0,
                                  uint32_t k1) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
        const uint32_t n0 = uint32_t(p1 >> 32) ^ c1 ^ k0, n2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
        c1 = uint32_t(p1);
        c3 = uint32_t(p0);
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return PhiloxBlock{{c0, c1, c2, c3}};
}

/// Uniform in (0, 1): never 0, never 1.
HEAT_HD float uniform_from_bits(uint32_t bits) {
    return (float(int32_t(bits >> 9)) + 0.5f) * 1.1920929e-7f;
}

/// Box–Muller: two independent standard normals from two words. The radius comes from a, the angle pi·t, t in
/// [-1, 1), from b.
HEAT_HD void normal_pair_from_bits(uint32_t a, uint32_t b, float& z0, float& z1) {
    const float u = (float(int32_t(a >> 8)) + 1.f) * 5.9604645e-8f; // (0, 1]
    const float radius = sqrtf(-2.f * log_f32(u));
    const float t = float(int32_t(b) >> 8) * 1.1920929e-7f;
    const bool outer = t > 0.5f || t < -0.5f; // fold into [-1/2, 1/2], where the series hold
    const float folded = t > 0.5f ? 1.f - t : (t < -0.5f ? -1.f - t : t);
    const float cosine = cos_pi_half(folded);
    z0 = radius * (outer ? -cosine : cosine);
    z1 = radius * sin_pi_half(folded);
}

} // namespace heat::kernels
