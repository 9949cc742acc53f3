#pragma once

#include "tools/configuration.h"
#include "tools/json_settings.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace heat::tools {

// The configurations of diffusers' schedulers (DDPM, DDIM, DPMSolverMultistep, DPMSolverSinglestep,
// UniPCMultistep, EulerDiscrete, HeunDiscrete), and ours.

/// Sets [process] and [sample] of `configuration`; keys that are missing have the package's defaults. Returns
/// remarks on what will be sampled otherwise than by that scheduler. Throws Error naming what the scheduler
/// asks for and this program lacks.
std::vector<std::string> read_diffusers_scheduler(JsonSettings& settings, const std::string& class_name,
                                                  Configuration& configuration);

/// The scheduler_config.json of a configuration: that of its solver for ddim, dpm-solver's
/// and unipc, else a DDPMScheduler. Throws Error for a process or path that diffusers' schedulers have no
/// counterpart for.
nlohmann::json diffusers_scheduler(const Configuration& configuration);

} // namespace heat::tools
