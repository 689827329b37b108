#include "cli/incident/report.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/incident/context.hpp"
#include "cli/incident/other_kinds.hpp"
#include "cli/incident/wait.hpp"
#include "cli/incident/what_next.hpp"
#include "cli/incident/without_key.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/relative_time.hpp"
#include "cli/scan/scan_report.hpp"
#include "relay/model/format_text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

struct Words {
    char const *kind;  ///< of the document
    char const *done;  ///< on stderr, after a change
    char const *already;  ///< "agent X was ..."
};

Words words_of(IncidentVerb verb) {
    switch (verb) {
        case IncidentVerb::block: return {"Block", "blocked: gateways refuse it from their next check", "blocked"};
        case IncidentVerb::unblock:
            return {"Unblock", "unblocked: gateways accept its keys again from their next check", "not blocked"};
        case IncidentVerb::revoke:
            return {"Revocation", "revoked: gateways refuse its keys permanently, from their next check", "revoked"};
        case IncidentVerb::restore: break;
    }
    return {"Restore", "restored: its old keys stay dead; run rotate-key for each of its agents", "not revoked"};
}

/// Adds ids that are similar. Blocking and revoking must be quick, so they do not look for them; here nothing was
/// changed, so there is time.
Error with_suggestions(Context &context, IncidentItem const &item) {
    Error const &error = *item.error;
    if (error.kind() != ErrorKind::not_found || !error.hint().suggestions.empty()) {
        return error;
    }
    Hint hint = error.hint();
    try {
        if (AgentId const *const agent = item.agent()) {
            show_agent(context.database(), *agent, 0);
        } else if (KeyId const *const key = item.key()) {
            show_key(context.database(), *key, 0);
        } else if (DeviceId const *const device = item.device()) {
            show_device(context.database(), *device, 0);
        }
    } catch (Error const &found) {
        hint.suggestions = found.hint().suggestions;
        hint.suggestion_texts = found.hint().suggestion_texts;
    }
    return {error.kind(), error.message(), hint};
}

/// Throws one error if all items failed, because nothing was done. (A document on stdout would look like a success.)
[[noreturn]] void fail_for_all(Context &context, std::vector<IncidentItem> const &items) {
    if (items.size() == 1) {
        throw with_suggestions(context, items.front());
    }
    constexpr std::size_t most_named = 10;
    std::string ids;
    Hint hint;
    for (std::size_t i = 0; i < std::min(items.size(), most_named); ++i) {
        ids += (i == 0 ? "" : ", ") + text_of(items[i].subject);
        Hint const &found = items[i].error->hint();
        if (!found.why.empty()) {
            hint.why += (hint.why.empty() ? "" : "; ") + found.why;
            std::move(hint.next).also(found.next);
        }
    }
    throw Error(items.front().error->kind(),
                "no " + std::string(items.front().kind_text()) + " has any of these " + std::to_string(items.size()) +
                    " ids: " + ids + (items.size() > most_named ? ", ..." : "") + "; nothing was changed",
                std::move(hint));
}

void say_unchanged(Context &context, IncidentVerb verb, IncidentItem const &item, std::optional<Instant> at) {
    bool const shut_out = verb == IncidentVerb::block || verb == IncidentVerb::revoke;
    std::string text = fmt::format("nothing changed: {} {} was {}{}", item.kind_text(), item.subject,
                                   shut_out ? "already " : "", words_of(verb).already);
    if (item.standing && shut_out) {
        text += " by " + item.standing->actor + ' ';
        text += at ? relative_time(item.standing->at, *at) : "at " + format_instant_seconds(item.standing->at);
    }
    context.output().note(text);
}

/// "c8pjdeyrrbnp: no agent c8pjdeyrrbnp; c8pjdeyrrbnp is a key of agent crm: relay-admin block crm"
std::string warning_of(IncidentItem const &item, Globals const &globals) {
    Hint const &hint = item.error->hint();
    std::string const text = text_of(item.subject) + ": " + item.error->message();
    return hint.why.empty() ? text : text + "; " + hint.why + ": " + first_advice(hint.next, globals);
}

