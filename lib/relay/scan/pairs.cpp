#include "relay/scan/pairs.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/layer.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

/// What may be between two bytes.
constexpr bool is_between(char c) { return std::string_view(" :,-;\t\r\n\"'{}[]\\").find(c) != std::string_view::npos; }

constexpr bool is_x(char c) { return c == 'x' || c == 'X'; }

constexpr Table<bool> may_belong([](char c) { return hex_value(c) >= 0 || is_between(c) || is_x(c); });

/// Eight bytes with one character between them have more characters than this.
constexpr std::size_t stride = 16;

}  // namespace

Pairs::Pairs(Collector &collector) : m_collector(&collector) {}
Pairs::~Pairs() = default;

void Pairs::feed(std::string_view piece) {
    for (std::size_t at = 0; at < piece.size(); ++at) {
        if (idle()) {
            at += first_that_matters(piece.substr(at));
            if (at == piece.size()) {
                break;
            }
        }
        put(piece[at], m_read + at);
    }
    m_read += piece.size();
}

/// Returns how many bytes at the start of `text` are before any pairs. If a row of them covers sixteen bytes, it has
/// the last of these; so a byte that cannot belong to it saves looking at those before.
std::size_t Pairs::first_that_matters(std::string_view text) const {
    std::size_t at = 0;
    while (at + stride <= text.size()) {
        std::size_t last = at + stride;
        while (last > at && may_belong[text[last - 1]]) {
            --last;
        }
        if (last == at) {
            return at;
        }
        at = last;
    }
    return at;
}

void Pairs::end() {
    if (m_digits == 2) {
        complete();
    }
    forget();
    m_read = 0;
}

void Pairs::put(char c, std::uint64_t offset) {
    ++m_collector->steps;
    if (int const value = hex_value(c); value >= 0) {
        if (m_digits >= 2) {  // not a byte
            forget();
            m_digits = 3;
            return;
        }
        m_begin = m_digits == 0 ? offset : m_begin;
        m_value.value = (m_digits == 0 ? 0 : m_value.value << 4) | static_cast<unsigned>(value);
        ++m_digits;
        return;
    }
    if (is_x(c) && m_digits == 1 && m_value.value == 0) {  // `0x` is before a byte
        m_digits = 0;
        put_between('0');
        put_between('x');
        return;
    }
    if (m_digits == 2) {
        complete();
    }
    bool const is_cut = m_digits == 1 || m_digits == 3;
    m_digits = 0;
    // `\n` is a line end in a string of JSON.
    bool const is_line_end = (c == 'n' || c == 'r' || c == 't') && m_count == enough;
    if (is_cut || !(is_between(c) || is_line_end)) {
        forget();
        return;
    }
    put_between(c);
}

void Pairs::put_between(char c) {
    if (m_count == 0) {
        return;
    }
    if (m_between_size < m_between.size()) {
        m_between[m_between_size] = c;
    }
    if (++m_between_size > (m_count == enough ? longest_gap : longest_between)) {
        forget();
    }
}

void Pairs::complete() {
    Byte const byte{static_cast<char>(m_value.value), m_begin};
    m_digits = 0;
    if (m_count == enough) {
        m_between_size = 0;
        give(byte);
        return;
    }
    bool const is_same = m_between_size == m_always_size &&
                         std::equal(m_between.begin(), m_between.begin() + static_cast<std::ptrdiff_t>(m_between_size),
                                    m_always.begin());
    if (m_count >= 2 && !is_same) {  // begin anew, with the last one
        m_kept.value[0] = m_kept.value[m_count - 1];
        m_count = 1;
    }
    if (m_count == 1) {
        m_always = m_between;
        m_always_size = m_between_size;
    }
    m_kept.value[m_count++] = byte;
    m_between_size = 0;
    if (m_count == enough) {
        for (Byte const &kept : m_kept.value) {
            give(kept);
        }
    }
}

void Pairs::give(Byte const &byte) {
    if (!m_layer) {
        m_layer = std::make_unique<Layer>(*m_collector, std::vector<Encoding>{Encoding::hex});
    }
    bool const was_open = m_strand.open();
    bool const goes_on =
        m_strand.put(byte.value, Origin{.offset = byte.offset}, [&](char c, Origin const &at) { m_layer->put(c, at); });
    if (was_open && !goes_on) {
        m_layer->end();
    }
}

void Pairs::forget() {
    if (m_count == enough) {
        m_strand.reset();
        if (m_layer) {
            m_layer->end();
        }
    }
    m_count = 0;
    m_digits = 0;
    m_between_size = 0;
}

}  // namespace relay::scan
