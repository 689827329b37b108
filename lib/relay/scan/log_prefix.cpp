#include "relay/scan/log_prefix.hpp"

#include "relay/scan/characters.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace relay::scan {
namespace {

using namespace std::string_view_literals;

/// Takes what it knows from the start of a line. A member that returns false has taken nothing.
class LineStart {
  public:
    explicit LineStart(std::string_view line) : m_rest(line) {}

    std::string_view rest() const { return m_rest; }

    bool at(char c) const { return m_rest.starts_with(c); }
    bool at(bool (*is)(char)) const { return !m_rest.empty() && is(m_rest.front()); }

    bool word(std::string_view text) {
        bool const there = m_rest.starts_with(text);
        m_rest.remove_prefix(there ? text.size() : 0);
        return there;
    }

    template <typename Is>
    std::size_t many(Is is) {
        auto const end = std::find_if_not(m_rest.begin(), m_rest.end(), is);
        auto const size = static_cast<std::size_t>(end - m_rest.begin());
        m_rest.remove_prefix(size);
        return size;
    }

    /// Takes everything up to the end of `text`, which may be anywhere.
    bool up_to(std::string_view text) {
        std::size_t const at = m_rest.find(text);
        m_rest.remove_prefix(at == m_rest.npos ? 0 : at + text.size());
        return at != m_rest.npos;
    }

    std::size_t blanks() { return many(is_blank); }

    /// Takes a text in which each `0` means any digit, and each `a` any letter.
    bool pattern(std::string_view text) {
        if (m_rest.empty() || is_letter_or_digit(text.front()) != is_letter_or_digit(m_rest.front())) {
            return false;
        }
        bool const there = m_rest.size() >= text.size() &&
                           std::equal(text.begin(), text.end(), m_rest.begin(), [](char wanted, char c) {
                               return wanted == '0' ? is_digit(c) : wanted == 'a' ? is_letter(c) : wanted == c;
                           });
        m_rest.remove_prefix(there ? text.size() : 0);
        return there;
    }

    /// Takes the first of the patterns that is there.
    bool any(std::initializer_list<std::string_view> patterns) {
        return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view one) { return pattern(one); });
    }

    /// Takes the colours of a terminal.
    void colours() {
        while (m_rest.starts_with("\x1b[")) {
            std::size_t const end = m_rest.find_first_not_of("0123456789;", 2);
            if (end == m_rest.npos || m_rest[end] != 'm') {
                return;
            }
            m_rest.remove_prefix(end + 1);
        }
    }

    /// Takes what `read(LineStart &)` takes. If that returns false, takes nothing.
    template <typename Read>
    bool all(Read read) {
        LineStart next = *this;
        if (!read(next)) {
            return false;
        }
        *this = next;
        return true;
    }

  private:
    std::string_view m_rest;
};

constexpr bool is_word(char c) { return c > ' ' && c <= '~'; }
constexpr bool is_name(char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == '/'; }

bool take_time_of_day(LineStart &line) {
    if (!line.pattern("00:00:00"sv)) {
        return false;
    }
    line.all(
        [](LineStart &fraction) { return (fraction.word(".") || fraction.word(",")) && fraction.many(is_digit) > 0; });
    return true;
}

/// Takes a time: `2026-11-29T03:10:05.123Z`, `2026/11/29 03:10:05`, `Nov 29 03:10:05`, `[03:10:05]`.
bool take_time(LineStart &line) {
    if (!line.at(is_digit) && !line.at(is_upper) && !line.at('[')) {
        return false;
    }
    return line.all([](LineStart &rest) {
        bool const in_brackets = rest.word("[");
        if (rest.any({"0000-00-00", "0000/00/00"})) {
            if (!rest.any({"T", " "})) {
                return false;
            }
        } else {
            rest.any({"aaa 00 ", "aaa  0 "});
        }
        if (!take_time_of_day(rest)) {
            return false;
        }
        if (!rest.word("Z") && (rest.at('+') || rest.at('-'))) {
            rest.any({"+00:00", "-00:00", "+0000", "-0000"});
        }
        if (in_brackets && !rest.word("]")) {
            return false;
        }
        return rest.rest().empty() || rest.blanks() > 0;
    });
}

