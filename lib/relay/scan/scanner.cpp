#include "relay/scan/scanner.hpp"

#include <algorithm>
#include <utility>

namespace relay::scan {

Scanner::Scanner(TakeKey take)
    : m_collector(std::move(take)),
      m_inside([this](Container const &kind, std::uint64_t offset) {
          m_collector.unopened(kind.name, m_collector.place_of({.offset = offset}, {}));
      }),
      m_numbers(m_collector),
      m_input(m_collector),
      m_log(m_collector) {}

void Scanner::feed(std::string_view piece) {
    // Lines knows where the last ones begin, so it must not be far ahead.
    constexpr std::size_t most_ahead = 4096;
    for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), most_ahead))) {
        scan(piece.substr(0, most_ahead));
    }
}

void Scanner::scan(std::string_view piece) {
    m_collector.lines.feed(piece);
    m_inside.feed(piece);
    m_numbers.feed(piece);
    m_input.read(piece, m_read);
    m_log.feed(piece);
    m_read += piece.size();
}

Findings Scanner::finish() {
    m_inside.end();
    m_numbers.end();
    m_input.end();
    m_log.end();
    return m_collector.take(std::exchange(m_read, 0));
}

}  // namespace relay::scan
