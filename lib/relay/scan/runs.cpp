#include "relay/scan/runs.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/container.hpp"
#include "relay/scan/layer.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

constexpr std::size_t longest_gap_in_base64 = 64;
/// Shorter runs hold no key in base64.
constexpr std::size_t shortest_with_key = 95;

constexpr Table<signed char> base64_values(base64_value);

constexpr Marks escaped = mark(Encoding::backslash) | mark(Encoding::backslash, 1) | mark(Encoding::backslash, 2);

}  // namespace

Runs::Reading::Reading() = default;
Runs::Reading::~Reading() = default;
Runs::~Runs() = default;

void Runs::put(char c, Origin const &origin) {
    ++m_owner->m_collector->steps;
    if (base64_values[c] >= 0) {
        if (m_state == State::inside) {
            decode(c, origin);
        } else if (m_state == State::between && m_line_end) {
            m_state = State::inside;
            decode(c, origin);
        } else {
            if (m_state == State::between) {
                end();
            }
            m_head.value[m_size] = c;
            m_origins[m_size] = origin;
            if (++m_size == shortest) {
                begin();
            }
        }
        return;
    }
    m_size = 0;
    if (m_state == State::inside) {
        m_state = State::between;
        m_gap = 0;
        m_line_end = false;
    }
    if (m_state == State::between) {
        m_line_end = m_line_end || c == '\n' || c == '\r';
        if (++m_gap > longest_gap_in_base64) {
            end();
        }
    }
}

void Runs::end() {
    m_state = State::outside;
    m_size = 0;
    m_length = 0;
    m_count = 0;
    m_digits = 0;
    m_before = {};
    auto const end_of = [](Reading &reading) {
        reading.strand.reset();
        if (reading.layer) {
            reading.layer->end();
        }
    };
    std::for_each(m_base64_readings.begin(), m_base64_readings.end(), end_of);
    std::for_each(m_hex_readings.begin(), m_hex_readings.end(), end_of);
}

void Runs::begin() {
    m_state = State::inside;
    m_size = 0;
    if (auto const what = container_in_base64({m_head.value.data(), shortest})) {
        m_owner->m_collector->unopened(*what, m_owner->m_collector->place_of(m_origins.front(), m_owner->m_encodings));
    }
    for (std::size_t i = 0; i < shortest; ++i) {
        decode(m_head.value[i], m_origins[i]);
    }
}

void Runs::decode(char c, Origin const &origin) {
    ++m_length;
    if (m_owner->m_encodings.size() == Layer::most_layers) {
        if (m_length == shortest_with_key) {
            m_owner->m_collector->unopened("text that is encoded more than twice",
                                           m_owner->m_collector->place_of(origin, m_owner->m_encodings));
        }
        return;
    }
    // A byte begins in the character before the one that completes it.
    decode_base64(base64_values[c], m_before);
    decode_hex(c, m_before);
    m_before = origin;
    m_before_character.value = c;
}

void Runs::decode_base64(int value, Origin const &origin) {
    m_base64.value = (m_base64.value << 6) | static_cast<unsigned>(value);
    ++m_count;
    // Of the four readings, this character is the second, third or fourth of a group in three: each gets one byte.
    for (unsigned place = 1; place <= 3 && place < m_count; ++place) {
        give(m_base64_readings[(m_count - 1 - place) % 4], Encoding::base64,
             static_cast<char>(m_base64.value >> (6 - 2 * place)), origin);
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