/// Takes the marks that container runtimes and GitLab's jobs put behind a time.
bool take_stream(LineStart &line, LogPrefix &prefix) {
    for (std::string_view const stream : {"stdout "sv, "stderr "sv}) {
        bool const is_part = line.all([&](LineStart &rest) { return rest.word(stream) && rest.word("P "sv); });
        prefix.is_part = prefix.is_part || is_part;
        if (is_part || line.all([&](LineStart &rest) { return rest.word(stream) && rest.word("F "sv); })) {
            return true;
        }
    }
    bool const joins = line.any({"00O+", "00E+"});
    prefix.joins = prefix.joins || joins;
    return joins || line.any({"00O ", "00E "});
}

/// Takes `host program[12]: `, as syslog writes behind a time.
bool take_program(LineStart &line) {
    return line.all([](LineStart &rest) {
        if (rest.many(is_name) == 0 || !rest.word(" "sv) || rest.many(is_name) == 0) {
            return false;
        }
        if (rest.word("["sv) && (rest.many(is_digit) == 0 || !rest.word("]"sv))) {
            return false;
        }
        return rest.word(": "sv);
    });
}

/// Takes `[   12.345678] usb 1-1: `, as the kernel writes it.
bool take_kernel(LineStart &line) {
    if (!line.at('[')) {
        return false;
    }
    bool const is_there = line.all([](LineStart &rest) {
        rest.word("["sv);
        rest.blanks();
        return rest.many(is_digit) > 0 && rest.word("."sv) && rest.many(is_digit) > 0 && rest.word("] "sv);
    });
    line.all([&](LineStart &driver) {
        bool const is_named = is_there && driver.many(is_name) > 0;
        return is_named &&
               (driver.word(": "sv) || (driver.word(" "sv) && driver.many(is_name) > 0 && driver.word(": "sv)));
    });
    return is_there;
}

/// Takes `app-1  | `, as docker compose writes it, or `[pod/app/main] `, as kubectl does.
bool take_source(LineStart &line) {
    return line.all([](LineStart &rest) {
        if (rest.word("[pod/"sv)) {
            return rest.many([](char c) { return is_word(c) && c != ']'; }) > 0 && rest.word("] "sv);
        }
        rest.colours();
        if (rest.many(is_name) == 0) {
            return false;
        }
        rest.blanks();
        if (!rest.word("|"sv)) {
            return false;
        }
        rest.colours();
        return rest.word(" "sv);
    });
}

/// Takes the number of a line, as cat, grep and less write it.
bool take_line_number(LineStart &line) {
    if (!line.at(is_digit) && !line.at(is_blank)) {
        return false;
    }
    return line.all([](LineStart &rest) {
        rest.blanks();
        return rest.many(is_digit) > 0 && (rest.word("\t"sv) || rest.word(":"sv));
    });
}

/// Takes a line of JSON up to the text in it.
bool take_json(LineStart &line, LogPrefix &prefix) {
    static constexpr std::array fields{R"("log":)"sv, R"("message":)"sv, R"("MESSAGE":)"sv, R"("msg":)"sv,
                                       R"("textPayload":)"sv};
    if (!line.rest().starts_with('{')) {
        return false;
    }
    for (std::string_view const field : fields) {
        bool const is_there = line.all([&](LineStart &rest) {
            if (!rest.up_to(field)) {
                return false;
            }
            rest.blanks();
            return rest.word("\"");
        });
        if (is_there) {
            prefix.is_json = true;
            // Docker's json-file writes a line of more than 16 KB in parts. Only the last one ends in a line end.
            prefix.is_part = field == fields.front();
            return true;
        }
    }
    return false;
}

}  // namespace

LogPrefix read_log_prefix(std::string_view line) {
    line = line.substr(0, longest_log_prefix);
    LogPrefix prefix;
    LineStart rest(line);
    for (bool more = true; more;) {
        more = take_time(rest);
        if (more && !take_stream(rest, prefix)) {
            take_program(rest);
        }
        more = more || take_kernel(rest) || take_source(rest) || take_line_number(rest) ||
               (!prefix.is_json && take_json(rest, prefix));
    }
    prefix.size = line.size() - rest.rest().size();
    return prefix;
}

}  // namespace relay::scan
