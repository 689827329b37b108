#include "relay/scan/number_row.hpp"

#include "relay/scan/layer.hpp"

#include <algorithm>

namespace relay::scan {
namespace {

/// UTF-32 has three of them in a row.
constexpr std::size_t most_nuls = 3;

}  // namespace

NumberRow::Order::Order() = default;
NumberRow::Order::~Order() = default;

NumberRow::NumberRow(Collector &collector, NumberForm const &form) : m_collector(&collector), m_form(form) {}

NumberRow::~NumberRow() = default;

std::optional<NumberRow::Number> NumberRow::read(Digits const &number) const {
    auto const value = number.value(m_form.base);
    bool const is_short = number.size() < m_form.least_digits;
    std::size_t const bytes = is_short && m_form.base == 16 ? number.size() / 2 : m_form.bytes;
    bool const is_large = value && bytes < sizeof *value && *value >> (8 * bytes) != 0;
    return !value || is_large || (is_short && !is_reading()) ? std::nullopt
                                                             : std::optional(Number{*value, bytes, number.begin()});
}

bool NumberRow::is_text(Number const &number) {
    for (std::size_t i = number.bytes; i-- > 0;) {
        m_nuls = ((number.value >> (8 * i)) & 0xFF) == 0 ? m_nuls + 1 : 0;
        if (m_nuls > most_nuls) {
            return false;
        }
    }
    return may_be_text(m_form, number.value);
}

bool NumberRow::take(Digits const &number, Before before) {
    auto const next = read(number);
    if (is_reading() && next) {
        give(*next);
        return false;
    }
    if (is_reading() || !next) {
        interrupt();
        return false;
    }
    if (m_seen == 0 || before.line_end) {
        m_begin = next->offset;
    } else if (m_seen > 1 && !before.same) {
        m_begin = m_last;
    }
    m_last = next->offset;
    ++m_seen;
    if (!is_text(*next)) {
        m_count = 0;
        return false;
    }
    if (m_count > 0 && !before.same) {  // begin anew, with the last one
        m_kept.value[0] = m_kept.value[m_count - 1];
        m_count = 1;
    }
    m_kept.value[m_count++] = *next;
    if (m_count < m_form.enough) {
        return false;
    }
    begin_row();
    return true;
}

void NumberRow::begin_row() {
    std::size_t const count = m_count;
    end();  // of one that waits
    m_open = true;
    std::for_each_n(m_kept.value.begin(), count, [this](Number const &kept) { give(kept); });
}

void NumberRow::pass(Digits const &number, Before before) {
    if (!(before.line_end && is_reading() && number.size() > m_form.most_digits)) {
        interrupt();
    }
}

void NumberRow::interrupt() {
    m_seen = 0;
    m_count = 0;
    m_nuls = 0;
    m_waits = m_open;
}

void NumberRow::give(Number const &number) {
    auto const byte = [&](std::size_t at) { return static_cast<char>((number.value >> (8 * at)) & 0xFF); };
    for (std::size_t i = number.bytes; i-- > 0;) {
        give_byte(m_in_order, byte(i), number.offset);
    }
    for (std::size_t i = 0; m_form.bytes > 1 && i < number.bytes; ++i) {
        give_byte(m_swapped, byte(i), number.offset);
    }
}

void NumberRow::give_byte(Order &order, char byte, std::uint64_t offset) {
    if (!order.layer) {
        order.layer = std::make_unique<Layer>(*m_collector, std::vector<Encoding>{m_form.encoding});
    }
    bool const was_open = order.strand.open();
    bool const continues =
        order.strand.put(byte, Origin{.offset = offset}, [&](char c, Origin const &at) { order.layer->put(c, at); });
    if (was_open && !continues) {
        order.layer->end();
    }
}

void NumberRow::end() {
    interrupt();
    m_open = false;
    m_waits = false;
    for (Order *const order : {&m_in_order, &m_swapped}) {
        order->strand.reset();
        if (order->layer) {
            order->layer->end();
        }
    }
}

}  // namespace relay::scan
