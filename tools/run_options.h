#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace heat::tools {

/// Options that several commands have in the same words.

/// --weights, ema or model: which of a checkpoint's.
void add_weights_option(CLI::App& command, std::string& weights);
/// --dtype of activations; the run's where `dtype` is empty.
void add_dtype_option(CLI::App& command, std::string& dtype);
/// --device, auto, cpu or cuda: where to compute.
void add_device_option(CLI::App& command, std::string& device);

} // namespace heat::tools
