#pragma once

#include "cli/input/text_source.hpp"

#include <algorithm>
#include <span>
#include <string_view>

namespace relay::fuzz {

/// A source that gives `text` in pieces of `piece` bytes, or in 12 pieces if it is long: each read costs as much as the
/// room that it is given.
inline cli::TextSource in_pieces(std::string_view text, std::size_t piece) {
    piece = std::max(piece, text.size() / 12);
    return cli::TextSource([text, piece](std::span<char> room) mutable {
        std::size_t const size = std::min({piece, text.size(), room.size()});
        std::copy_n(text.begin(), size, room.begin());
        text.remove_prefix(size);
        return size;
    });
}

}  // namespace relay::fuzz
