#include "relay/scan/numbers.hpp"

#include "relay/scan/characters.hpp"
#include "relay/scan/findings.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace relay::scan {
namespace {

/// What may be between two numbers.
constexpr bool is_between_numbers(char c) {
    return std::string_view(" :,-;\t\r\n\"'{}[]()<>|+\\U").find(c) != std::string_view::npos;
}

/// Digits of all forms are those of hexadecimal. NULs are dropped, which reads UTF-16.
constexpr Table<bool> may_belong([](char c) {
    return hex_value(c) >= 0 || is_between_numbers(c) || c == 'x' || c == 'X' || c == '\0';
});

enum class Kind : unsigned char { digit, between, line_end, other };

constexpr Table<Kind> kinds([](char c) {
    return hex_value(c) >= 0        ? Kind::digit
           : c == '\n' || c == '\r' ? Kind::line_end
           : is_between_numbers(c)  ? Kind::between
                                    : Kind::other;
});

/// Eight bytes with one character between them have more characters than this. So have two words of eight.
constexpr std::size_t stride = 16;

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
            if (digits == 0 && text[at] == '\0') {
                last = std::min(text.find_first_not_of('\0', at), text.size() - 1);
                if (last > at + 1) {  // of many NULs, only the last one matters
                    at = last - 1;
                    continue;
                }
            }
            if (digits <= Digits::most || at + digits == text.size()) {
                return at;
            }
            last = at + digits;
        }
        at = last;
    }
    return at;
}

/// Returns how many digits at the start of `text` are a number with which no row can begin; 0 if that is not certain.
std::size_t count_lone_digits(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && kinds[text[at]] == Kind::digit) {
        ++at;
    }
    bool const is_whole = at < text.size() && text[at] != '\0' && text[at] != 'x' && text[at] != 'X';
    return is_whole && !may_begin_row(text.substr(0, at)) ? at : 0;
}

/// Whether two lines of a log may have these at one place before their texts: the digits of times and offsets differ.
bool is_alike(char a, char b) {
    auto const is_padded = [](char c) { return is_digit(c) || c == ' '; };
    return a == b || (is_padded(a) && is_padded(b)) || (is_hex_digit(a) && is_hex_digit(b)) ||
           (is_letter(a) && is_letter(b));
}

}  // namespace

Numbers::Numbers(Collector &collector)
    : m_collector(&collector), m_rows([&]<std::size_t... I>(std::index_sequence<I...>) {
          return std::array{NumberRow(collector, number_forms[I])...};
      }(std::make_index_sequence<number_forms.size()>())) {}

template <typename Visit>
void Numbers::each_busy(Visit visit) {
    for (unsigned left = m_busy; left != 0; left &= left - 1) {
        auto const place = static_cast<std::size_t>(std::countr_zero(left));
        visit(m_rows[place]);
        if (!m_rows[place].is_busy()) {
            m_busy &= ~(1U << place);
        }
    }
}

void Numbers::feed(std::string_view piece) {
    m_piece = piece;
    std::size_t certain = 0;  // up to here, first_that_matters has looked
    for (std::size_t i = 0; i < piece.size(); ++i) {
        if (i >= certain && idle() && !m_is_before) {
            i += first_that_matters(piece.substr(i));
            if (i == piece.size()) {
                break;
            }
            certain = i + stride;
        }
        if (std::size_t const digits = idle() && !m_is_before ? count_lone_digits(piece.substr(i)) : 0; digits > 0) {
            m_between_size = 0;
            i += digits - 1;
            m_last = piece[i];
        } else if (piece[i] != '\0') {
            put(piece[i], m_read + i);
        }
    }
    for (std::size_t i = piece.size() - std::min(piece.size(), m_history.value.size()); i < piece.size(); ++i) {
        m_history.value[(m_read + i) % m_history.value.size()] = piece[i];
    }
    m_read += piece.size();
    m_piece = {};
}

void Numbers::end() {
    if (m_is_before) {
        replay();
    }
    if (m_digits.size() > 0) {
        complete();
    }
    end_rows();
    m_read = 0;
    m_last = '\0';
}

void Numbers::put(char c, std::uint64_t offset) {
    ++m_collector->steps;
    if (m_is_before) {
        pass_before(c, offset);
    } else {
        read(c, offset);
    }
    m_last = c;
}

void Numbers::read(char c, std::uint64_t offset) {
    Kind kind = kinds[c];
    bool const is_word = is_letter_or_digit(c) || c == '_';
    if (m_has_suffix && is_word) {
        drop_word();
    } else if (c == 'U' && m_digits.size() > 0) {  // `0x72U`
        m_has_suffix = true;
        return;
    }
    bool const is_escape = m_last == '\\' && m_digits.size() == 0;
    if (is_escape && (kind == Kind::digit || c == 'U')) {  // `\162`, which Unescape reads
        interrupt();
    }
    if (kind == Kind::digit) {
        m_digits.add(hex_value(c), offset);
        return;
    }
    if ((c == 'x' || c == 'X') && m_digits.is_zero()) {  // `0x` is before a number
        m_digits.clear();
        put_between('0');
        put_between('x');
        return;
    }
    if (m_digits.size() > 0) {
        is_word ? drop_word() : complete();
    }
    if (m_last == '\\' && (c == 'n' || c == 'r')) {  // a line end in a string of JSON
        kind = Kind::line_end;
    }
    if (m_busy != 0 && ++m_waited > longest_wait) {
        end_rows();
    }
    switch (kind) {
        case Kind::line_end:
            put_between(c);
            begin_line();
            break;
        case Kind::between: put_between(c); break;
        default: m_last == '\\' && c == 't' ? put_between(c) : interrupt(); break;
    }
}

