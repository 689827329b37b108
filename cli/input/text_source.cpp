#include "cli/input/text_source.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t source_piece_size = 64 * 1024;

}  // namespace

TextSource TextSource::of(std::string_view text) {
    return TextSource([text](std::span<char> room) mutable {
        std::size_t const size = std::min(text.size(), room.size());
        std::copy_n(text.begin(), size, room.begin());
        text.remove_prefix(size);
        return size;
    });
}

bool TextSource::read_on() {
    m_dropped += m_taken;
    m_buffer.erase(0, m_taken);
    m_taken = 0;
    std::size_t const before = m_buffer.size();
    if (m_ended || before >= most_at_once) {
        return false;
    }
    m_buffer.resize(before + source_piece_size);
    std::size_t const got = m_read(std::span(m_buffer).subspan(before));
    m_buffer.resize(before + got);
    m_ended = got == 0;
    return got > 0;
}

void TextSource::skip_line() {
    while (!view().empty() || read_on()) {
        std::string_view const text = view();
        std::size_t const end = text.find('\n');
        take(end == text.npos ? text.size() : end + 1);
        if (end != text.npos) {
            return;
        }
    }
}

}  // namespace relay::cli
