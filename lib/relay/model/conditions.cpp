#include "relay/model/conditions.hpp"

#include "relay/model/ascii.hpp"
#include "relay/model/error.hpp"
#include "relay/model/escape.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace relay {
namespace {

constexpr std::size_t most_bytes = 4096;
constexpr int most_levels = 32;
constexpr std::size_t most_digits = 15;  // as many as a double keeps, which is what most readers use
constexpr int largest_exponent = 300;

/// Returns the text that a string with valid escapes means: two names can be the same, written differently.
std::string unescaped(std::string_view inside) {
    auto const unit_at = [&](std::size_t at) {
        unsigned unit = 0;
        std::from_chars(inside.data() + at, inside.data() + at + 4, unit, 16);
        return unit;
    };
    std::string text;
    for (std::size_t at = 0; at < inside.size(); ++at) {
        if (inside[at] != '\\') {
            text += inside[at];
            continue;
        }
        constexpr std::string_view letters = "bfnrt";
        constexpr std::string_view meanings = "\b\f\n\r\t";
        char const kind = inside[++at];
        if (kind != 'u') {
            std::size_t const place = letters.find(kind);
            text += place == letters.npos ? kind : meanings[place];
            continue;
        }
        unsigned code_point = unit_at(at + 1);
        at += 4;
        if (code_point >= 0xD800 && code_point < 0xDC00) {
            code_point = 0x10000 + ((code_point - 0xD800) << 10U) + (unit_at(at + 3) - 0xDC00);
            at += 6;
        }
        append_utf8(text, code_point);
    }
    return text;
}

/// Reads a JSON text once, and keeps only the names of the objects that are open.
class Checker {
  public:
    explicit Checker(std::string_view text) : m_text(text) {}

    void check() {
        skip_blanks();
        if (peek() != '{') {
            fail("an object is required, such as {\"max_amount\": 10000}");
        }
        if (object(1) == 0) {
            fail("the object is empty");
        }
        if (m_at != m_text.size()) {
            fail("there is more text after the object");
        }
    }

  private:
    [[noreturn]] void fail(std::string const &fault) const {
        throw Error(ErrorKind::usage, "conditions: at byte " + std::to_string(m_at + 1) + ": " + fault,
                    {.why = "conditions are a JSON object", .next = R"(write them as {"max_amount": 10000})"});
    }

    char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }

    bool take(char c) {
        bool const is_there = peek() == c && m_at < m_text.size();
        m_at += is_there ? 1 : 0;
        return is_there;
    }

    void skip_blanks() { m_at = std::min(m_text.find_first_not_of(" \t\r\n", m_at), m_text.size()); }

    void value(int level) {
        if (level > most_levels) {
            fail("more than " + std::to_string(most_levels) + " levels");
        }
        switch (peek()) {
            case '{': object(level); return;
            case '[': array(level); return;
            case '"': string(); break;
            case 't': word("true"); break;
            case 'f': word("false"); break;
            case 'n': word("null"); break;
            default: number(); break;
        }
        skip_blanks();
    }

    /// Returns the number of members.
    std::size_t object(int level) {
        std::vector<std::string> names;
        take('{');
        skip_blanks();
        while (peek() != '}') {
            std::string name = unescaped(string());
            if (std::find(names.begin(), names.end(), name) != names.end()) {
                fail("duplicate name " + quote_for_message(name));
            }
            names.push_back(std::move(name));
            skip_blanks();
            if (!take(':')) {
                fail("a colon is missing");
            }
            skip_blanks();
            value(level + 1);
            separator('}');
        }
        take('}');
        skip_blanks();
        return names.size();
    }

    void array(int level) {
        take('[');
        skip_blanks();
        while (peek() != ']') {
            value(level + 1);
            separator(']');
        }
        take(']');
        skip_blanks();
    }

