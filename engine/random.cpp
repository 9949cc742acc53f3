#include "engine/random.h"

#include "engine/profiler.h"
#include "kernels/random.h"

namespace heat {

RandomState::RandomState(uint64_t seed, Device device) : seed_(seed), words_(Shape{3}, Dtype::i32, device) {
    set_step(0);
}

void RandomState::set_step(uint32_t step) {
    kernels::write_random_state(words_.stream(), static_cast<uint32_t*>(words_.raw()), seed_, step);
}

const uint32_t* RandomState::device_words() const {
    return reinterpret_cast<const uint32_t*>(words_.data<int32_t>());
}

namespace {
int64_t elements_per_image(const Shape& shape) {
    return shape.rank() && shape[0] ? shape.count() / shape[0] : 1;
}

OpWork written(const Tensor& t) {
    return {double(t.bytes()), 0, t.shape().text()};
}
} // namespace

Tensor normal(const RandomState& random, Shape shape, Purpose purpose, uint32_t image_offset,
              uint32_t layer) {
    Tensor t(std::move(shape), Dtype::f32, random.device());
    const ProfileScope scope("normal", t.device(), [&] { return written(t); });
    kernels::fill_normal(t.stream(), t.data<float>(), t.shape()[0], elements_per_image(t.shape()),
                         random.device_words(), kernels::purpose_word(purpose, layer), image_offset);
    return t;
}

Tensor uniform(const RandomState& random, Shape shape, Purpose purpose, uint32_t image_offset,
               uint32_t layer) {
    Tensor t(std::move(shape), Dtype::f32, random.device());
    const ProfileScope scope("uniform", t.device(), [&] { return written(t); });
    kernels::fill_uniform(t.stream(), t.data<float>(), t.shape()[0], elements_per_image(t.shape()),
                          random.device_words(), kernels::purpose_word(purpose, layer), image_offset);
    return t;
}

} // namespace heat
