#include "relay/scan/number_form.hpp"

#include "relay/scan/characters.hpp"

#include <algorithm>
#include <bit>

namespace relay::scan {
namespace {

/// Returns the forms for which `fits` is true, as a set of bits.
template <typename Fits>
constexpr unsigned forms_that(Fits fits) {
    unsigned forms = 0;
    for (std::size_t i = 0; i < number_forms.size(); ++i) {
        forms |= fits(number_forms[i]) ? 1U << i : 0U;
    }
    return forms;
}

constexpr auto by_size = [] {
    std::array<unsigned, Digits::most + 1> table{};
    for (std::size_t size = 0; size < table.size(); ++size) {
        table[size] = forms_that([size](NumberForm const &form) {
            // The last word of a dump may be shorter.
            bool const shorter = form.bytes > 1 && (form.base != 16 || size % 2 == 0);
            return size > 0 && size <= form.most_digits && (shorter || size >= form.least_digits);
        });
    }
    return table;
}();

constexpr auto by_largest = [] {
    std::array<unsigned, 16> table{};
    for (unsigned largest = 0; largest < table.size(); ++largest) {
        table[largest] = forms_that([largest](NumberForm const &form) { return largest < form.base; });
    }
    return table;
}();

constexpr Table<bool> text_bytes([](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t' || c == '\x1b' || c == '\0';
});

}  // namespace

bool may_be_text(NumberForm const &form, std::uint64_t value) {
    for (std::size_t i = 0; i < form.bytes; ++i, value >>= 8) {
        if (!text_bytes[static_cast<char>(value & 0xFF)]) {
            return false;
        }
    }
    return value == 0 || form.bytes == sizeof value;
}

unsigned Digits::forms() const {
    return m_size > most ? 0U : by_size[m_size] & by_largest[static_cast<std::size_t>(m_largest)];
}

std::optional<std::uint64_t> Digits::value(unsigned base) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < std::min(m_size, most); ++i) {
        if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, m_values.value[i], &value)) {
            return {};
        }
    }
    return value;
}

bool may_begin_row(std::string_view digits) {
    if (digits.size() > Digits::most) {
        return false;
    }
    int largest = 0;
    for (char const c : digits) {
        largest = std::max(largest, hex_value(c));
    }
    unsigned const forms = by_size[digits.size()] & by_largest[static_cast<std::size_t>(largest)];
    for (unsigned left = forms; left != 0; left &= left - 1) {
        NumberForm const &form = number_forms[static_cast<std::size_t>(std::countr_zero(left))];
        std::uint64_t value = 0;
        for (char const c : digits) {
            value = value * form.base + static_cast<unsigned>(hex_value(c));
        }
        if (digits.size() >= form.least_digits && may_be_text(form, value)) {
            return true;
        }
    }
    return false;
}

}  // namespace relay::scan
