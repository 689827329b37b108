#include "cli/completion/offers.hpp"

#include "cli/completion/value_kind.hpp"
#include "relay/health/doctor.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

void append_part(std::string &text, std::string_view part) {
    if (!part.empty()) {
        text.append(text.empty() ? "" : ", ").append(part);
    }
}

/// Returns the meaning of an id: `Payment Processor (acme-corp), blocked since 2026-11-22, INC-42`.
std::string meaning_of(Candidate const &candidate) {
    std::string text = candidate.name;
    if (!candidate.owner.empty()) {
        text += text.empty() ? candidate.owner : " (" + candidate.owner + ')';
    }
    append_part(text, candidate.state);
    if (!candidate.since.empty()) {
        text += " since " + candidate.since;
    }
    append_part(text, candidate.ticket);
    return text;
}

class Offering {
  public:
    Offering(TypedLine const &line, ProgramModel const &program, FindIds const &find_ids)
        : m_line(line), m_program(program), m_find_ids(find_ids) {}

    Offers run() && {
        if (m_line.lost) {
            return {};
        }
        if (m_line.expects != nullptr) {
            offer_values(*m_line.expects);
        } else if (!m_line.flags_ended && m_line.word.starts_with('-')) {
            offer_flags();
        } else if (m_line.command == nullptr) {
            offer_commands(m_line.path);
        } else if (OptionModel const *argument = m_line.next_argument()) {
            offer_values(*argument);
        }
        return std::move(m_offers);
    }

  private:
    void offer(std::string word, std::string meaning) {
        if (word.starts_with(m_line.word)) {
            m_offers.words.push_back({m_line.kept + word, std::move(meaning)});
        }
    }

    void offer_commands(Path const &path) {
        for (Path const &below : m_program.below(path)) {
            offer(below.back(), m_program.find(below)->summary);
        }
    }

    void offer_flags() {
        if (m_line.command != nullptr) {
            offer_names(m_line.command->options);
        }
        offer_names(m_program.globals);
    }

    /// Offers a global flag only if the command has no flag of the same name.
    bool is_hidden(OptionModel const &option) const {
        if (m_line.command == nullptr) {
            return false;
        }
        auto const &own = m_line.command->options;
        return std::any_of(own.begin(), own.end(), [&](OptionModel const &one) {
            return &one != &option && one.canonical_name() == option.canonical_name();
        });
    }

    void offer_names(std::vector<OptionModel> const &options) {
        for (OptionModel const &option : options) {
            if (option.repeatable || (!m_line.gives(option) && !is_hidden(option))) {
                for (std::string const &name : option.names) {
                    offer(name, option.description);
                }
            }
        }
    }

    void offer_values(OptionModel const &option) {
        for (std::string const &choice : option.choices) {
            offer(choice, "");
        }
        ValueKind const kind = value_kind(option.type);
        if (kind == ValueKind::command) {
            offer_commands(m_line.positionals);
        } else if (kind == ValueKind::check) {
            offer_checks();
        } else if (is_id(kind)) {
            offer_ids(option, kind);
        } else {
            leave_to_shell(kind);
        }
    }

    void leave_to_shell(ValueKind kind) {
        m_offers.shell = kind == ValueKind::file      ? ShellPart::files
                         : kind == ValueKind::folder  ? ShellPart::folders
                         : kind == ValueKind::program ? ShellPart::program
                                                      : ShellPart::nothing;
        m_offers.program_words = m_line.positionals.size();
    }

    void offer_checks() {
        for (std::string_view const check : known_checks()) {
            if (std::find(m_line.positionals.begin(), m_line.positionals.end(), check) == m_line.positionals.end()) {
                offer(std::string(check), "");
            }
        }
    }

    void offer_ids(OptionModel const &option, ValueKind kind);

    TypedLine const &m_line;
    ProgramModel const &m_program;
    FindIds const &m_find_ids;
    Offers m_offers{};
};

CandidateKind candidate_kind(ValueKind kind) {
    return kind == ValueKind::org      ? CandidateKind::org
           : kind == ValueKind::agent  ? CandidateKind::agent
           : kind == ValueKind::role   ? CandidateKind::role
           : kind == ValueKind::device ? CandidateKind::device
                                       : CandidateKind::key;
}

/// Returns the parts of `a,b,c`.
std::vector<std::string> split(std::string const &list) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= list.size();) {
        std::size_t const comma = std::min(list.find(',', start), list.size());
        parts.push_back(list.substr(start, comma - start));
        start = comma + 1;
    }
    return parts;
}

void Offering::offer_ids(OptionModel const &option, ValueKind kind) {
    CandidateQuery query{.kind = candidate_kind(kind),
                         .wanted = m_line.command != nullptr ? m_line.command->completes : IdFilter::all};
    for (TypedLine::Flag const &flag : m_line.flags) {
        ValueKind const given = value_kind(flag.option->type);
        if (flag.option == &option) {
            std::vector<std::string> const ids = split(flag.value);
            query.taken.insert(query.taken.end(), ids.begin(), ids.end());
        } else if (given == ValueKind::org) {
            query.org = flag.value;
        } else if (given == ValueKind::agent) {
            query.agent = flag.value;
        }
    }
    if (option.is_argument()) {
        query.taken = m_line.positionals;
    }
    if (kind == ValueKind::role && query.agent.empty()) {
        query.agent = m_line.argument_of("AGENT");
    }
    // A repeatable flag also takes a list: what is before the last comma stays.
    std::size_t const comma = option.repeatable && !option.is_argument() ? m_line.word.rfind(',') : std::string::npos;
    std::string const head = comma == std::string::npos ? "" : m_line.word.substr(0, comma + 1);
    if (!head.empty()) {
        std::vector<std::string> const ids = split(m_line.word.substr(0, comma));
        query.taken.insert(query.taken.end(), ids.begin(), ids.end());
    }
    query.prefix = m_line.word.substr(head.size());
    for (Candidate const &candidate : m_find_ids(query)) {
        offer(head + candidate.id, meaning_of(candidate));
    }
}

}  // namespace

Offers offers_for(TypedLine const &line, ProgramModel const &program, FindIds const &find_ids) {
    return Offering(line, program, find_ids).run();
}

}  // namespace relay::cli
