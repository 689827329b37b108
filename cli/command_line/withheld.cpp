#include "cli/command_line/withheld.hpp"

#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

bool may_hold_secret(std::string_view text) { return holds_key(text) || may_hold_password(text); }

/// The secrets of a command line, each as an error may quote it.
class Secrets {
  public:
    explicit Secrets(std::vector<std::string> const &words) {
        for (std::string_view const word : words) {
            add_parts(word);
        }
        // The longest first: a shorter one may be a part of it.
        std::stable_sort(m_texts.begin(), m_texts.end(),
                         [](auto const &a, auto const &b) { return a.size() > b.size(); });
    }

    bool empty() const { return m_texts.empty(); }

    void remove_from(std::string &text) const {
        for (std::string const &secret : m_texts) {
            std::string const instead = '[' + std::to_string(secret.size()) + " characters withheld]";
            for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + instead.size())) {
                text.replace(at, secret.size(), instead);
            }
        }
    }

    void remove_from(std::vector<std::string> &texts) const {
        for (std::string &text : texts) {
            remove_from(text);
        }
    }

  private:
    void add_parts(std::string_view word) {
        // What is behind --dsn= is meant as a connection string, whatever it looks like. A short one could be a part of
        // any message.
        constexpr std::size_t least = 8;
        for (std::string_view const flag : {"--dsn=", "-d="}) {
            if (word.starts_with(flag) && word.size() >= flag.size() + least) {
                m_texts.emplace_back(word.substr(flag.size()));
            }
        }
        // The name of a flag may be shown, if its value alone is the secret.
        if (std::size_t const equals = word.find('='); word.starts_with('-') && equals != word.npos) {
            bool const is_value_alone =
                !may_hold_secret(word.substr(0, equals)) && may_hold_secret(word.substr(equals + 1));
            word.remove_prefix(is_value_alone ? equals + 1 : 0);
        }
        add(word);
        for (char const separator : {'=', ',', '/'}) {
            for (std::size_t at = word.find(separator); at != word.npos; at = word.find(separator, at + 1)) {
                add(word.substr(0, at));
                add(word.substr(at + 1));
                add(word.substr(at + 1, word.find(separator, at + 1) - at - 1));
            }
        }
    }

    void add(std::string_view text) {
        if (may_hold_secret(text)) {
            m_texts.emplace_back(text);
            m_texts.push_back(escape_for_terminal(text));
        }
    }

    std::vector<std::string> m_texts{};
};

Advice without_secrets(Advice const &advice, Secrets const &secrets) {
    Advice clean;
    for (Step step : advice.steps()) {
        secrets.remove_from(step.words);
        secrets.remove_from(step.note);
        std::move(clean).also(make_advice(std::move(step)));
    }
    return clean;
}

}  // namespace

Error without_secrets(Error const &error, std::vector<std::string> const &words) {
    Secrets const secrets(words);
    if (secrets.empty()) {
        return error;
    }
    std::string message = error.message();
    Hint hint = error.hint();
    hint.next = without_secrets(hint.next, secrets);
    secrets.remove_from(message);
    secrets.remove_from(hint.why);
    for (auto *texts : {&hint.suggestions, &hint.suggestion_texts, &hint.not_confirmed}) {
        secrets.remove_from(*texts);
    }
    return {error.kind(), std::move(message), std::move(hint)};
}

}  // namespace relay::cli
