#include "cli/incident/what_next.hpp"

#include "cli/context.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"

#include <set>

namespace relay::cli {

namespace {

constexpr std::size_t most_commands = 10;

/// Returns `command` with the words that name the subject.
std::vector<std::string> about(IncidentItem const &item, std::string_view command) {
    std::vector<std::string> words{std::string(command)};
    if (item.agent() == nullptr) {
        words.push_back("--" + std::string(item.kind_text()));
    }
    words.push_back(text_of(item.subject));
    return words;
}

/// The command that lifts a block or a revocation.
std::vector<std::string> lifting(Standing const &standing) {
    std::string const id = text_of(standing.subject);
    SubjectKind const kind = kind_of(standing.subject);
    bool const is_org = kind == SubjectKind::org;
    std::vector<std::string> words{standing.kind == StandingKind::block ? "unblock" : "restore"};
    if (kind != SubjectKind::agent) {
        words.push_back("--" + std::string(text_of(kind)));
    }
    words.push_back(id);
    if (standing.kind == StandingKind::revoke && !is_org) {
        words.insert(words.end(), {"--secret-file", id + ".key"});
    }
    return words;
}

}  // namespace

void say_undo(Context &context, IncidentVerb verb, IncidentItem const &item) {
    Globals const &globals = context.globals();
    if (globals.dry_run) {
        return;
    }
    bool const known_agent = item.agent() != nullptr && item.known;
    std::string const id = text_of(item.subject);
    std::vector<std::string> const to_file{"--secret-file", id + ".key"};
    if (verb == IncidentVerb::block) {
        std::vector<std::string> undo = about(item, "unblock");
        if (globals.ticket) {
            add_flag_words(undo, "--ticket", *globals.ticket);
        }
        context.output().note("undo:  " + command_line(globals, undo));
        if (known_agent) {
            std::vector<std::string> clean{"rotate-key", id, "--grace", "0"};
            clean.insert(clean.end(), to_file.begin(), to_file.end());
            context.output().note("then:  " + command_line(globals, clean));
        }
    } else if (verb == IncidentVerb::revoke && (known_agent || item.org() != nullptr)) {
        std::vector<std::string> undo = about(item, "restore");
        if (known_agent) {
            undo.insert(undo.end(), to_file.begin(), to_file.end());
        }
        context.output().note("undo:  " + command_line(globals, undo));
    }
}

std::vector<Standing> standing_left(IncidentItem const &item, IncidentContext const &context) {
    std::vector<Standing> standing = context.agent    ? context.agent->standing
                                     : context.device ? context.device->standing
                                                      : std::vector<Standing>();
    if (standing.empty() && item.standing) {
        standing.push_back(*item.standing);
    }
    return standing;
}

void say_left_over(Context &context, IncidentReceipt const &receipt, IncidentContexts const &contexts) {
    std::set<std::string> said;
    for (std::size_t i = 0; i < receipt.items.size(); ++i) {
        for (Standing const &row : standing_left(receipt.items[i], contexts.of[i])) {
            std::string const line = command_line(context.globals(), lifting(row));
            SubjectKind const kind = kind_of(row.subject);
            bool const is_final =
                kind == SubjectKind::key || (kind == SubjectKind::device && row.kind == StandingKind::revoke);
            if (!is_final && said.size() < most_commands && said.insert(line).second) {
                context.output().note("next:  " + line);
            }
        }
    }
}

}  // namespace relay::cli
