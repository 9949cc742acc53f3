#pragma once

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

namespace heat::processes::test {

/// tests/golden/NAME, a JSON file of another program's results.
inline nlohmann::json golden_json(const std::string& name) {
    std::ifstream file(HEAT_SOURCE_DIR "/tests/golden/" + name);
    REQUIRE(file.good());
    return nlohmann::json::parse(file);
}

} // namespace heat::processes::test
