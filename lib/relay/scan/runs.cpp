#include "relay/scan/runs.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/container.hpp"
#include "relay/scan/layer.hpp"

#include <algorithm>
#include <utility>

namespace relay::scan {
namespace {

/// Of a word before the line end that belongs to a gap.
constexpr std::size_t longest_word = 4;
/// Into which base64 is wrapped.
constexpr std::size_t shortest_line = 60;
/// Shorter runs hold no key in base64.
constexpr std::size_t shortest_with_key = 95;

constexpr Table<signed char> base64_values(base64_value);
constexpr Table<signed char> base32_values(base32_value);

constexpr Marks escaped = mark(Encoding::backslash) | mark(Encoding::backslash, 1) | mark(Encoding::backslash, 2);

}  // namespace

Runs::Reading::Reading() = default;
Runs::Reading::~Reading() = default;
Runs::~Runs() = default;

void Runs::put(char c, Origin const &origin) {
    ++m_owner->m_collector->steps;
    if (m_state == State::between) {
        pass_between(c, origin);
    } else if (base64_values[c] < 0) {
        m_size = 0;
        if (m_state == State::inside) {
            m_state = State::between;
            m_gap = 0;
            m_line_end = false;
            m_last = '\0';
            pass_between(c, origin);
        }
    } else if (m_state == State::inside) {
        if (m_size < shortest) {  // the first characters after a gap
            collect(c, origin);
        }
        decode(c, origin);
    } else {
        collect(c, origin);
        if (m_size == shortest) {
            begin();
        }
    }
}

/// Takes a character of the begin of a run, or of what follows a gap in one: a packed file may begin there.
void Runs::collect(char c, Origin const &origin) {
    m_head.value[m_size] = c;
    m_origins[m_size] = origin;
    if (++m_size < shortest) {
        return;
    }
    if (auto const what = container_in_base64({m_head.value.data(), shortest})) {
        m_owner->m_collector->unopened(*what, m_owner->m_collector->place_of(m_origins.front(), m_owner->m_encodings));
    }
}

void Runs::pass_between(char c, Origin const &origin) {
    bool const is_line_end = c == '\n' || c == '\r';
    if (is_line_end) {
        replay();
        m_line_start = origin.offset + 1;
    }
    if (m_state != State::between) {
        put(c, origin);
        return;
    }
    bool const is_digit = base64_values[c] >= 0;
    if (!m_in_tag && m_line_end && (is_digit || m_held_size > 0)) {
        if (is_digit && m_held_size == 0 && c == m_sign && m_last == '\n') {
            m_last = c;  // the sign of a line of a diff
        } else if (!is_prefix(c, origin)) {
            replay();
            m_state == State::between ? resume(c, origin) : put(c, origin);
        }
        return;
    }
    if (is_digit) {
        bool const joins = m_chunk >= shortest_line && m_gap == 1 && m_last == ' ';
        if (joins) {
            resume(c, origin);
            return;
        }
        collect(c, origin);
        if (m_size > longest_word || m_chunk < shortest_line) {
            end_run();
            return;
        }
    } else {
        m_size = 0;
        m_line_end = m_line_end || is_line_end || (m_in_tag && c == '>');
        m_in_tag = c == '<' || (m_in_tag && c != '>');
    }
    m_last = c;
    if (++m_gap > longest_gap) {
        end();
    }
}

/// Continues the run with a character after a gap.
void Runs::resume(char c, Origin const &origin) {
    m_state = State::inside;
    m_chunk = 0;
    m_size = 0;
    put(c, origin);
}

/// Holds a character that may belong to the prefix of a line. Returns false if it is the first one of the run, or
/// if there is no prefix.
bool Runs::is_prefix(char c, Origin const &origin) {
    std::uint64_t const column = origin.offset - m_line_start;
    if (column >= m_column || m_held_size == longest_gap) {
        if (column == m_column && m_held_size > 0 && base64_values[m_held.value[m_held_size - 1]] < 0) {
            m_held_size = 0;
        }
        return false;
    }
    m_held.value[m_held_size] = c;
    m_held_origins[m_held_size++] = origin;
    return true;
}

/// What was held belongs to the run.
void Runs::replay() {
    std::size_t const size = std::exchange(m_held_size, 0);
    std::uint64_t const column = std::exchange(m_column, 0);
    for (std::size_t i = 0; i < size; ++i) {
        put(m_held.value[i], m_held_origins[i]);
    }
    m_column = column;
}

void Runs::end() {
    replay();
    m_size = 0;
    end_run();
}

void Runs::end_run() {
    m_state = State::outside;
    m_in_tag = false;
    m_chunk = 0;
    m_length = 0;
    m_count = 0;
    m_digits = 0;
    m_only_hex = true;
    m_base32_size = 0;
    m_before = {};
    auto const end_of = [](Reading &reading) {
        reading.strand.reset();
        if (reading.layer) {
            reading.layer->end();
        }
    };
    std::for_each(m_base64_readings.begin(), m_base64_readings.end(), end_of);
    end_of(m_base32_reading);
    std::for_each(m_hex_readings.begin(), m_hex_readings.end(), end_of);
}

void Runs::begin() {
    m_state = State::inside;
    char const first = m_head.value.front();
    m_sign = first == '+' || first == '-' ? first : '\0';
    auto const position =
        m_owner->m_encodings.empty() ? m_owner->m_collector->lines.position_of(m_origins.front().offset) : std::nullopt;
    m_column = position ? position->column - 1 : 0;
    for (std::size_t i = 0; i < shortest; ++i) {
        decode(m_head.value[i], m_origins[i]);
    }
}

void Runs::decode(char c, Origin const &origin) {
    ++m_length;
    ++m_chunk;
    if (m_owner->is_lowest()) {
        if (m_length == shortest_with_key) {
            m_owner->m_collector->unopened("text that is encoded more than twice",
                                           m_owner->m_collector->place_of(origin, m_owner->m_encodings));
        }
        return;
    }
    // A byte begins in the character before the one that completes it.
    decode_base64(c, m_before);
    decode_base32(c, origin);
    decode_hex(c, m_before);
    m_before = origin;
    m_before_character.value = c;
}

void Runs::decode_base64(char c, Origin const &origin) {
    m_base64.value = (m_base64.value << 6) | static_cast<unsigned>(base64_values[c]);
    ++m_count;
    // A key in base64 has other digits than hexadecimal ones, one of its first two characters among them.
    m_only_hex = m_only_hex && hex_value(c) >= 0;
    if (m_only_hex) {
        return;
    }
    // Of the four readings, this character is the second, third or fourth of a group in three: each gets one byte.
    for (unsigned place = 1; place <= 3 && place < m_count; ++place) {
        give(m_base64_readings[(m_count - 1 - place) % 4], Encoding::base64,
             static_cast<char>(m_base64.value >> (6 - 2 * place)), origin);
    }
}

void Runs::decode_base32(char c, Origin const &origin) {
    int const value = base32_values[c];
    char const letter_case = is_letter(c) ? static_cast<char>(c & 0x60) : '\0';
    if (value < 0 || (letter_case != '\0' && m_base32_case != '\0' && letter_case != m_base32_case)) {
        m_base32_size = 0;
    }
    if (value < 0) {
        return;
    }
    if (m_base32_size == 0) {
        m_base32_case = '\0';
        m_base32_bits = 0;
    }
    m_base32_case = letter_case != '\0' ? letter_case : m_base32_case;
    if (m_base32_size == shortest) {
        add_base32(static_cast<unsigned>(value), origin);
        return;
    }
    m_base32_head.value[m_base32_size] = static_cast<unsigned char>(value);
    m_base32_origins[m_base32_size++] = origin;
    for (std::size_t i = 0; m_base32_size == shortest && i < shortest; ++i) {
        add_base32(m_base32_head.value[i], m_base32_origins[i]);
    }
}

void Runs::add_base32(unsigned value, Origin const &origin) {
    constexpr unsigned bits = 5;
    m_base32.value = (m_base32.value << bits) | value;
    m_base32_bits += bits;
    if (m_base32_bits >= 8) {
        m_base32_bits -= 8;
        give(m_base32_reading, Encoding::base32, static_cast<char>(m_base32.value >> m_base32_bits), origin);
    }
}

void Runs::decode_hex(char c, Origin const &origin) {
    int const value = hex_value(c);
    if (value < 0) {
        m_digits = 0;
        return;
    }
    if (m_digits == 0 && (m_before.marks & escaped) != 0) {
        // `\x72656c` of PostgreSQL's bytea: its first byte was taken for an escape.
        give(m_hex_readings[0], Encoding::hex, m_before_character.value, origin);
    }
    m_hex.value = (m_hex.value << 4) | static_cast<unsigned>(value);
    if (++m_digits >= 2) {
        give(m_hex_readings[m_digits % 2], Encoding::hex, static_cast<char>(m_hex.value), origin);
    }
}

void Runs::give(Reading &reading, Encoding encoding, char byte, Origin const &origin) {
    ++m_owner->m_collector->steps;
    Origin const from{origin.offset, 0, origin.marks | origin.outer};
    bool const was_open = reading.strand.open();
    bool const goes_on = reading.strand.put(
        byte, from, [&](char c, Origin const &at) { m_owner->below(reading.layer, encoding).put(c, at); });
    if (was_open && !goes_on) {
        reading.layer->end();
    }
}

}  // namespace relay::scan
