#include "nets/layers.h"

namespace heat::nets {
namespace {
Initialization initialization(Start start, int64_t fan_in) {
    return start == Start::zeros ? Initialization::zeros() : Initialization::fan_in(fan_in);
}
} // namespace

LayerParameters convolution_parameters(ParameterStore& store, const std::string& name, int inputs,
                                       int outputs, int kernel, Start start) {
    const Initialization init = initialization(start, int64_t(inputs) * kernel * kernel);
    return {
        store.add(name + ".weight", Shape{outputs, kernel, kernel, inputs}, init, FileLayout::convolution),
        store.add(name + ".bias", Shape{outputs}, init)};
}

LayerParameters linear_parameters(ParameterStore& store, const std::string& name, int inputs, int outputs,
                                  Start start) {
    const Initialization init = initialization(start, inputs);
    return {store.add(name + ".weight", Shape{outputs, inputs}, init),
            store.add(name + ".bias", Shape{outputs}, init)};
}

LayerParameters norm_parameters(ParameterStore& store, const std::string& name, int channels) {
    return {store.add(name + ".weight", Shape{channels}, Initialization::ones()),
            store.add(name + ".bias", Shape{channels}, Initialization::zeros())};
}

} // namespace heat::nets
