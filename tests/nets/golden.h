#pragma once

// Reading the golden files of tests/golden: tensors in PyTorch's layout (NCHW, OIHW) become the engine's.

#include "engine/io/safetensors.h"
#include "engine/parameters.h"
#include "nets/unet_config.h"

#include <string>
#include <vector>

namespace heat::nets {

class Golden {
public:
    explicit Golden(const std::string& name);

    std::vector<float> values(const std::string& name) const;
    const std::vector<int64_t>& shape(const std::string& name) const { return file_.at(name).shape; }
    /// N×C×H×W of the file as N×H×W×C.
    Tensor images(const std::string& name) const;
    /// One batch of a B×N×C×H×W tensor, or of a B×N one.
    Tensor images(const std::string& name, int64_t batch) const;
    std::vector<float> row(const std::string& name, int64_t batch) const;
    Tensor timesteps() const;
    /// The parameters under `prefix`, into a store; every parameter of the store must be there.
    void load_parameters(const std::string& prefix, ParameterStore& store) const;
    /// The network described in the file's metadata.
    UNetConfig config() const;

private:
    SafetensorsFile file_;
};

} // namespace heat::nets
