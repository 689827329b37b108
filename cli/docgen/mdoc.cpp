#include "cli/docgen/mdoc.hpp"

#include <algorithm>
#include <vector>

namespace relay::cli::docgen {

namespace {

constexpr std::size_t source_width = 100;

/// A word of prose and the punctuation around it, which mdoc needs as separate arguments.
struct Word {
    std::string_view before;
    std::string_view core;
    std::string_view after;
};

Word take_apart(std::string_view word) {
    std::size_t const start = std::min(word.find_first_not_of('('), word.size());
    std::size_t const end = word.find_last_not_of(".,;:?!)");
    if (end == word.npos || end < start) {
        return {{}, word, {}};
    }
    return {word.substr(0, start), word.substr(start, end + 1 - start), word.substr(end + 1)};
}

bool is_flag(std::string_view word) {
    std::size_t const hyphens = std::min(word.find_first_not_of('-'), word.size());
    return (hyphens == 1 || hyphens == 2) && word.size() > hyphens &&
           word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", hyphens) == word.npos &&
           (hyphens == 2 || word.size() == 2);
}

/// Returns a macro with a word and its punctuation: `.Fl ( \-grace ) ,`.
std::string macro_line(std::string_view macro, Word const &word, std::string const &content) {
    std::string line = '.' + std::string(macro);
    for (char const mark : word.before) {
        line += std::string(" ") + mark;
    }
    line += ' ' + content;
    for (char const mark : word.after) {
        line += std::string(" ") + mark;
    }
    return line;
}

/// Returns the words of a text; what is in back quotes is one word, including its quotes.
std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
        if (text.empty()) {
            return words;
        }
        std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        std::size_t const quote = text.find('`');
        if (quote < end) {
            std::size_t const closing = text.find('`', quote + 1);
            end = closing == text.npos ? end : std::min(text.find_first_of(" \n", closing), text.size());
        }
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

bool ends_sentence(std::string_view word) {
    return word.size() > 1 && (word.ends_with('.') || word.ends_with('?') || word.ends_with(".)")) &&
           !word.ends_with("...") && word != "e.g." && word != "i.e.";
}

/// Collects words into lines, and puts each macro on its own line.
class Filler {
  public:
    void add_macro(std::string line) {
        end_line();
        m_page += std::move(line) + '\n';
    }
    void add_word(std::string const &word) {
        if (!m_line.empty() && m_line.size() + 1 + word.size() > source_width) {
            end_line();
        }
        m_line += (m_line.empty() ? "" : " ") + word;
    }
    void end_line() {
        if (!m_line.empty()) {
            // A word at the start of a line must not be read as a request.
            m_page += (m_line.front() == '.' ? "\\&" : "") + m_line + '\n';
            m_line.clear();
        }
    }
    std::string take() {
        end_line();
        return std::move(m_page);
    }

  private:
    std::string m_page{};
    std::string m_line{};
};

void add_prose_word(Filler &filler, std::string_view text) {
    Word const word = take_apart(text);
    std::string_view const core = word.core;
    if (is_flag(core)) {
        filler.add_macro(macro_line("Fl", word, flag(core)));
    } else if (core.size() > 2 && core.front() == '`' && core.back() == '`') {
        filler.add_macro(macro_line("Ic", word, escape(core.substr(1, core.size() - 2))));
    } else {
        filler.add_word(escape(text));
    }
}

}  // namespace

std::string escape(std::string_view text) {
    std::string escaped;
    for (char const letter : text) {
        switch (letter) {
            case '\\': escaped += "\\e"; break;
            case '-': escaped += "\\-"; break;
            case '"': escaped += "\\(dq"; break;
            case '\'': escaped += "\\(aq"; break;
            case '`': escaped += "\\(ga"; break;
            case '~': escaped += "\\(ti"; break;
            case '^': escaped += "\\(ha"; break;
            default: escaped += letter;
        }
    }
    return escaped;
}

std::string argument(std::string_view text) {
    bool const is_one_word = text.find(' ') == text.npos && !text.empty();
    return is_one_word ? escape(text) : '"' + escape(text) + '"';
}

std::string flag(std::string_view name) { return escape(name.substr(std::min<std::size_t>(1, name.size()))); }

std::string prose(std::string_view text) {
    Filler filler;
    for (std::string_view const word : split_words(text)) {
        add_prose_word(filler, word);
        if (ends_sentence(word)) {
            filler.end_line();
        }
    }
    return filler.take();
}

std::string verbatim(std::string_view lines) {
    std::string page = ".Bd -literal -offset indent\n";
    while (!lines.empty()) {
        std::string_view const line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        page += (line.starts_with('.') ? "\\&" : "") + escape(line) + '\n';
    }
    return page + ".Ed\n";
}

std::string section(std::string_view title, std::string const &body) {
    return body.empty() ? "" : ".Sh " + std::string(title) + '\n' + body;
}

}  // namespace relay::cli::docgen
