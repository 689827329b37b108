#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/incident/whose_document.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/scan/scan_files.hpp"
#include "cli/scan/scan_report.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <memory>

#include <sys/stat.h>

namespace relay::cli::whois_command {

namespace {

struct Options {
    std::vector<std::string> words{};
};

bool is_text(std::string const &word) {
    struct stat status {};
    return word == "-" || ::stat(word.c_str(), &status) == 0;
}

Error names_nothing(std::string const &word) {
    return {ErrorKind::not_found,
            "no key, agent or organization is called " + quote_for_message(word),
            {.why = "there is no such file either",
             .next = advise(Act::list_agents),
             .sought = {.kind = text_of(NamedThing::agent), .text = word}}};
}

/// Adds what an id names: for a text that was found, only if there is such a thing.
WhoseAll look_up(Context &context, std::vector<std::string> const &words) {
    WhoseAll all = whose_named(context.database(), words);
    auto const file = std::find_if(all.unknown.begin(), all.unknown.end(), is_text);
    if (file != all.unknown.end()) {  // nothing was looked for in it, so "unknown" would read like "nothing leaked"
        throw Error(ErrorKind::usage, quote_for_message(*file) + " is a file; it was not looked into",
                    {.next = "give one file or folder alone, or all texts on stdin with -"});
    }
    if (all.items.empty() && words.size() == 1) {
        throw names_nothing(words.front());
    }
    if (all.items.empty()) {
        throw Error(ErrorKind::not_found,
                    "no key, agent or organization has any of these " + std::to_string(words.size()) + " ids",
                    {.next = advise(Act::list_agents)});
    }
    return all;
}

Document document_of(Context &context, WhoseAll const &all, FileScan const *scan) {
    Document document = whose_document(all.items, scan);
    document.about_list = {machine_only("scan", scan != nullptr ? Value(scan_record(*scan)) : Value()),
                           machine_only("unknown", all.unknown)};
    for (std::string const &word : all.unknown) {
        document.warnings.push_back("no key, agent or organization is called " + quote_for_message(word));
    }
    for (std::string const &word : all.more) {
        document.warnings.push_back("more than " + std::to_string(most_namesakes) +
                                    " agents or organizations are called " + quote_for_message(word) +
                                    "; these are the first by id");
    }
    stamp(document, context, all.at, all.db_role);
    return document;
}

/// The command that ends the live keys of the list.
void say_next(Context &context, std::vector<Whose> const &items, std::optional<std::string> const &path) {
    std::vector<std::string> words{"revoke"};
    std::string ids;
    std::string devices;
    std::vector<Whose> tokens;  // --key is for keys of agents
    bool whole = true;
    for (Whose const &whose : items) {
        if (whose.live() && whose.thing == NamedThing::token) {
            tokens.push_back(whose);
            whole = whole && whose.proof == Proof::whole_key;
        } else if (whose.live() && whose.thing == NamedThing::device) {
            devices += (devices.empty() ? "" : ",") + whose.key_id->text();
            whole = whole && whose.proof == Proof::whole_key;
        } else if (whose.live()) {
            ids += (ids.empty() ? "" : ",") + whose.key_id->text();
            whole = whole && whose.proof == Proof::whole_key;
        }
    }
    bool const scans = path && *path != "-" && whole;
    if (scans && !(ids.empty() && devices.empty() && tokens.empty())) {
        words.insert(words.end(), {"--scan", *path});
    } else if (!ids.empty()) {
        words.insert(words.end(), {"--key", ids});
    }
    if (words.size() > 1) {
        context.output().note("next:  " + command_line(context.globals(), words));
    }
    if (!scans && !devices.empty()) {
        context.output().note("next:  " + command_line(context.globals(), {"revoke", "--device", devices}));
    }
    for (Whose const &token : scans ? std::vector<Whose>() : tokens) {
        std::string const org = token.org_id->text();
        context.output().note("next:  " + command_line(context.globals(), {"org", "update", org, "--admin-token",
                                                                           "file:" + org + ".token"}));
    }
}

ExitStatus look_into(Context &context, std::string const &path) {
    FileScan const scan = scan_files(context, path, "whois");
    WhoseAll all = whose_found(context.database(), scan.keys(), scan.cut_ids());
    // A file can have the name of an agent; then both are meant.
    if (path != "-" && path.find('/') == path.npos) {
        WhoseAll const named = whose_named(context.database(), {path});
        all.items.insert(all.items.end(), named.items.begin(), named.items.end());
    }
    Document document = document_of(context, all, &scan);
    std::vector<std::string> const more = scan_warnings(scan, context.globals());
    document.warnings.insert(document.warnings.end(), more.begin(), more.end());
    context.output().show(document);
    if (scan.keys().empty()) {
        context.output().note(nothing_found_text(scan, path));
    }
    context.output().note(scan_text(scan));
    say_next(context, all.items, path);
    return scan.not_read.empty() ? ExitStatus::ok : ExitStatus::partial;
}

ExitStatus run(Options const &options, Context &context) {
    if (options.words.empty()) {
        throw Error(ErrorKind::usage, "missing: a FILE, - for stdin, or an id");
    }
    if (options.words.size() == 1 && is_text(options.words.front())) {
        return look_into(context, options.words.front());
    }
    if (std::find(options.words.begin(), options.words.end(), "-") != options.words.end()) {
        throw Error(ErrorKind::usage, "- must be alone: a text is looked into on its own, and so is a list of ids");
    }
    WhoseAll const all = look_up(context, options.words);
    context.output().show(document_of(context, all, nullptr));
    say_next(context, all.items, std::nullopt);
    return all.unknown.empty() ? ExitStatus::ok : ExitStatus::partial;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positionals(
        set,
        {.names = "FILE",
         .description = "any text, or a folder; - is stdin. Or ids: of keys, devices, agents or organizations"},
        options->words);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "whois",
    .summary = "show whose key this is; changes nothing",
    .doc =
        R"(Finds the keys in any text (a log, a diff, a paste), or in a folder, and shows their owners. For
each key it shows the agent, its name and owner, its organization, and the state of the key. It also shows when and from
where the key was last seen, and its place in the text. The command changes nothing and leaves no trace in the audit
trail. It never prints a key. To look up a key that you hold, give it on stdin: a key is never an argument.

It reads as `revoke --scan` does, which lists the encodings. It compares the hash of the whole key. It marks a key that
is cut, and another secret with the same id. Anyone can copy a public id. It finds the refresh tokens of devices, too.

Instead of a text, you can give ids or names of keys, devices, agents or organizations. The id of a key may have its prefix, as in
logs: relay_sk_9fq2mzx1b81k. An agent is shown with its live keys. If a file has the name that you give, the command reads
the file, and looks up the id, too.

The login needs the privileges of relay_responder.

Exit 0: shown; or the text has no key, and the command says what it has read. 2: the file is unreadable, compressed,
encrypted or in uuencode. 3: nothing in this database has the id. 7: some of the ids are unknown, or some of the text could not be
read; the output shows which.

EXAMPLES
  # whose keys are in this log?
  relay-admin whois build.log
  # at the end of a pipe: git log -p | ...
  relay-admin whois -
  relay-admin whois 9fq2mzx1b81k billing-bot)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 5,
};

}  // namespace relay::cli::whois_command
