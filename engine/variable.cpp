#include "engine/variable.h"

#include "engine/parameters.h"
#include "engine/profiler.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <utility>

namespace heat {
namespace {
thread_local Tape* recording = nullptr;
} // namespace

Variable::Variable(Tensor value, bool requires_grad) : value_(std::move(value)) {
    if (requires_grad) gradient_ = std::make_shared<Tensor>();
}

void Variable::add_gradient(Tensor gradient) const {
    if (!gradient_) return;
    expect_same("gradient", value_, gradient);
    if (!gradient_->defined()) {
        *gradient_ = std::move(gradient);
        return;
    }
    const ProfileScope scope("add gradients", gradient.device(), [&] {
        return OpWork{3.0 * double(gradient.bytes()), double(gradient.count()), gradient.shape().text(),
                      gradient.dtype()};
    });
    // A new tensor: the one that is there may be shared with another variable.
    Tensor sum(gradient.shape(), gradient.dtype(), gradient.device());
    with_activation_type(gradient.dtype(), [&]<class T>(T) {
        kernels::linear_combination<T>(sum.stream(), 1.f, std::as_const(*gradient_).data<T>(), 1.f,
                                       std::as_const(gradient).data<T>(), sum.data<T>(), sum.count());
    });
    *gradient_ = std::move(sum);
}

const Tensor& Parameter::value() const {
    if (!state_->value.defined())
        throw Error(
            fmt::format("parameter {} has no memory yet: call ParameterStore::allocate first", state_->name));
    return state_->value;
}

float* Parameter::gradient_data() const {
    if (!state_->gradient.defined())
        throw Error(fmt::format("parameter {} has no gradient: call ParameterStore::allocate_gradients first",
                                state_->name));
    return state_->gradient.data<float>();
}

const void* Parameter::derived(const std::string& key, size_t bytes,
                               const std::function<void(void*)>& make) const {
    Derived& entry = state_->derived[key];
    if (!entry.storage) entry.storage = allocate(value().device(), bytes);
    if (entry.version != *state_->version) {
        const ProfileScope scope("pack weights", value().device(), [&] {
            return OpWork{double(value().bytes() + bytes), 0, value().shape().text()};
        });
        make(entry.storage.get());
        entry.version = *state_->version;
    }
    return entry.storage.get();
}

const bf16* Parameter::bf16_data() const {
    return state_->store->bf16_values() + state_->offset;
}

Tape::Tape() {
    if (recording) throw Error("this thread already records on a tape: finish that one first");
    recording = this;
}

Tape::~Tape() {
    if (recording == this) recording = nullptr;
}

Tape* Tape::current() {
    return recording;
}

void Tape::backward(const Variable& loss) {
    if (used_) throw Error("backward was called twice: the first call freed the tape");
    if (loss.shape().count() != 1 || loss.dtype() != Dtype::f32)
        throw Error(fmt::format("backward starts from one f32 element, got {} of shape {}",
                                name_of(loss.dtype()), loss.shape().text()));
    used_ = true;
    recording = nullptr;
    loss.add_gradient(Tensor::full(loss.shape(), 1.f, loss.device()));
    while (!steps_.empty()) {
        steps_.back()();
        steps_.pop_back(); // what the step kept returns to the pool at once
    }
}

NoGradient::NoGradient() : saved_(std::exchange(recording, nullptr)) {}
NoGradient::~NoGradient() {
    recording = saved_;
}

Variable make_result(Tensor value, bool wanted, std::function<void(const Tensor&)> backward) {
    const bool record = wanted && recording;
    Variable result(std::move(value), record);
    if (record) {
        recording->record([slot = result.gradient_, backward = std::move(backward)] {
            const Tensor dy = std::exchange(*slot, Tensor());
            if (dy.defined()) backward(dy);
        });
    }
    return result;
}

bool wants_gradient(std::initializer_list<const Variable*> inputs,
                    std::initializer_list<const Parameter*> parameters) {
    if (!recording) return false;
    for (const Variable* v : inputs)
        if (v->requires_grad()) return true;
    for (const Parameter* p : parameters)
        if (p->defined() && p->trainable()) return true;
    return false;
}

} // namespace heat
