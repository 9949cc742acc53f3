#include "processes/step_clock.h"

#include "engine/profiler.h"
#include "kernels/philox.h"
#include "kernels/random.h"

namespace heat::processes {

StepClock::StepClock(int64_t images, uint64_t seed, const std::vector<float>& timesteps, Device device)
    : rows_(Shape{images}, Dtype::i32, device), timesteps_(Shape{images}, Dtype::f32, device),
      random_(Shape{3}, Dtype::i32, device) {
    const auto steps = int64_t(timesteps.size());
    std::vector<int32_t> rows, random;
    std::vector<float> values;
    for (int64_t step = 0; step < steps; ++step) {
        rows.insert(rows.end(), size_t(images), int32_t(step));
        values.insert(values.end(), size_t(images), timesteps[size_t(step)]);
        random.insert(random.end(), {int32_t(uint32_t(seed)), int32_t(uint32_t(seed >> 32)), int32_t(step)});
    }
    all_rows_ = Tensor::from_host(Shape{steps, images}, rows, device);
    all_timesteps_ = Tensor::from_host(Shape{steps, images}, values, device);
    all_random_ = Tensor::from_host(Shape{steps, 3}, random, device);
}

void StepClock::move_to(int step) {
    kernels::Event& begun = begun_[step % steps_ahead];
    begun.wait();
    begun.record(rows_.stream());
    rows_.copy_from(all_rows_.images(step, 1).reshape(rows_.shape()));
    timesteps_.copy_from(all_timesteps_.images(step, 1).reshape(timesteps_.shape()));
    random_.copy_from(all_random_.images(step, 1).reshape(random_.shape()));
}

void StepClock::draw_noise(Tensor& noise, uint32_t image_offset, uint32_t layer) const {
    const int64_t images = noise.shape()[0];
    const ProfileScope scope("normal", noise.device(), [&] {
        return OpWork{double(noise.bytes()), 0, noise.shape().text()};
    });
    kernels::fill_normal(noise.stream(), noise.data<float>(), images, noise.count() / images,
                         reinterpret_cast<const uint32_t*>(random_.data<int32_t>()),
                         kernels::purpose_word(kernels::Purpose::step_noise, layer), image_offset);
}

} // namespace heat::processes
