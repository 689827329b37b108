#include "cli/input/blanks.hpp"
#include "cli/input/json_rows.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::string_view json_blanks = " \t\r\n";

std::size_t count_lines(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Returns the position after a string that begins at `at`; npos if it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return text.npos;
}

/// The values of a text, one after the other, or the elements of one list.
class Values {
  public:
    Values(TextSource &source, TakeJson const &take) : m_source(source), m_take(take) {}

    void run() {
        m_is_list = next_character() == '[';
        if (m_is_list) {
            skip(1);
        }
        while (read_value()) {}
    }

  private:
    /// Skips blanks. Returns the next character; zero at the end.
    char next_character() {
        while (true) {
            std::string_view const text = m_source.view();
            std::size_t const at = std::min(text.find_first_not_of(json_blanks), text.size());
            skip(at);
            if (at < text.size()) {
                return text[at];
            }
            if (!m_source.read_on()) {
                return '\0';
            }
        }
    }

    void skip(std::size_t bytes) {
        m_line += count_lines(m_source.view().substr(0, bytes));
        m_source.take(bytes);
    }

    /// Returns false at the end, and if what follows cannot be read.
    bool read_value() {
        char next = next_character();
        if (next == ',' && m_count > 0) {
            skip(1);
            next = next_character();
        }
        if (m_is_list && next == ']') {
            skip(1);
            return next_character() != '\0' && give_up("it is text after the end of the list; the rest was not read");
        }
        if (next == '\0') {
            return m_is_list && give_up("the list has no end: the file is cut off");
        }
        std::size_t size = json_value_size(m_source.view());
        while (size == std::string_view::npos && m_source.read_on()) {
            size = json_value_size(m_source.view());
        }
        if (size == std::string_view::npos && !m_source.ended()) {
            return give_up("longer than 256 KiB, or without an end; the rest was not read");
        }
        if (size == std::string_view::npos || size == 0) {
            return give_up("it is malformed JSON; the rest was not read");
        }
        m_take(m_line, m_source.view().substr(0, size), {});
        ++m_count;
        skip(size);
        return true;
    }

    bool give_up(std::string const &fault) {
        m_take(m_line, {}, fault);
        return false;
    }

    TextSource &m_source;
    TakeJson const &m_take;
    std::size_t m_line = 1;
    std::size_t m_count = 0;
    bool m_is_list = false;
};

}  // namespace

std::size_t json_value_size(std::string_view text) {
    if (text.empty() || (text.front() != '{' && text.front() != '[' && text.front() != '"')) {
        std::size_t const size = std::min(text.find_first_of(",]}{[\" \t\r\n"), text.size());
        return size == text.size() ? text.npos : size;
    }
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size();) {
        char const c = text[at];
        depth += c == '{' || c == '[' ? 1U : 0U;
        depth -= c == '}' || c == ']' ? 1U : 0U;
        at = c == '"' ? end_of_string(text, at) : at + 1;
        if (depth == 0 || at == text.npos) {
            return at;
        }
    }
    return text.npos;
}

std::string json_list_path(std::string_view object) {
    std::vector<std::string_view> path;
    std::string_view last_name;
    for (std::size_t at = 0; at < object.size();) {
        char const c = object[at];
        if (c == '"') {
            std::size_t const end = end_of_string(object, at);
            if (end == object.npos) {
                break;
            }
            last_name = object.substr(at + 1, end - at - 2);
            at = end;
            continue;
        }
        if (c == '{') {
            path.push_back(last_name);
        } else if (c == '}' && !path.empty()) {
            path.pop_back();
        } else if (c == '[') {
            path.push_back(last_name);
            std::size_t const first = object.find_first_not_of(json_blanks, at + 1);
            if (first != object.npos && (object[first] == '{' || object[first] == '"')) {
                std::string text;
                for (std::size_t i = 1; i < path.size(); ++i) {
                    text += '.' + std::string(path[i]);
                }
                return text;
            }
            path.pop_back();
        }
        ++at;
    }
    return {};
}

void read_json_values(TextSource &source, TakeJson const &take) { Values(source, take).run(); }

}  // namespace relay::cli
