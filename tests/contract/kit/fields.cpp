#include "fields.hpp"

#include <map>

namespace gateway {

namespace {

constexpr std::size_t longest = 8192;  // characters of a header

}  // namespace

bool is_in(char one, std::string_view set) { return set.find(one) != std::string_view::npos; }
bool is_digit(char one) { return one >= '0' && one <= '9'; }
bool is_lower(char one) { return one >= 'a' && one <= 'z'; }
bool is_letter(char one) { return is_lower(one) || (one >= 'A' && one <= 'Z'); }
bool is_token(char one) { return is_letter(one) || is_digit(one) || is_in(one, "!#$%&'*+.^_`|~-"); }

bool Reader::take(char one) {
    bool const found = !at_end() && next() == one;
    m_at += found ? 1 : 0;
    return found;
}

bool Reader::take(std::string_view text) {
    bool const found = m_text.substr(m_at).starts_with(text);
    m_at += found ? text.size() : 0;
    return found;
}

void Reader::require(bool holds) const {
    if (!holds) {
        throw Malformed("a header is not a dictionary, or has a label twice");
    }
}

template <typename Is>
std::size_t Reader::run(Is const &is) {
    std::size_t const from = m_at;
    while (!at_end() && is(next())) {
        ++m_at;
    }
    return m_at - from;
}

std::size_t Reader::blanks(std::string_view set) {
    return run([&](char one) { return is_in(one, set); });
}

std::string_view Reader::key() {
    std::size_t const from = m_at;
    require(is_lower(next()) || next() == '*');
    run([](char one) { return is_lower(one) || is_digit(one) || is_in(one, "_.*-"); });
    return m_text.substr(from, m_at - from);
}

/// Reads the rest of a string.
void Reader::string() {
    while (!take('"')) {
        if (take('\\')) {
            require(take('"') || take('\\'));
        } else {
            require(next() >= ' ' && next() <= '~');
            ++m_at;
        }
    }
}

void Reader::number() {
    take('-');
    std::size_t const whole = run(is_digit);
    require(whole >= 1 && whole <= 15);
    if (whole <= 12 && take('.')) {
        std::size_t const part = run(is_digit);
        require(part >= 1 && part <= 3);
    }
}

std::string_view Reader::bare_item() {
    std::size_t const from = m_at;
    if (take('"')) {
        string();
    } else if (take(':')) {
        run([](char one) { return is_letter(one) || is_digit(one) || is_in(one, "+/="); });
        require(take(':'));
    } else if (take('?')) {
        require(take('0') || take('1'));
    } else if (is_letter(next()) || next() == '*') {
        run([](char one) { return is_token(one) || one == ':' || one == '/'; });
    } else {
        number();
    }
    return m_text.substr(from, m_at - from);
}

Parameters Reader::parameters() {
    Parameters found;
    while (take(';')) {
        blanks();
        std::string_view const name = key();
        found.emplace_back(name, take('=') ? bare_item() : std::string_view());
    }
    return found;
}

void Reader::inner_list() {
    bool apart = true;
    while (blanks() > 0 || apart) {
        if (take(')')) {
            return;
        }
        bare_item();
        parameters();
        apart = next() == ')';
    }
    require(false);
}

void Reader::value() {
    if (take('(')) {
        inner_list();
    } else {
        bare_item();
    }
    parameters();
}

std::optional<std::string_view> member(std::string_view text, std::string_view label) {
    if (text.size() > longest) {
        throw Malformed("a header is too long");
    }
    std::map<std::string_view, std::string_view> found;
    Reader reader(text);
    while (!reader.at_end()) {
        std::string_view const key = reader.key();
        bool const has_value = reader.take('=');
        std::size_t const from = reader.at();
        if (has_value) {
            reader.value();
        } else {
            reader.parameters();
        }
        reader.require(found.emplace(key, text.substr(from, reader.at() - from)).second);
        std::size_t const blanks = reader.blanks(" \t");
        if (reader.take(',')) {
            reader.blanks(" \t");
            reader.require(!reader.at_end());
        } else {
            reader.require(reader.at_end() && blanks == 0);
        }
    }
    auto const at = found.find(label);
    return at == found.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace gateway
