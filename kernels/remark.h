#pragma once

#include <string>

namespace heat::kernels {

/// Tells the user something that changes no result, such as a slower way taken: a line on standard error, or
/// to the writer set below. Said once in the process for each topic.
void remark_once(const std::string& topic, const std::string& line);

using RemarkWriter = void (*)(const std::string& line);
/// Null restores standard error. Topics already told are told again to a new writer.
void set_remark_writer(RemarkWriter);

} // namespace heat::kernels
