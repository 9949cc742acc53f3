#include "engine/parameters.h"

#include "engine/profiler.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat {

Initialization Initialization::fan_in(int64_t fan_in, float gain) {
    return {Kind::uniform, gain / std::sqrt(float(fan_in))};
}

Parameter ParameterStore::add(std::string name, Shape shape, Initialization initialization,
                              FileLayout layout) {
    const bool taken = std::any_of(entries_.begin(), entries_.end(),
                                   [&](const Entry& e) { return e.parameter.name() == name; });
    if (taken) throw Error(fmt::format("two parameters are named {}", name));
    if (values_.defined())
        throw Error(fmt::format("parameter {} was declared after the memory was allocated", name));
    if (layout == FileLayout::convolution && shape.rank() != 4)
        throw Error(
            fmt::format("parameter {}: a convolution's weight is O×H×W×I, got {}", name, shape.text()));
    Parameter parameter;
    parameter.state_ = std::make_shared<Parameter::State>();
    parameter.state_->name = std::move(name);
    parameter.state_->shape = std::move(shape);
    parameter.state_->store = this;
    parameter.state_->offset = flat_size_;
    parameter.state_->version = &version_;
    entries_.push_back({parameter, initialization, layout, flat_size_});
    flat_size_ += (parameter.shape().count() + 15) / 16 * 16;
    return parameter;
}

void ParameterStore::allocate(Device device, uint64_t seed) {
    values_ = Tensor::zeros(Shape{flat_size_}, Dtype::f32, device);
    for (Entry& e : entries_)
        e.parameter.state_->value =
            values_.slice(e.offset, e.parameter.shape().count()).reshape(e.parameter.shape());
    initialize(seed);
    copy_ = Tensor();
    values_changed();
}

const bf16* ParameterStore::bf16_values() {
    if (!copy_.defined()) copy_ = Tensor(Shape{flat_size_}, Dtype::bf16, values_.device());
    if (!copy_is_current_) {
        const ProfileScope scope("pack weights", values_.device(), [&] {
            return OpWork{double(values_.bytes() + copy_.bytes()), 0, values_.shape().text()};
        });
        kernels::cast(values_.stream(), values_.data<float>(), copy_.data<bf16>(), flat_size_);
        copy_is_current_ = true;
    }
    return copy_.data<bf16>();
}

bf16* ParameterStore::bf16_to_update() {
    return values_.device() == Device::cuda && copy_.defined() && copy_is_current_ ? copy_.data<bf16>()
                                                                                   : nullptr;
}

void ParameterStore::allocate_gradients() {
    gradients_ = Tensor::zeros(Shape{flat_size_}, Dtype::f32, values_.device());
    for (Entry& e : entries_)
        e.parameter.state_->gradient =
            gradients_.slice(e.offset, e.parameter.shape().count()).reshape(e.parameter.shape());
}

void ParameterStore::initialize(uint64_t seed) {
    const RandomState random(seed, Device::cpu);
    for (size_t i = 0; i < entries_.size(); ++i) { // one by one: there is no second copy of all
        const Entry& e = entries_[i];
        if (e.initialization.kind == Initialization::Kind::zeros) continue; // as they are
        const int64_t count = e.parameter.shape().count();
        std::vector<float> values(size_t(count), 1.f);
        if (e.initialization.kind == Initialization::Kind::uniform) {
            const Tensor u = uniform(random, Shape{1, count}, Purpose::initialization, uint32_t(i));
            const float bound = e.initialization.bound;
            std::transform(u.data<float>(), u.data<float>() + count, values.begin(),
                           [=](float x) { return bound * (2.f * x - 1.f); });
        }
        part(i, values_).copy_from_host(values.data(), count);
    }
}

int64_t ParameterStore::parameter_count() const {
    int64_t n = 0;
    for (const Entry& e : entries_) n += e.parameter.shape().count();
    return n;
}

Shape ParameterStore::file_shape(size_t i) const {
    const Shape& s = entries_[i].parameter.shape();
    if (entries_[i].layout == FileLayout::same) return s;
    return Shape{s[0], s[3], s[1], s[2]};
}

namespace {
/// Calls f(memory index, file index) for each value of an O×H×W×I weight stored as O×I×H×W.
template <class F>
void for_each_convolution_value(const Shape& s, F f) {
    const int64_t area = s[1] * s[2], inputs = s[3];
    for (int64_t o = 0; o < s[0]; ++o)
        for (int64_t p = 0; p < area; ++p)
            for (int64_t c = 0; c < inputs; ++c) f((o * area + p) * inputs + c, (o * inputs + c) * area + p);
}
} // namespace

Tensor ParameterStore::part(size_t i, const Tensor& flat) const {
    return flat.slice(entries_[i].offset, entries_[i].parameter.shape().count());
}

std::vector<float> ParameterStore::to_file_layout(size_t i, const Tensor& flat) const {
    std::vector<float> memory = part(i, flat).to_host();
    if (entries_[i].layout == FileLayout::same) return memory;
    std::vector<float> file(memory.size());
    for_each_convolution_value(entries_[i].parameter.shape(),
                               [&](int64_t m, int64_t f) { file[size_t(f)] = memory[size_t(m)]; });
    return file;
}

void ParameterStore::from_file_layout(size_t i, std::span<const float> file, Tensor& flat) const {
    const Entry& e = entries_[i];
    if (int64_t(file.size()) != e.parameter.shape().count())
        throw Error(fmt::format("parameter {} takes {} values, got {}", e.parameter.name(),
                                e.parameter.shape().count(), file.size()));
    Tensor to = part(i, flat);
    if (e.layout == FileLayout::same) {
        to.copy_from_host(file.data(), to.count());
        return;
    }
    std::vector<float> memory(file.size());
    for_each_convolution_value(e.parameter.shape(),
                               [&](int64_t m, int64_t f) { memory[size_t(m)] = file[size_t(f)]; });
    to.copy_from_host(memory.data(), to.count());
}

} // namespace heat
