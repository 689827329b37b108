#pragma once

#include <cstddef>
#include <string_view>

namespace relay::scan {

/// Returns how many bytes at the start of `text` change nothing in an idle Layer.
///
/// What follows them is the end of the text, or may begin a key, an escape, a long run of base64 or a line of a dump.
/// Decides by at most two bytes after the one in question, and where the text ends before that, it does not skip. So
/// the borders of pieces make no difference.
std::size_t skip(std::string_view text);

}  // namespace relay::scan
