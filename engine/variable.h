#pragma once

#include "engine/tensor.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace heat {

/// A tensor that autograd knows: a value and, where a gradient is wanted, the slot it is gathered in. Copies
/// share both.
class Variable {
public:
    Variable() = default;
    /// A leaf. With requires_grad its gradient is available after Tape::backward (guidance, figures).
    explicit Variable(Tensor value, bool requires_grad = false);

    bool defined() const { return value_.defined(); }
    const Tensor& value() const { return value_; }
    const Shape& shape() const { return value_.shape(); }
    Dtype dtype() const { return value_.dtype(); }
    Device device() const { return value_.device(); }
    bool requires_grad() const { return gradient_ != nullptr; }

    /// The gradient gathered so far; undefined where nothing has arrived.
    Tensor gradient() const { return gradient_ ? *gradient_ : Tensor(); }
    /// Adds to the gradient, if one is wanted; the first contribution is taken over without a copy. Throws
    /// Error unless shape and type are the value's.
    void add_gradient(Tensor gradient) const;

private:
    friend Variable make_result(Tensor, bool, std::function<void(const Tensor&)>);

    Tensor value_;
    std::shared_ptr<Tensor>
        gradient_; ///< the slot outlives the value: a recorded op keeps only what its backward reads
};

class ParameterStore;

/// A trained tensor: an f32 master in the store's flat array, an f32 gradient beside it that backward passes
/// add to, and forms derived from the master (bf16 copy, packed convolution weights) that are made again
/// after each update.
class Parameter {
public:
    const std::string& name() const { return state_->name; }
    const Shape& shape() const { return state_->shape; }
    const Tensor& value() const;
    /// Where backward accumulates (+=); throws Error before the store's allocate_gradients.
    float* gradient_data() const;
    bool trainable() const { return state_->gradient.defined(); }
    bool defined() const { return state_ != nullptr; }

    /// A buffer of `bytes` derived from the master, filled by `make(buffer)` and kept until the master
    /// changes; `key` names the form. The same buffer is refilled after a change, so its address is stable.
    const void* derived(const std::string& key, size_t bytes, const std::function<void(void*)>& make) const;

    /// Its part of ParameterStore::bf16_values().
    const bf16* bf16_data() const;

private:
    friend class ParameterStore;
    struct Derived {
        Storage storage;
        uint64_t version = 0;
    };
    struct State {
        std::string name;
        Shape shape;
        Tensor value;
        Tensor gradient;
        ParameterStore* store = nullptr;
        int64_t offset = 0;                ///< in the store's flat arrays
        const uint64_t* version = nullptr; ///< the store's; starts at 1
        std::map<std::string, Derived> derived;
    };
    std::shared_ptr<State> state_;
};

/// Records the backward pass of everything computed while it exists, on the thread that made it. One at a
/// time per thread.
class Tape {
public:
    Tape();
    ~Tape();
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    /// The thread's recording tape, or null: then ops keep nothing.
    static Tape* current();

    void record(std::function<void()> step) { steps_.push_back(std::move(step)); }
    /// Runs the recorded steps backwards from a scalar loss whose gradient is 1, freeing each as it goes.
    /// Throws Error for a loss that is not one f32 element, and at the second call: the tape is gone.
    void backward(const Variable& loss);

private:
    std::vector<std::function<void()>> steps_;
    bool used_ = false;
};

/// Stops recording in its scope: what is computed inside keeps nothing.
class NoGradient {
public:
    NoGradient();
    ~NoGradient();
    NoGradient(const NoGradient&) = delete;
    NoGradient& operator=(const NoGradient&) = delete;

private:
    Tape* saved_;
};

/// What every op ends with: wraps `value`, and, when a tape records and `wanted` holds, records
/// `backward(dy)` to be run with the output's gradient.
Variable make_result(Tensor value, bool wanted, std::function<void(const Tensor& dy)> backward);

/// Whether an op must prepare a backward pass for these inputs.
bool wants_gradient(std::initializer_list<const Variable*> inputs,
                    std::initializer_list<const Parameter*> parameters = {});

} // namespace heat
