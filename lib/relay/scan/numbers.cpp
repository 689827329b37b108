#include "relay/scan/numbers.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/layer.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

/// What may be between two bytes.
constexpr bool is_between(char c) { return std::string_view(" :,-;\t\r\n\"'{}[]\\").find(c) != std::string_view::npos; }

constexpr bool is_x(char c) { return c == 'x' || c == 'X'; }

/// Hexadecimal has the digits of all forms.
constexpr Table<bool> may_belong([](char c) { return hex_value(c) >= 0 || is_between(c) || is_x(c); });

/// Returns the value of a digit, or -1.
int digit_value(char c, unsigned base) {
    int const value = hex_value(c);
    return value < static_cast<int>(base) ? value : -1;
}

/// Eight bytes with one character between them have more characters than this.
constexpr std::size_t stride = 16;

/// No form has more.
constexpr std::size_t most_digits = 8;

/// Returns how many digits are at the start of `text`.
std::size_t count_digits(std::string_view text) {
    auto const end = std::find_if_not(text.begin(), text.end(), is_hex_digit);
    return static_cast<std::size_t>(end - text.begin());
}

/// Returns how many bytes at the start of `text` are before any numbers. If a row of them covers sixteen bytes, it has
/// the last of these; so a byte that cannot belong to it saves looking at those before.
std::size_t first_that_matters(std::string_view text) {
    std::size_t at = 0;
    while (at + stride <= text.size()) {
        std::size_t last = at + stride;
        while (last > at && may_belong[text[last - 1]]) {
            --last;
        }
        if (last == at) {
            std::size_t const digits = count_digits(text.substr(at));
            if (digits <= most_digits || at + digits == text.size()) {
                return at;
            }
            last = at + digits;
        }
        at = last;
    }
    return at;
}

}  // namespace

NumberRow::NumberRow(Collector &collector, NumberForm const &form) : m_collector(&collector), m_form(form) {}
NumberRow::~NumberRow() = default;

void NumberRow::end() {
    if (is_whole()) {
        complete();
    }
    forget();
}

void NumberRow::put(char c, std::uint64_t offset) {
    ++m_collector->steps;
    if (int const value = digit_value(c, m_form.base); value >= 0) {
        if (m_digits >= m_form.most_digits) {  // not a byte
            if (!may_be_offset()) {
                forget();
            }
            m_digits = m_form.most_digits + 1;
            return;
        }
        m_begin = m_digits == 0 ? offset : m_begin;
        m_value.value = (m_digits == 0 ? 0 : m_value.value * m_form.base) + static_cast<unsigned>(value);
        ++m_digits;
        return;
    }
    if (is_x(c) && m_digits == 1 && m_value.value == 0 && m_form.base == 16) {  // `0x` is before a byte
        m_digits = 0;
        put_between('0');
        put_between('x');
        return;
    }
    bool const is_cut = m_digits > 0 && !is_whole() && !(m_digits > m_form.most_digits && may_be_offset());
    if (is_whole()) {
        complete();
    }
    m_digits = 0;
    // `\n` is a line end in a string of JSON.
    bool const is_line_end = (c == 'n' || c == 'r' || c == 't') && m_count == enough;
    if (is_cut || !(is_between(c) || is_line_end)) {
        forget();
        return;
    }
    put_between(c);
}

bool NumberRow::is_whole() const {
    return m_digits >= m_form.least_digits && m_digits <= m_form.most_digits && m_value.value <= 0xFF;
}

/// Whether a number that is too long may be the offset with which od begins a line.
bool NumberRow::may_be_offset() const { return m_count == enough && m_line_end; }

void NumberRow::put_between(char c) {
    if (m_count == 0) {
        return;
    }
    m_line_end = m_line_end || c == '\n' || c == '\r';
    if (is_blank(c) && m_between_size > 0 && m_between_size <= m_between.size() &&
        is_blank(m_between[m_between_size - 1])) {
        return;  // numbers of different widths are below each other
    }
    if (m_between_size < m_between.size()) {
        m_between[m_between_size] = c;
    }
    if (++m_between_size > (m_count == enough ? longest_gap : longest_between)) {
        forget();
    }
}

void NumberRow::complete() {
    Byte const byte{static_cast<char>(m_value.value), m_begin};
    m_digits = 0;
    m_line_end = false;
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

void NumberRow::give(Byte const &byte) {
    if (!m_layer) {
        m_layer = std::make_unique<Layer>(*m_collector, std::vector<Encoding>{m_form.encoding});
    }
    bool const was_open = m_strand.open();
    bool const goes_on =
        m_strand.put(byte.value, Origin{.offset = byte.offset}, [&](char c, Origin const &at) { m_layer->put(c, at); });
    if (was_open && !goes_on) {
        m_layer->end();
    }
}

void NumberRow::forget() {
    if (m_count == enough) {
        m_strand.reset();
        if (m_layer) {
            m_layer->end();
        }
    }
    m_count = 0;
    m_digits = 0;
    m_between_size = 0;
    m_line_end = false;
}

Numbers::Numbers(Collector &collector)
    : m_rows{NumberRow(collector, number_forms[0]), NumberRow(collector, number_forms[1]),
             NumberRow(collector, number_forms[2]), NumberRow(collector, number_forms[3])} {}

bool Numbers::idle() const {
    return std::all_of(m_rows.begin(), m_rows.end(), [](NumberRow const &row) { return row.idle(); });
}

void Numbers::feed(std::string_view piece) {
    for (std::size_t at = 0; at < piece.size(); ++at) {
        if (idle()) {
            at += first_that_matters(piece.substr(at));
            if (at == piece.size()) {
                break;
            }
        }
        for (NumberRow &row : m_rows) {
            row.put(piece[at], m_read + at);
        }
    }
    m_read += piece.size();
}

void Numbers::end() {
    for (NumberRow &row : m_rows) {
        row.end();
    }
    m_read = 0;
}

}  // namespace relay::scan
