#include "cli/command_line/prescan.hpp"

#include "cli/command_line/flag_lookup.hpp"
#include "cli/exit_status.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace relay::cli {

namespace {

bool is_flag_like(std::string const &word) { return word.size() > 1 && word.front() == '-'; }

/// Returns whether the word starts with an en dash, em dash, horizontal bar or minus, which word processors make of "-"
/// and "--".
bool starts_with_typographic_dash(std::string const &word) {
    return word.starts_with("\u2013") || word.starts_with("\u2014") || word.starts_with("\u2015") ||
           word.starts_with("\u2212");
}

/// Returns a word in one line: whole if it is not too long for a message, otherwise cut, and without secrets.
std::string shown(std::string const &word) {
    constexpr std::size_t longest = 200;
    return word.size() <= longest ? escape_for_terminal(word) : quote_for_message(word);
}

class Scanner {
  public:
    Scanner(std::vector<std::string> const &words, std::span<Command const *const> table, OptionSet const &globals,
            EnterCommand const &enter)
        : m_words(words), m_table(table), m_enter(enter), m_flags{.globals = globals.options()} {}

    Line run();

  private:
    void take_word(std::string const &word);
    void take_long(std::string const &word);
    void take_short(std::string const &word);
    void take_path_word(std::string const &word);
    void take_value(OptionModel const &flag, std::string const &spelled, std::optional<std::string> given);
    void take_bare(OptionModel const &flag);
    void add(OptionModel const &flag, std::string word);
    void count_once(OptionModel const &flag, std::string const &spelled);
    void unknown_flag(std::string const &spelled);
    void check_command() const;
    void check_positionals() const;
    void check_required() const;
    /// Keeps the first error until the whole line is read, because --help overrides errors.
    void defer(Error error);

