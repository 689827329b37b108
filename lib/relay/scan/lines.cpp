#include "relay/scan/lines.hpp"

#include <algorithm>
#include <cstring>

namespace relay::scan {
namespace {

constexpr std::size_t most_kept = 8192;

}  // namespace

Lines::Lines() : m_starts(most_kept) {}

void Lines::feed(std::string_view piece) {
    char const *const begin = piece.data();
    char const *const end = begin + piece.size();
    for (char const *at = begin; at != end; ++at) {
        at = static_cast<char const *>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (at == nullptr) {
            break;
        }
        m_starts[m_count++ % most_kept] = m_read + static_cast<std::uint64_t>(at - begin) + 1;
    }
    m_read += piece.size();
}

std::optional<Lines::Position> Lines::position_of(std::uint64_t offset) const {
    std::uint64_t const oldest = m_count > most_kept ? m_count - most_kept : 0;
    std::uint64_t first = oldest;
    std::uint64_t last = m_count;  // the line is in [first, last)
    if (m_starts[first % most_kept] > offset) {
        return {};
    }
    while (last - first > 1) {
        std::uint64_t const middle = first + (last - first) / 2;
        (m_starts[middle % most_kept] <= offset ? first : last) = middle;
    }
    return Position{first + 1, offset - m_starts[first % most_kept] + 1};
}

}  // namespace relay::scan