/// Returns a warning about what was blocked or revoked although it could not be looked up; empty if there is none.
std::string warning_of_unseen(IncidentVerb verb, IncidentReceipt const &receipt) {
    auto const unseen = std::find_if(receipt.items.begin(), receipt.items.end(),
                                     [](IncidentItem const &item) { return !item.looked_up; });
    if (unseen == receipt.items.end()) {
        return "";
    }
    return fmt::format(
        "the {} is in force, but another session has locked the table of {}s{}: so no one looked whether "
        "{} {} exists, and gateways that ask about it may get no answer",
        verb == IncidentVerb::block ? "block" : "revocation", unseen->kind_text(),
        receipt.lock_holders.empty() ? "" : " (" + receipt.lock_holders + ')', unseen->kind_text(), unseen->subject);
}

/// Adds warnings about what is still true after unblocking or restoring, and might surprise.
void add_warnings(Document &document, Globals const &globals, IncidentVerb verb, IncidentReceipt const &receipt,
                  IncidentContexts const &contexts) {
    for (std::size_t i = 0; i < receipt.items.size(); ++i) {
        IncidentItem const &item = receipt.items[i];
        if (item.error) {
            document.warnings.push_back(warning_of(item, globals));
        } else if (verb == IncidentVerb::unblock || verb == IncidentVerb::restore) {
            for (Standing const &row : standing_left(item, contexts.of[i])) {
                document.warnings.push_back(fmt::format("{} {} is still refused: {} {} is {}", item.kind_text(),
                                                        item.subject, kind_of(row.subject), row.subject,
                                                        status_of(row.kind)));
            }
        }
    }
    if (std::string const warning = warning_of_unseen(verb, receipt); !warning.empty()) {
        document.warnings.push_back(warning);
    }
    if (receipt.trail_missing) {
        document.warnings.push_back("cannot write the auth_events row: " + *receipt.trail_missing +
                                    "; relay.revocations records who, when and why");
    }
    if (receipt.unread) {
        document.warnings.push_back("the command succeeded, but could not be read back after its COMMIT: " +
                                    *receipt.unread);
    }
    if (contexts.failure) {
        document.warnings.push_back("the command succeeded, but reading the details failed: " + *contexts.failure);
    }
}

/// What --clean has restored is not as the receipt says any more.
void forget_restored(IncidentReceipt &receipt, FreshKeys const &fresh) {
    receipt.details.reset();
    for (IncidentItem &item : receipt.items) {
        bool const is_restored =
            (item.org() != nullptr && fresh.org_restored) || (item.agent() != nullptr && fresh.has(*item.agent()));
        if (is_restored) {
            item.standing.reset();
        }
    }
}

/// The id in the secret that --scan has found: of a key or token, or of a device.
std::optional<KeyId> found_id(IncidentItem const &item, FileScan const *scan) {
    if (scan == nullptr || (item.device() == nullptr && !std::holds_alternative<KeyId>(item.subject))) {
        return std::nullopt;
    }
    return KeyId::parse(text_of(item.subject));
}

/// Returns whether an item is a secret, or holds only secrets: nothing of it is left after its revocation.
bool is_secret(IncidentItem const &item) {
    SubjectKind const kind = kind_of(item.subject);
    return kind == SubjectKind::key || kind == SubjectKind::device;
}

Value found_by(std::optional<WaitReport> const &report) { return report ? Value(report->record) : Value(); }

