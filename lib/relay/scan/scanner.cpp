#include "relay/scan/scanner.hpp"

#include "relay/scan/skip.hpp"

namespace relay::scan {

Scanner::Scanner() : m_input(m_collector) {}

void Scanner::feed(std::string_view piece) {
    m_collector.lines.feed(piece);
    for (std::size_t at = 0; at < piece.size(); ++at) {
        if (m_input.idle()) {
            at += skip(piece.substr(at));
            if (at == piece.size()) {
                break;
            }
        }
        m_input.put(piece[at], {.offset = m_read + at});
    }
    m_read += piece.size();
}

Findings Scanner::finish() {
    m_input.end();
    return m_collector.take(std::exchange(m_read, 0));
}

}  // namespace relay::scan
