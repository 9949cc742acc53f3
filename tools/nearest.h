#pragma once

#include <string>
#include <vector>

namespace heat::tools {

/// The one of `names` that takes the fewest insertions, deletions and replacements to become `name`; "" where
/// there are no names.
std::string nearest_name(const std::string& name, const std::vector<std::string>& names);

} // namespace heat::tools