/// Returns the record of an item. Restoring an organization creates no key, but an item of `restore` always has the
/// same fields.
Record item_record(IncidentVerb verb, IncidentItem const &item, IncidentContext const &context,
                   WaitReports const &waited, FileScan const *scan) {
    Record record = incident_record(item, context);
    if (verb == IncidentVerb::revoke) {
        auto const found = found_id(item, scan);
        record.push_back(machine_only("places", found ? Value(place_records(*scan, *found)) : Value()));
        record.push_back(
            {"", "Found in", found ? Value(place_texts(*scan, *found)) : Value(), {.leaves = 1, .cut = true}});
    }
    if (verb == IncidentVerb::block || verb == IncidentVerb::revoke) {
        record.push_back(machine_only("gateways", found_by(waited.gateways)));
        record.push_back(machine_only("durable", found_by(waited.standbys)));
    }
    if (verb == IncidentVerb::restore) {
        append(record, machine_key_record({}, ""));
    }
    return record;
}

using WithoutKey = std::optional<std::vector<AgentWithoutKey>>;

Document make_document(Context &context, IncidentVerb verb, IncidentReceipt const &receipt,
                       IncidentContexts const &contexts, WaitReports const &waited, FileScan const *scan,
                       WithoutKey const &without_key, std::optional<FreshKeys> const &fresh) {
    Document document;
    document.kind = words_of(verb).kind;
    document.id_key = "subject_id";
    document.is_list = true;
    document.columns = blank(item_record(verb, {.subject = any_id<AgentId>()}, {}, {}, scan));
    stamp(document, context, receipt);
    bool const as_page = context.globals().format == OutputFormat::table && receipt.items.size() == 1;
    if (as_page) {
        document.is_list = false;
        IncidentItem const &item = receipt.items.front();
        document.data = incident_page(item, contexts.of.front(), context.globals().dry_run);
        if (auto const found = found_id(item, scan)) {
            document.data.push_back(people_only("Found in", place_texts(*scan, *found)));
        }
    } else {
        for (std::size_t i = 0; i < receipt.items.size(); ++i) {
            document.items.push_back(item_record(verb, receipt.items[i], contexts.of[i], waited, scan));
        }
    }
    document.some_failed = std::any_of(receipt.items.begin(), receipt.items.end(),
                                       [](IncidentItem const &item) { return item.error.has_value(); });
    add_warnings(document, context.globals(), verb, receipt, contexts);
    if (verb == IncidentVerb::revoke) {
        document.about_list = {machine_only("scan", scan != nullptr ? Value(scan_record(*scan)) : Value()),
                               machine_only("without_key", without_key_value(context, without_key)),
                               machine_only("fresh_keys", fresh_keys_value(fresh))};
    }
    if (scan != nullptr) {
        std::vector<std::string> const more = scan_warnings(*scan, context.globals());
        document.warnings.insert(document.warnings.end(), more.begin(), more.end());
    }
    return document;
}

void say_next(Context &context, IncidentVerb verb, IncidentReceipt const &receipt, IncidentContexts const &contexts,
              bool has_fresh_keys) {
    if (receipt.items.size() == 1 && !receipt.changed) {
        say_unchanged(context, verb, receipt.items.front(), contexts.at);
    } else if (receipt.changed && !context.globals().dry_run) {
        bool const ends = verb == IncidentVerb::revoke && is_secret(receipt.items.front());
        bool const is_device = receipt.items.front().device() != nullptr;
        context.output().note(ends ? "revoked: gateways refuse it permanently, from their next check"
                              : is_device && verb == IncidentVerb::unblock
                                  ? "unblocked: gateways accept its tokens again from their next check"
                                  : words_of(verb).done);
    }
    if (verb == IncidentVerb::unblock || verb == IncidentVerb::restore) {
        say_left_over(context, receipt, contexts);
    }
    if (has_fresh_keys) {
        return;
    }
    if (receipt.items.size() == 1) {
        say_undo(context, verb, receipt.items.front());
    } else if (verb == IncidentVerb::block && context.globals().ticket) {
        std::vector<std::string> undo{"unblock"};
        add_flag_words(undo, "--ticket", *context.globals().ticket);
        context.output().note("undo:  " + command_line(context.globals(), undo));
    }
}

