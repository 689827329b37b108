#include "cli/completion/shell_words.hpp"

namespace relay::cli {

namespace {

constexpr char no_quote = '\0';

/// Returns whether a backslash escapes `next`. In double quotes it escapes only a few characters.
bool escapes(char quote, char next) {
    return quote == no_quote || next == '"' || next == '$' || next == '`' || next == '\\';
}

class Splitter {
  public:
    void take(char letter, char next) {
        if (m_skip) {
            m_skip = false;
        } else if (m_quote == '\'') {
            letter == '\'' ? end_quote() : add(letter);
        } else if (letter == '\\') {
            m_skip = next != '\0' && escapes(m_quote, next);
            add(m_skip ? next : letter);
        } else if (m_quote == '"') {
            letter == '"' ? end_quote() : add(letter);
        } else if (letter == '\'' || letter == '"') {
            m_quote = letter;
            m_begun = true;
        } else if (letter == ' ' || letter == '\t') {
            end_word();
        } else {
            add(letter);
        }
    }

    std::vector<std::string> finish() && {
        m_words.push_back(std::move(m_word));
        return std::move(m_words);
    }

  private:
    void add(char letter) {
        m_word += letter;
        m_begun = true;
    }
    void end_quote() { m_quote = no_quote; }
    void end_word() {
        if (m_begun) {
            m_words.push_back(std::move(m_word));
        }
        m_word.clear();
        m_begun = false;
    }

    std::vector<std::string> m_words{};
    std::string m_word{};
    bool m_begun = false;  ///< a word has begun, even if it is empty: ''
    bool m_skip = false;  ///< the letter after a backslash was already taken
    char m_quote = no_quote;
};

}  // namespace

std::vector<std::string> split_bash_line(std::string_view line) {
    Splitter splitter;
    for (std::size_t at = 0; at < line.size(); ++at) {
        splitter.take(line[at], at + 1 < line.size() ? line[at + 1] : '\0');
    }
    return std::move(splitter).finish();
}

}  // namespace relay::cli
