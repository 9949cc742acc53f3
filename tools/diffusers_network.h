#pragma once

#include "tools/configuration.h"
#include "tools/json_settings.h"

#include <nlohmann/json.hpp>

namespace heat::tools {

// The configuration of diffusers' UNet2DModel (its config.json) and ours.

/// Sets [network] and the image size of `configuration`; keys that are missing have the package's defaults.
/// Throws Error naming what the network asks for and this program lacks.
void read_diffusers_network(JsonSettings& settings, Configuration& configuration);

/// The config.json of a configuration's network. Throws Error naming what UNet2DModel has no counterpart for.
nlohmann::json diffusers_network(const Configuration& configuration);

} // namespace heat::tools