/// What was read is not a number. The column of text of a dump has words that begin as a number does: `41tGNH`.
void Numbers::drop_word() {
    m_digits.clear();
    m_has_suffix = false;
    interrupt();
}

void Numbers::complete() {
    m_has_suffix = false;
    auto const size = static_cast<std::ptrdiff_t>(std::min(m_between_size, longest_between));
    // A line may end anywhere between two numbers.
    NumberRow::Before const before{
        .same = m_begins_line || (m_between_size == m_always_size && m_between_size <= longest_between &&
                                  std::equal(m_between.begin(), m_between.begin() + size, m_always.begin())),
        .line_end = m_begins_line};
    unsigned const forms = m_digits.forms();
    for (unsigned left = forms | m_busy; left != 0; left &= left - 1) {
        auto const place = static_cast<std::size_t>(std::countr_zero(left));
        unsigned const bit = 1U << place;
        NumberRow &row = m_rows[place];
        if ((forms & bit) == 0) {
            row.pass(m_digits, before);
        } else if (row.take(m_digits, before) &&
                   std::none_of(m_rows.begin(), m_rows.end(),
                                [&](NumberRow const &other) { return &other != &row && other.is_reading(); })) {
            remember_before(first_of_line(row));
        }
        m_waited = row.is_reading() ? 0 : m_waited;
        m_busy = row.is_busy() ? m_busy | bit : m_busy & ~bit;
    }
    m_digits.clear();
    if (!std::exchange(m_begins_line, false)) {
        m_always = m_between;
        m_always_size = m_between_size;
    }
    m_between_size = 0;
}

void Numbers::put_between(char c) {
    bool const kept = m_between_size > 0 && m_between_size <= longest_between;
    if (is_blank(c) && kept && is_blank(m_between[m_between_size - 1])) {
        return;  // numbers of different widths are below each other
    }
    if (m_between_size < longest_between) {
        m_between[m_between_size] = c;
    }
    ++m_between_size;
}

/// Takes note of a character that is not between numbers.
void Numbers::interrupt() {
    m_between_size = 0;
    each_busy([](NumberRow &row) { row.interrupt(); });
}

void Numbers::begin_line() {
    m_begins_line = true;
    m_is_before = m_busy != 0 && m_before_size > 0;
    m_held_size = 0;
    if (!m_is_before) {
        each_busy([](NumberRow &row) { row.resume(); });
    }
}

void Numbers::end_rows() {
    each_busy([](NumberRow &row) { row.end(); });
    m_between_size = 0;
    m_before_size = 0;
    m_held_size = 0;
    m_is_before = false;
    m_begins_line = false;
    m_waited = 0;
}

/// Takes a character of a line that may begin as the first line of a row did.
void Numbers::pass_before(char c, std::uint64_t offset) {
    bool const is_alike_so_far = is_alike(c, m_before.value[m_held_size]);
    m_held.value[m_held_size] = c;
    m_held_offsets[m_held_size++] = offset;
    if (!is_alike_so_far) {
        replay();
    } else if (m_held_size == m_before_size) {
        m_is_before = false;
        m_held_size = 0;
        m_between_size = 0;
        each_busy([](NumberRow &row) { row.resume(); });
    }
}

/// What was held belongs to the line.
void Numbers::replay() {
    m_is_before = false;
    std::size_t const size = std::exchange(m_held_size, 0);
    char before = '\n';
    for (std::size_t i = 0; i < size; ++i) {
        m_last = std::exchange(before, m_held.value[i]);
        m_is_before ? pass_before(m_held.value[i], m_held_offsets[i]) : read(m_held.value[i], m_held_offsets[i]);
    }
}

char Numbers::at(std::uint64_t offset) const {
    return offset >= m_read ? m_piece[offset - m_read] : m_history.value[offset % m_history.value.size()];
}

/// Returns where the numbers begin that are before a row as its own are, but are not text.
std::uint64_t Numbers::first_of_line(NumberRow const &row) const {
    std::uint64_t const earliest = m_read - std::min<std::uint64_t>(m_read, m_history.value.size());
    std::uint64_t begin = row.begin();
    while (true) {
        std::uint64_t offset = begin;
        std::size_t left = std::min(m_between_size, longest_between);
        while (left > 0 && offset > earliest && at(offset - 1) == m_between[left - 1]) {
            --offset;
            bool const more_blanks = is_blank(m_between[left - 1]) && offset > earliest && is_blank(at(offset - 1));
            left -= more_blanks ? 0 : 1;
        }
        std::uint64_t const end = offset;
        while (offset > earliest && is_hex_digit(at(offset - 1))) {
            --offset;
        }
        if (left > 0 || !row.has_width(static_cast<std::size_t>(end - offset))) {
            return begin;
        }
        begin = offset;
    }
}

/// Keeps what is between the start of the line and the first number of a row; nothing if that is too long.
void Numbers::remember_before(std::uint64_t begin) {
    std::size_t size = 0;
    std::uint64_t offset = begin;
    std::uint64_t const earliest = m_read - std::min<std::uint64_t>(m_read, m_history.value.size());
    while (offset > earliest) {
        char const c = at(offset - 1);
        bool const escaped = (c == 'n' || c == 'r') && offset - 1 > earliest && at(offset - 2) == '\\';
        if (c == '\n' || c == '\r' || escaped) {
            break;
        }
        if (size == longest_before) {
            size = 0;
            break;
        }
        size += c == '\0' ? 0 : 1;
        --offset;
    }
    m_before_size = 0;
    for (std::size_t i = 0; size > 0 && offset < begin; ++offset) {
        if (char const c = at(offset); c != '\0') {
            m_before.value[i++] = c;
            m_before_size = is_blank(c) ? m_before_size : i;  // numbers of different widths end below each other
        }
    }
}

}  // namespace relay::scan