/// Reports what the waiting found. The last line says what is in effect anyway.
void say_waited(Context &context, IncidentVerb verb, WaitReports const &waited) {
    for (auto const &report : {waited.gateways, waited.standbys}) {
        for (std::string const &line : report ? report->lines : std::vector<std::string>()) {
            report->complete ? context.output().note(line) : context.output().warn(line);
        }
    }
    if (waited.standbys && !waited.standbys->complete) {
        context.output().warn(std::string(verb == IncidentVerb::block ? "the block" : "the revocation") +
                              " is in effect on the primary, but a failover to a standby without it would undo it: run "
                              "the same command again until it is durable");
    }
}

}  // namespace

ExitStatus report_incident(Context &context, IncidentVerb verb, IncidentReceipt receipt, Waits const &waits,
                           FileScan const *scan, Clean *clean) {
    auto const failed = std::count_if(receipt.items.begin(), receipt.items.end(),
                                      [](IncidentItem const &item) { return item.error.has_value(); });
    // An error about a single id is explained where it is caught.
    OtherKinds const kinds = failed > 0 && receipt.items.size() > 1 && scan == nullptr
                                 ? explain_unknown(context, receipt.items)
                                 : OtherKinds();
    if (failed > 0 && static_cast<std::size_t>(failed) == receipt.items.size()) {
        fail_for_all(context, receipt.items);
    }
    if (receipt.trail_missing) {  // then reading may have to wait, too
        context.output().note("committed; now reading the details");
    }
    WaitReports waited;
    if ((waits.acknowledged || waits.durable) && !context.globals().dry_run && !receipt.items.empty()) {
        waited = wait_for_others(context, receipt, waits);
    }
    bool const cleans = clean != nullptr && !context.globals().dry_run && !receipt.items.empty();
    std::optional<FreshKeys> const fresh = cleans ? std::optional(clean->run(receipt)) : std::nullopt;
    if (fresh) {
        forget_restored(receipt, *fresh);
    }
    IncidentContexts const contexts = read_contexts(context.database(), receipt);
    WithoutKey const without_key = contexts.interrupted ? std::nullopt : read_without_key(context, receipt);
    context.output().show(make_document(context, verb, receipt, contexts, waited, scan, without_key, fresh));
    if (scan != nullptr) {
        context.output().note(scan_text(*scan));
    }
    say_next(context, verb, receipt, contexts, fresh.has_value());
    if (fresh) {
        clean->say(*fresh);
    }
    say_without_key(context, without_key.value_or(std::vector<AgentWithoutKey>()));
    say_waited(context, verb, waited);
    if (contexts.interrupted || waited.interrupted || (fresh && fresh->interrupted)) {
        throw Interrupted();
    }
    if (fresh && !fresh->complete()) {
        return ExitStatus::partial;
    }
    if (failed > 0) {
        bool const none_known = std::all_of(receipt.items.begin(), receipt.items.end(), [](IncidentItem const &item) {
            return !item.error || item.error->kind() == ErrorKind::not_found;
        });
        if (std::string const note = note_of(kinds); none_known && !note.empty()) {
            context.output().note(note);
        }
        return ExitStatus::partial;
    }
    if (scan != nullptr && !scan->not_read.empty()) {
        return ExitStatus::partial;
    }
    return waited.complete() ? ExitStatus::ok : ExitStatus::check_no;
}

ExitStatus show_incident(Context &context, IncidentVerb verb, std::vector<std::string> const &subjects,
                         std::function<IncidentReceipt()> const &act, Waits const &waits, FileScan const *scan,
                         Clean *clean) {
    IncidentReceipt receipt;
    try {
        receipt = act();
    } catch (Error const &error) {
        if (error.kind() == ErrorKind::unknown || error.hint().changed == Changed::unknown) {
            throw left_in_doubt(verb, subjects, error);
        }
        if (error.kind() == ErrorKind::schema) {
            throw with_doubts(verb, subjects, error);
        }
        if (error.kind() == ErrorKind::unavailable) {
            throw with_nothing_changed(error);
        }
        throw;
    }
    return report_incident(context, verb, std::move(receipt), waits, scan, clean);
}

}  // namespace relay::cli
