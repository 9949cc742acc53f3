#pragma once

#include "engine/ops/conv2d.h"
#include "engine/ops/group_norm.h"
#include "engine/ops/linear.h"
#include "engine/parameters.h"

namespace heat::nets {

/// Weight and bias of a layer, declared in a store under `name.weight` and `name.bias`.
struct LayerParameters {
    Parameter weight, bias;
};

/// PyTorch's default initialisation (uniform, bound 1/sqrt(fan_in), for weight and bias), or zeros for a
/// layer that should begin silent.
enum class Start { fan_in, zeros };

/// A k×k convolution's parameters, `outputs`×k×k×`inputs` in memory.
LayerParameters convolution_parameters(ParameterStore& store, const std::string& name, int inputs,
                                       int outputs, int kernel, Start start = Start::fan_in);
/// A linear layer's, outputs×inputs.
LayerParameters linear_parameters(ParameterStore& store, const std::string& name, int inputs, int outputs,
                                  Start start = Start::fan_in);
/// A normalisation's: weight (gamma) ones, bias (beta) zeros.
LayerParameters norm_parameters(ParameterStore& store, const std::string& name, int channels);

} // namespace heat::nets