    std::vector<std::string> const &m_words;
    std::span<Command const *const> m_table;
    EnterCommand const &m_enter;
    FlagsInReach m_flags;
    std::size_t m_next = 0;
    Line m_line{};
    std::map<OptionModel const *, std::string> m_seen{};
    std::optional<Error> m_error{};
};

/// Refuses a command line that contains a key: a key belongs in a file or on stdin. Runs first, because most errors
/// quote a word.
void refuse_keys(std::vector<std::string> const &words) {
    for (auto word = words.begin(); word != words.end() && *word != "--"; ++word) {
        if (holds_key(*word)) {
            throw Error(ErrorKind::usage, "the command line contains a key (text withheld)",
                        {.why = "every user of this machine can read it, and your shell keeps it in its history",
                         .next = "rotate the key, because it has been exposed; to name a key, use its key id, the 12 "
                                 "characters after relay_sk_"});
        }
    }
}

void Scanner::defer(Error error) {
    if (!m_error) {
        m_error = std::move(error);
    }
}

Line Scanner::run() {
    bool flags_ended = false;
    while (m_next < m_words.size()) {
        std::string const &word = m_words[m_next++];
        if (flags_ended || !is_flag_like(word)) {
            take_word(word);
        } else if (word == "--") {
            flags_ended = true;
        } else if (word.starts_with("--")) {
            take_long(word);
        } else {
            take_short(word);
        }
        if (!flags_ended && starts_with_typographic_dash(word)) {
            defer({ErrorKind::usage,
                   "the word " + quote_for_message(word) + " starts with a typographic dash",
                   {.next = "use plain hyphens (-) instead; if the dash is intended, put -- before the word"}});
        }
    }
    if (m_line.help || m_line.version) {
        return std::move(m_line);
    }
    if (m_error) {
        throw *m_error;
    }
    check_command();
    check_positionals();
    check_required();
    return std::move(m_line);
}

void Scanner::take_word(std::string const &word) {
    if (m_flags.command == nullptr) {
        take_path_word(word);
        return;
    }
    if (word.empty()) {
        defer({ErrorKind::usage, "argument " + std::to_string(m_next) + " is empty"});
    }
    m_line.positionals.push_back(word);
}

void Scanner::take_path_word(std::string const &word) {
    m_line.path.push_back(word);
    Command const *command = find_command(m_table, m_line.path);
    if (command == nullptr && next_words(m_table, m_line.path).empty()) {
        // An unknown flag comes first: its value looks like an unknown command.
        auto const rest = m_words.begin() + static_cast<std::ptrdiff_t>(m_next);
        Path const following(rest, std::find_if(rest, m_words.end(), is_flag_like));
        throw m_error ? *m_error : unknown_command(m_table, m_line.path, following);
    }
    m_line.command = command;
    if (command != nullptr && command->declare != nullptr) {
        m_flags.command = &m_enter(*command).options();
    }
}

void Scanner::take_long(std::string const &word) {
    std::size_t const equals = word.find('=');
    std::string const spelled = word.substr(0, equals);
    OptionModel const *flag = m_flags.find(spelled);
    if (flag == nullptr) {
        unknown_flag(spelled);
    } else if (flag->takes_value()) {
        take_value(*flag, spelled, equals == word.npos ? std::nullopt : std::optional(word.substr(equals + 1)));
    } else if (equals != word.npos) {
        defer({ErrorKind::usage, "flag " + spelled + " does not take a value"});
    } else {
        take_bare(*flag);
    }
}

/// `-o json`, `-ojson`, `-o=json`, and several bare flags in one word: `-yn`.
void Scanner::take_short(std::string const &word) {
    if (m_flags.find('-' + word.substr(0, word.find('='))) != nullptr && word.size() > 2) {
        unknown_flag(word.substr(0, word.find('=')));  // `-dry-run` must not become `-d ry-run`
        return;
    }
    for (std::size_t at = 1; at < word.size(); ++at) {
        std::string const spelled = {'-', word[at]};
        OptionModel const *flag = m_flags.find(spelled);
        if (flag == nullptr) {
            unknown_flag(word);
            return;
        }
        if (flag->takes_value()) {
            std::size_t const start = at + 1 < word.size() && word[at + 1] == '=' ? at + 2 : at + 1;
            take_value(*flag, spelled, at + 1 == word.size() ? std::nullopt : std::optional(word.substr(start)));
            return;
        }
        take_bare(*flag);
    }
}

void Scanner::take_bare(OptionModel const &flag) {
    m_line.help = m_line.help || flag.canonical_name() == "--help";
    m_line.version = m_line.version || flag.canonical_name() == "--version";
    if (m_seen.emplace(&flag, "").second) {  // a repeated bare flag changes nothing
        add(flag, flag.canonical_name());
    }
}

void Scanner::take_value(OptionModel const &flag, std::string const &spelled, std::optional<std::string> given) {
    if (!given) {
        if (m_next == m_words.size()) {
            defer({ErrorKind::usage, "flag " + spelled + " needs a value"});
            return;
        }
        std::string const &next = m_words[m_next];
        if (is_flag_like(next)) {
            // Not deferred: the next word may be text, so the rest of the line cannot be read safely.
            std::string const joined = spelled.size() == 2 ? flag.canonical_name() : spelled;
            throw Error(ErrorKind::usage, "flag " + spelled + " needs a value, but the next word is " + shown(next),
                        {.next = "to pass that text as the value, write " + joined + "=" + shown(next)});
        }
        given = next;
        ++m_next;
    }
    if (given->empty()) {
        defer({ErrorKind::usage, "the value of " + spelled + " is empty", {.next = "give it a value, or omit it"}});
        return;
    }
    count_once(flag, spelled);
    add(flag, flag.canonical_name() + "=" + *given);
}

void Scanner::count_once(OptionModel const &flag, std::string const &spelled) {
    auto const [at, fresh] = m_seen.emplace(&flag, spelled);
    if (!fresh && !flag.repeatable) {
        std::string why = at->second == spelled ? "" : at->second + " and " + spelled + " are the same flag";
        defer({ErrorKind::usage, "flag " + spelled + " is given more than once", {.why = std::move(why)}});
    }
}

void Scanner::add(OptionModel const &flag, std::string word) {
    (m_flags.is_global(flag) ? m_line.globals : m_line.flags).push_back(std::move(word));
}

void Scanner::unknown_flag(std::string const &spelled) {
    Advice next;
    if (m_flags.command == nullptr) {
        next = "put the flags of a command after its name";
    } else if (spelled.size() > 1 && spelled[1] != '-') {
        next = "if the word is not a flag, put -- before it";
    }
    defer({ErrorKind::usage,
           "unknown flag " + shown(spelled),
           {.next = std::move(next), .suggestions = m_flags.similar(spelled)}});
}

void Scanner::check_command() const {
    if (m_flags.command != nullptr) {
        return;
    }
    if (m_line.path.empty()) {
        throw Error(ErrorKind::usage, "no command given", {.next = help_of({})});
    }
    std::string choices;
    for (std::string const &word : next_words(m_table, m_line.path)) {
        choices += (choices.empty() ? "" : ", ") + word;
    }
    throw Error(ErrorKind::usage, join_path(m_line.path) + " needs a command: " + choices,
                {.next = help_of(m_line.path)});
}

void Scanner::check_positionals() const {
    std::string names;
    std::size_t room = 0;
    for (OptionModel const &option : *m_flags.command) {
        if (!option.is_argument()) {
            continue;
        }
        if (option.repeatable) {
            return;
        }
        ++room;
        names += ' ' + option.value;
    }
    if (m_line.positionals.size() > room) {
        std::string const path = join_path(m_line.path);
        throw Error(ErrorKind::usage, "unexpected word " + quote_for_message(m_line.positionals[room]),
                    {.why = room == 0 ? path + " takes only flags" : path + " takes only" + names,
                     .next = help_of(m_line.path)});
    }
}

void Scanner::check_required() const {
    std::string missing;
    std::size_t position = 0;
    for (OptionModel const &option : *m_flags.command) {
        bool const given = option.is_argument() ? position++ < m_line.positionals.size() : m_seen.contains(&option);
        if (option.required && !given) {
            missing += (missing.empty() ? "" : ", ") + option.canonical_name();
        }
    }
    if (!missing.empty()) {
        throw Error(ErrorKind::usage, "missing: " + missing, {.next = help_of(m_line.path)});
    }
}

}  // namespace

