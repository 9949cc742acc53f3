#include "processes/sample_noise.h"

#include "engine/random.h"
#include "processes/combination.h"

#include <cmath>
#include <numbers>

namespace heat::processes {

SampleNoise::SampleNoise(const SampleRequest& request, int steps, int levels, Device device)
    : options_(request.noise), seed_(request.seed), first_(request.image_offset), count_(request.count),
      split_level_(request.noise.split_level(levels)), device_(device) {
    if (!options_.other_seed) return;
    std::vector<float> cosines, sines;
    std::vector<int32_t> rows;
    for (int64_t i = 0; i < count_; ++i) {
        const double way = options_.way_of(first_ + uint32_t(i)), angle = way * std::numbers::pi / 2;
        cosines.push_back(way == 1.0 ? 0.f : float(std::cos(angle))); // the ends are the seeds' own
        sines.push_back(float(std::sin(angle)));
        rows.push_back(int32_t(i));
    }
    cosines_ = upload_table(cosines, 1, device);
    sines_ = upload_table(sines, 1, device);
    rows_ = Tensor::from_host(Shape{count_}, rows, device);
    if (steps > 0)
        other_clock_ = std::make_unique<StepClock>(1, *options_.other_seed,
                                                   std::vector<float>(size_t(steps), 0.f), device);
}

void SampleNoise::mix(Tensor& noise, const Tensor& other) const {
    combine({{noise, cosines_}, {other, sines_}}, rows_.data<int32_t>(), noise);
}

Tensor SampleNoise::start(const Shape& shape) const {
    const RandomState random(seed_, device_);
    if (!options_.one_by_one()) return normal(random, shape, Purpose::prior, first_);
    const Shape one{1, shape[1], shape[2], shape[3]};
    Tensor noise(shape, Dtype::f32, device_);
    for (int64_t i = 0; i < shape[0]; ++i)
        noise.images(i, 1).copy_from(
            normal(random, one, Purpose::prior, options_.image_of(first_ + uint32_t(i))));
    if (!options_.other_seed) return noise;
    Tensor other(shape, Dtype::f32, device_);
    const Tensor end =
        normal(RandomState(*options_.other_seed, device_), one, Purpose::prior, options_.image);
    for (int64_t i = 0; i < shape[0]; ++i) other.images(i, 1).copy_from(end);
    mix(noise, other);
    return noise;
}

void SampleNoise::move_to(int step) {
    if (other_clock_) other_clock_->move_to(step);
}

void SampleNoise::draw(const StepClock& clock, bool own, Tensor& noise, uint32_t layer) {
    if (!options_.one_by_one()) return clock.draw_noise(noise, first_, layer);
    if (options_.other_seed && !other_.defined()) other_ = Tensor(noise.shape(), Dtype::f32, device_);
    for (int64_t i = 0; i < count_; ++i) {
        const uint32_t p = first_ + uint32_t(i), image = options_.image_of(p);
        Tensor one = noise.images(i, 1);
        const uint32_t variation = own ? p % uint32_t(options_.variations) : 0;
        clock.draw_noise(one, image, 4 * variation + layer);
        if (!options_.other_seed) continue;
        Tensor end = other_.images(i, 1);
        other_clock_->draw_noise(end, image, layer);
    }
    if (options_.other_seed) mix(noise, other_);
}

} // namespace heat::processes
