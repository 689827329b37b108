#include "cli/completion/typed_line.hpp"

#include "cli/command_line/flag_lookup.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

class Reader {
  public:
    explicit Reader(ProgramModel const &program) : m_program(program) {}

    /// Takes a complete word, one that another word follows.
    void take(std::string const &word) {
        if (m_line.expects != nullptr) {
            m_line.flags.push_back({std::exchange(m_line.expects, nullptr), word});
        } else if (m_line.flags_ended || word.size() < 2 || word.front() != '-') {
            take_word(word);
        } else if (word == "--") {
            m_line.flags_ended = true;
        } else if (word.starts_with("--")) {
            take_long(word);
        } else {
            take_short(word);
        }
    }

    TypedLine finish(std::string const &word) && {
        std::size_t const equals = word.find('=');
        m_line.word = word;
        if (m_line.expects == nullptr && !m_line.flags_ended && word.starts_with("--") && equals != word.npos) {
            m_line.expects = find(word.substr(0, equals));
            m_line.word = word.substr(equals + 1);
            m_line.lost = m_line.lost || m_line.expects == nullptr || !m_line.expects->takes_value();
        }
        if (m_line.expects == nullptr && !m_line.flags_ended && word.size() > 2 && word[0] == '-' && word[1] != '-') {
            finish_short(word);
        }
        return std::move(m_line);
    }

  private:
    /// Takes `-ojs` or `-yoj`: a value that is being typed directly after its flag.
    void finish_short(std::string const &word) {
        for (std::size_t at = 1; at + 1 < word.size(); ++at) {
            OptionModel const *option = find(std::string{'-', word[at]});
            if (option == nullptr) {
                return;
            }
            if (option->takes_value()) {
                std::size_t const start = word[at + 1] == '=' ? at + 2 : at + 1;
                m_line.expects = option;
                m_line.kept = word.substr(0, start);
                m_line.word = word.substr(start);
                return;
            }
        }
    }

    OptionModel const *find(std::string_view name) const {
        auto const *own = m_line.command != nullptr ? &m_line.command->options : nullptr;
        return FlagsInReach{own, m_program.globals}.find(name);
    }

    void take_word(std::string const &word) {
        if (m_line.command != nullptr) {
            m_line.positionals.push_back(word);
            return;
        }
        m_line.path.push_back(word);
        CommandModel const *found = m_program.find(m_line.path);
        m_line.lost = m_line.lost || found == nullptr;
        m_line.command = found != nullptr && !found->is_group ? found : nullptr;
    }

    void take_long(std::string const &word) {
        std::size_t const equals = word.find('=');
        OptionModel const *option = find(word.substr(0, equals));
        if (option == nullptr) {
            return;
        }
        if (option->takes_value() && equals == word.npos) {
            m_line.expects = option;
        } else {
            m_line.flags.push_back({option, equals == word.npos ? "" : word.substr(equals + 1)});
        }
    }

    /// `-yn`, `-o json`, `-ojson`, `-o=json`
    void take_short(std::string const &word) {
        for (std::size_t at = 1; at < word.size(); ++at) {
            OptionModel const *option = find(std::string{'-', word[at]});
            if (option == nullptr) {
                return;
            }
            if (!option->takes_value()) {
                m_line.flags.push_back({option, ""});
                continue;
            }
            if (at + 1 == word.size()) {
                m_line.expects = option;
            } else {
                m_line.flags.push_back({option, word.substr(word[at + 1] == '=' ? at + 2 : at + 1)});
            }
            return;
        }
    }

    ProgramModel const &m_program;
    TypedLine m_line{};
};

}  // namespace

bool TypedLine::gives(OptionModel const &option) const {
    return std::any_of(flags.begin(), flags.end(), [&](Flag const &flag) { return flag.option == &option; });
}

std::string const *TypedLine::value_of(std::string_view flag) const {
    for (Flag const &given : flags) {
        if (given.option->canonical_name() == flag && !given.value.empty()) {
            return &given.value;
        }
    }
    return nullptr;
}

std::string TypedLine::argument_of(std::string_view type) const {
    std::size_t position = 0;
    for (OptionModel const &option : command->options) {
        if (option.is_argument() && !option.repeatable && position < positionals.size()) {
            if (option.type == type) {
                return positionals[position];
            }
            ++position;
        }
    }
    return "";
}

OptionModel const *TypedLine::next_argument() const {
    if (command == nullptr) {
        return nullptr;
    }
    std::size_t position = 0;
    for (OptionModel const &option : command->options) {
        if (option.is_argument() && (option.repeatable || position++ == positionals.size())) {
            return &option;
        }
    }
    return nullptr;
}

TypedLine read_typed_line(std::vector<std::string> const &words, ProgramModel const &program) {
    Reader reader(program);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        reader.take(words[i]);
    }
    return std::move(reader).finish(words.empty() ? "" : words.back());
}

}  // namespace relay::cli