Line sort_words(std::vector<std::string> const &words, std::span<Command const *const> table, OptionSet const &globals,
                EnterCommand const &enter) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!is_clean_utf8(words[i])) {
            throw Error(ErrorKind::usage, "argument " + std::to_string(i + 1) + " is not valid UTF-8");
        }
    }
    refuse_keys(words);
    return Scanner(words, table, globals, enter).run();
}

bool asks_for_json(std::vector<std::string> const &words, char const *fallback) {
    auto const is_json = [](std::string_view text) { return text == "json" || text == "jsonl"; };
    bool json = fallback != nullptr && is_json(fallback);
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        std::string_view const word = words[i];
        if (word == "--json") {
            json = true;
        } else if (word == "-o" || word == "--output") {
            json = i + 1 < words.size() && is_json(words[i + 1]);
        } else if (word.starts_with("--output=")) {
            json = is_json(word.substr(9));
        } else if (word.starts_with("-o")) {
            json = is_json(word.substr(word.starts_with("-o=") ? 3 : 2));
        }
    }
    return json;
}

bool asks_for_exec_condition(std::vector<std::string> const &words) noexcept {
    auto const end = std::find(words.begin(), words.end(), std::string_view("--"));
    auto const due = std::find(std::find(words.begin(), end, std::string_view("key")), end, std::string_view("due"));
    return due != end && std::find(words.begin(), end, std::string_view("--exec-condition")) != end;
}

int as_exec_condition(int code) noexcept {
    constexpr int failed = 255;
    switch (static_cast<ExitStatus>(code)) {
        case ExitStatus::check_no: return 0;
        case ExitStatus::ok: return 1;
        default: return failed;
    }
}

}  // namespace relay::cli