    /// Reads a comma that something follows, or stops before `end`.
    void separator(char end) {
        if (!take(',')) {
            if (peek() != end) {
                fail(std::string("a comma or ") + end + " is missing");
            }
            return;
        }
        skip_blanks();
        if (peek() == end) {
            fail("nothing follows the comma");
        }
    }

    /// Returns what is between the quotes, as written.
    std::string_view string() {
        if (!take('"')) {
            fail("a string in double quotes is missing");
        }
        std::size_t const start = m_at;
        while (peek() != '"') {
            DecodedCodePoint const point = decode_utf8(m_text, m_at);
            if (m_at == m_text.size()) {
                fail("the closing quote is missing");
            }
            if (!point.valid) {
                fail("this is not UTF-8");
            }
            if (point.value < 0x20) {
                fail("a control character must be written as \\u00..");
            }
            m_at += point.length;
            if (point.value == '\\') {
                escape();
            }
        }
        std::string_view const inside = m_text.substr(start, m_at - start);
        take('"');
        return inside;
    }

    /// Reads what follows a backslash.
    void escape() {
        constexpr std::string_view simple = "\"\\/bfnrt";
        char const kind = peek();
        if (kind != 'u') {
            if (kind == '\0' || simple.find(kind) == simple.npos) {
                fail("no such escape");
            }
            ++m_at;
            return;
        }
        unsigned const unit = hex_unit();
        if (unit == 0) {
            fail("a NUL character cannot be stored");
        }
        if (unit >= 0xDC00 && unit < 0xE000) {
            fail("the second half of a surrogate pair without the first");
        }
        if (unit >= 0xD800 && unit < 0xDC00) {
            unsigned const low = take('\\') && peek() == 'u' ? hex_unit() : 0;
            if (low < 0xDC00 || low >= 0xE000) {
                fail("the first half of a surrogate pair without the second");
            }
        }
    }

    /// Reads `u` and four hexadecimal digits.
    unsigned hex_unit() {
        std::string const digits(m_text.substr(m_at + 1, 4));
        if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_hex_digit)) {
            fail("four hexadecimal digits are missing");
        }
        m_at += 5;
        return static_cast<unsigned>(std::stoul(digits, nullptr, 16));
    }

    void word(std::string_view expected) {
        if (m_text.substr(m_at, expected.size()) != expected) {
            fail("no JSON value begins like this");
        }
        m_at += expected.size();
    }

    std::size_t digits() {
        std::size_t const start = m_at;
        while (is_digit(peek())) {
            ++m_at;
        }
        if (m_at == start) {
            fail(m_at == m_text.size() ? "the end is missing" : "no JSON value begins like this");
        }
        return m_at - start;
    }

    void number() {
        take('-');
        bool const leading_zero = peek() == '0';
        std::size_t count = digits();
        if (leading_zero && count > 1) {
            fail("a number with a leading zero");
        }
        if (take('.')) {
            count += digits();
        }
        if (count > most_digits) {
            fail("a number has more than 15 digits, which not every program can read exactly; write it as a string");
        }
        if (take('e') || take('E')) {
            if (!take('+')) {
                take('-');
            }
            std::size_t const start = m_at;
            if (digits() > 3 || std::stoi(std::string(m_text.substr(start, m_at - start))) > largest_exponent) {
                fail("a number beyond 1e300");
            }
        }
    }

    std::string_view m_text;
    std::size_t m_at = 0;
};

}  // namespace

Conditions Conditions::parse(std::string_view text) {
    if (holds_key(text)) {
        throw Error(ErrorKind::usage, "the conditions contain a key (text withheld)",
                    {.why = "conditions are shown to everyone who may see the agent",
                     .next = "remove the key from them, and rotate it: it has been exposed"});
    }
    if (text.size() > most_bytes) {
        throw Error(ErrorKind::usage, "conditions: too long, " + std::to_string(text.size()) + " bytes where " +
                                          std::to_string(most_bytes) + " are allowed");
    }
    Checker(text).check();
    return Conditions(std::string(text));
}

}  // namespace relay
