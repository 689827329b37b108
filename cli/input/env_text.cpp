#include "cli/input/env_text.hpp"

#include "cli/input/yes_no.hpp"
#include "relay/health/hardening.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace relay::cli {

namespace {

using Switch = RelaySettings::Switch;

constexpr std::string_view blanks = " \t";

bool is_name_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view without_blanks(std::string_view text) {
    std::size_t const first = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

Switch read_switch(std::string_view value) {
    if (value.empty()) {
        return Switch::absent;
    }
    auto const said = read_yes_no(value);
    return !said ? Switch::unclear : *said ? Switch::on : Switch::off;
}

std::optional<std::int64_t> read_number(std::string_view value) {
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    bool const is_whole = error == std::errc() && end == value.data() + value.size() && number >= 0;
    return is_whole ? std::optional(number) : std::nullopt;
}

bool is_hardening(std::string_view name) {
    auto const rules = hardening_rules();
    return std::any_of(rules.begin(), rules.end(), [&](HardeningRule const &rule) { return rule.variable == name; });
}

class Scanner {
  public:
    Scanner(std::string_view text, std::string name) : m_rest(text) { m_found.name = std::move(name); }

    RelaySettings run() && {
        if (m_rest.starts_with("\xEF\xBB\xBF")) {
            m_rest.remove_prefix(3);
        }
        while (!m_rest.empty()) {
            std::size_t const begun = m_line;
            read_assignment(without_blanks(take_line()), begun + 1);
        }
        return std::move(m_found);
    }

  private:
    std::string_view take_line() {
        std::size_t const end = std::min(m_rest.find('\n'), m_rest.size());
        std::string_view const line = m_rest.substr(0, end);
        m_rest.remove_prefix(std::min(end + 1, m_rest.size()));
        ++m_line;
        return line;
    }

    void read_assignment(std::string_view line, std::size_t number) {
        if (line.empty() || line.front() == '#' || line.front() == ';') {
            return;
        }
        constexpr std::string_view exporting = "export";
        if (line.starts_with(exporting) && line.size() > exporting.size() &&
            blanks.find(line[exporting.size()]) != blanks.npos) {
            line = without_blanks(line.substr(exporting.size()));
        }
        auto const letters = std::find_if_not(line.begin(), line.end(), is_name_letter) - line.begin();
        auto const length = static_cast<std::size_t>(letters);
        if (length == 0 || length == line.size() || line[length] != '=') {
            m_found.first_unread_line = m_found.unread_lines++ == 0 ? number : m_found.first_unread_line;
            return;
        }
        ++m_found.settings;
        note(line.substr(0, length), read_value(line.substr(length + 1)));
    }

    /// Returns the value: the text in quotes, or the bare text up to a comment. Consumes the lines over which the value
    /// continues.
    std::string_view read_value(std::string_view text) {
        text = without_blanks(text);
        if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
            return read_quoted(text);
        }
        if (text.ends_with('\\') && !m_rest.empty()) {
            while (without_blanks(take_line()).ends_with('\\') && !m_rest.empty()) {}
            return text;  // whatever it is, it does not mean yes or no
        }
        if (std::size_t const comment = std::min(text.find(" #"), text.find("\t#")); comment != text.npos) {
            text = without_blanks(text.substr(0, comment));
        }
        return text;
    }

    std::string_view read_quoted(std::string_view text) {
        char const quote = text.front();
        char const *const begin = text.data() + 1;
        // Search the whole remaining text: the closing quote may be on a later line.
        std::string_view const all(begin, static_cast<std::size_t>(m_rest.data() + m_rest.size() - begin));
        std::size_t at = 0;
        while (at < all.size() && all[at] != quote) {
            at += std::size_t{quote == '"' && all[at] == '\\' ? 2U : 1U};
        }
        std::string_view const value = all.substr(0, std::min(at, all.size()));
        if (at >= all.size()) {
            return text;  // never closed: only this line is lost; it does not mean yes or no
        }
        while (m_rest.data() <= begin + at && !m_rest.empty()) {
            take_line();
        }
        return value;
    }

    void note(std::string_view name, std::string_view value) {
        if (name == "ALLOW_LEGACY_GLOBAL_AGENT_SECRET") {
            m_found.fallback = read_switch(without_blanks(value));
        } else if (name == "AGENT_SECRET") {
            m_found.has_secret = !value.empty();
        } else if (is_hardening(name) && without_blanks(value).empty()) {
            m_found.hardening.erase(std::string(name));  // the last line of a name counts
        } else if (is_hardening(name)) {
            m_found.hardening.insert_or_assign(
                std::string(name),
                RelaySettings::Hardening{read_switch(without_blanks(value)), read_number(without_blanks(value))});
        }
    }

    std::string_view m_rest;
    std::size_t m_line = 0;
    RelaySettings m_found{};
};

}  // namespace

RelaySettings scan_env_text(std::string_view text, std::string name) { return Scanner(text, std::move(name)).run(); }

}  // namespace relay::cli
