#include "relay/scan/dump.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/layer.hpp"

#include <algorithm>
#include <utility>

namespace relay::scan {
namespace {

/// Other lines between those of a dump: a column of text with `\n` in it looks like several lines.
constexpr unsigned most_others = 4;

/// Returns whether a line of a dump, without what is before it, can begin with `c`.
bool is_start(char c) { return is_letter_or_digit(c) || c == '*'; }

}  // namespace

Dump::Dump(Layer &owner) : m_owner(&owner) {}
Dump::~Dump() = default;

bool Dump::may_begin_line(char c) { return is_hex_digit(c) || !is_letter_or_digit(c); }

void Dump::read(char c, Origin const &origin) {
    ++m_owner->m_collector->steps;
    if (c == '\n' || c == '\r') {
        finish_line();
        return;
    }
    if (m_state == State::other) {
        if (c == '"') {
            m_after_quote = true;
            m_state = State::offset;
            m_size = 0;
            m_digits = 0;
        }
        return;
    }
    if (std::exchange(m_after_quote, false) && !may_begin_string(c)) {
        m_state = State::other;
        return;
    }
    if (m_size == longest_line) {
        m_state = State::other;
        return;
    }
    if (m_size == 0) {
        m_origin = origin;
    }
    m_text.value[m_size++] = c;
    // Indentation, a quote prefix or a byte order mark may be before the offset.
    if (m_state == State::line || (m_digits == 0 && !is_letter_or_digit(c))) {
        return;
    }
    bool const hex_prefix = c == 'x' && m_digits == 1;
    if (is_hex_digit(c)) {
        ++m_digits;
    } else if (!hex_prefix) {
        m_state = m_digits >= 4 && (c == ' ' || c == '\t' || c == ':') ? State::line : State::other;
    }
}

void Dump::end() {
    finish_line();
    forget();
}

void Dump::forget() {
    m_last_size = 0;
    m_last_groups = {};
    m_base = 0;
    m_equal = false;
    m_others = 0;
    for (Layer *const layer : {m_in_order.get(), m_swapped.get()}) {
        if (layer != nullptr) {
            layer->end();
        }
    }
}

void Dump::finish_line() {
    std::string_view text(m_text.value.data(), m_size);
    State const state = std::exchange(m_state, State::offset);
    m_size = 0;
    m_digits = 0;
    m_after_quote = false;
    if (text.empty() || m_owner->is_lowest()) {
        return;  // of CRLF, the second half
    }
    text.remove_prefix(static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_start) - text.begin()));
    if (state == State::offset && text == "*" && m_last_size > 0) {
        m_equal = true;
        return;
    }
    if (auto const line = state == State::line ? read_dump_line(text, m_last_groups) : std::nullopt) {
        give(*line);
    } else if (m_last_size > 0 && ++m_others > most_others) {
        forget();
    }
}

unsigned Dump::base_after(DumpLine const &line) const {
    std::string_view const before(m_last_offset.data(), m_last_offset_size);
    for (unsigned const base : {8U, 10U, 16U}) {
        auto const start = read_offset(before, base);
        auto const now = read_offset(line.offset, base);
        if (start && now && *now - *start == m_last_size) {
            return base;
        }
    }
    return 0;
}

std::size_t Dump::equal_lines(DumpLine const &next) const {
    std::string_view const before(m_last_offset.data(), m_last_offset_size);
    unsigned const base = m_base != 0 ? m_base : next.groups.bits == 4 ? 16 : 8;
    auto const from = read_offset(before, base);
    auto const to = read_offset(next.offset, base);
    if (!from || !to || *to <= *from) {
        return 0;
    }
    return static_cast<std::size_t>(std::min<std::uint64_t>((*to - *from) / m_last_size - 1, most_equal_lines));
}

void Dump::give(DumpLine const &line) {
    Origin const from{m_origin.offset, 0, m_origin.marks | m_origin.outer};
    auto const give_to = [&](std::unique_ptr<Layer> &layer, std::string_view bytes) {
        for (char const byte : bytes) {
            m_owner->below(layer, Encoding::dump).put(byte, from);
        }
    };
    if (m_last_size > 0 && m_equal) {
        for (std::size_t i = equal_lines(line); i > 0; --i) {
            give_to(m_in_order, {m_last.value.data(), m_last_size});
            give_to(m_swapped, {m_last_swapped.value.data(), m_last_size});
        }
    } else if (unsigned const base = m_last_size > 0 ? base_after(line) : 0; base != 0) {
        m_base = base;
    } else if (m_last_size > 0) {
        forget();  // another dump begins
    }
    give_to(m_in_order, {line.bytes.data(), line.size});
    if (line.groups.bytes > 1) {  // the machine's order of bytes decides which comes first
        give_to(m_swapped, {line.swapped.data(), line.size});
    }
    m_equal = false;
    m_others = 0;
    m_last_groups = line.groups;
    m_last.value = line.bytes;
    m_last_swapped.value = line.swapped;
    m_last_size = line.size;
    m_last_offset_size = std::min(line.offset.size(), m_last_offset.size());
    std::copy_n(line.offset.begin(), m_last_offset_size, m_last_offset.begin());
}

}  // namespace relay::scan
