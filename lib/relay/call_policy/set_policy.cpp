#include "relay/call_policy/call_policy.hpp"

#include "relay/call_policy/call_policy_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/escape.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay {
namespace {

/// Returns the scope with the organization of its agent. Throws Error (not_found).
PolicyScope resolve(db::Transaction &transaction, PolicyScope scope) {
    if (scope.agent) {
        scope.org = sql::get_agent(transaction, *scope.agent).org_id;
    } else if (scope.org) {
        sql::get_org(transaction, *scope.org);
    }
    return scope;
}

std::string words_of(PolicySetting setting) {
    std::string words(text_of(setting));
    std::replace(words.begin(), words.end(), '_', '-');
    return words;
}

std::string qps_words(std::optional<std::int64_t> qps) {
    return qps ? counted(*qps, "call") + " per second" : "no limit of calls";
}

std::string list_words(std::vector<std::string> const &addresses) {
    return addresses.empty() ? "any address" : fmt::format("{}", fmt::join(addresses, ", "));
}

/// A setting that ends tightens what is below its scope, too: its end may loosen something, whatever is in force in the
/// scope itself.
void add_lifted(std::vector<std::string> &loosens, std::vector<PolicyChange> const &lifted) {
    for (PolicyChange const &change : lifted) {
        if (change.until) {
            loosens.push_back(
                fmt::format("{} {} of {} ends now", words_of(change.setting), change.value, change.scope.describe()));
        }
    }
}

void add_looser_settings(std::vector<std::string> &loosens, PolicyScope const &scope, CallPolicy const &before,
                         CallPolicy const &after) {
    for (SettingInForce const &was : before.settings) {
        auto const is = std::find_if(after.settings.begin(), after.settings.end(),
                                     [&](SettingInForce const &one) { return one.setting == was.setting; });
        if (is != after.settings.end() && is->lasting_strictness < was.lasting_strictness) {
            loosens.push_back(fmt::format("{} of {} becomes {} instead of {}", words_of(was.setting), scope.describe(),
                                          is->lasting_value, was.lasting_value));
        }
    }
}

std::vector<std::string> what_loosens(db::Transaction &transaction, PolicyUpdate const &update,
                                      CallPolicy const &before) {
    std::vector<std::string> loosens;
    CallPolicy const &after = update.policy;
    add_lifted(loosens, update.lifted);
    add_looser_settings(loosens, update.scope, before, after);
    if (before.qps && (!after.qps || *after.qps > *before.qps)) {
        loosens.push_back(fmt::format("{} has {} instead of {}", update.scope.describe(), qps_words(after.qps),
                                      qps_words(before.qps)));
    }
    if (!sql::are_within(transaction, after.addresses, before.addresses)) {
        loosens.push_back(fmt::format("{} may call from {} instead of {}", update.scope.describe(),
                                      list_words(after.addresses), list_words(before.addresses)));
    }
    return loosens;
}

void require_time_to_come(db::Transaction const &transaction, PolicyEnd const &until) {
    Instant const *const at = std::get_if<Instant>(&until);
    if (at != nullptr && *at <= transaction.now()) {
        throw Error(ErrorKind::usage, "the setting would end at " + format_instant(*at) + ", which is over",
                    {.why = "the clock of the database says " + format_instant(transaction.now())});
    }
}

/// What a request changes, and the detail of its event.
struct Effect {
    PolicyUpdate update{};
    sql::Detail detail{};
};

/// Throws Error (denied) that names what the login may do, if it may only make settings that end.
std::optional<PolicyChange> make_setting(db::Transaction &transaction, SetPolicy const &request,
                                         SettingChoice const &choice, PolicyScope const &scope, Attribution const &by) {
    try {
        return sql::insert_change(transaction, scope, choice.setting, *choice.value, request.until, by);
    } catch (Error const &error) {
        if (error.kind() != ErrorKind::denied || !std::holds_alternative<std::monostate>(request.until)) {
            throw;
        }
        throw Error(
            error.kind(),
            fmt::format("this login may not set {} without an end; nothing was changed", words_of(choice.setting)),
            {.why = "a responder may only make settings that end", .next = "add --until, as in --until 6h"});
    }
}

void apply_setting(db::Transaction &transaction, SetPolicy const &request, SettingChoice const &choice,
                   Attribution const &by, Effect &effect) {
    PolicyScope const &scope = effect.update.scope;
    std::string_view const name = text_of(choice.setting);
    if (!choice.value) {
        for (PolicyChange &lifted : sql::lift_setting(transaction, scope, choice.setting, by.actor)) {
            effect.detail.add(name, "inherit").add("undone_" + std::to_string(lifted.change_id), lifted.value);
            effect.update.lifted.push_back(std::move(lifted));
        }
        return;
    }
    auto made = make_setting(transaction, request, choice, scope, by);
    if (made) {
        effect.detail.add(name, made->value).add(std::string(name) + "_change_id", made->change_id);
        if (made->until) {
            effect.detail.add(std::string(name) + "_until", format_instant(*made->until));
        }
        effect.update.made.push_back(*std::move(made));
    }
}

bool apply_limits(db::Transaction &transaction, SetPolicy const &request, Effect &effect) {
    PolicyScope const &scope = effect.update.scope;
    bool changed = false;
    if (request.qps && sql::set_qps(transaction, scope, *request.qps)) {
        effect.detail.add("qps", *request.qps ? std::to_string(**request.qps) : "plan");
        changed = true;
    }
    if (request.addresses && sql::set_addresses(transaction, scope, *request.addresses)) {
        effect.detail.add("allow", request.addresses->empty()
                                       ? "any"
                                       : fmt::format("{}", fmt::join(texts_of(*request.addresses), ",")));
        changed = true;
    }
    return changed;
}

/// Returns whether calls are looked at more closely because of this request.
bool guards_calls(SetPolicy const &request) {
    return (request.addresses && !request.addresses->empty()) ||
           std::any_of(request.settings.begin(), request.settings.end(), [](SettingChoice const &choice) {
               return choice.value &&
                      (choice.setting == PolicySetting::signing || choice.setting == PolicySetting::window);
           });
}

/// Also if no row was written: then it must have been so already.
bool is_as_requested(db::Transaction &transaction, SetPolicy const &request, PolicyScope const &scope,
                     Attribution const &by) {
    for (SettingChoice const &choice : request.settings) {
        if (!(choice.value ? sql::says(transaction, scope, choice.setting, *choice.value, request.until, by)
                           : sql::says_nothing(transaction, scope, choice.setting))) {
            return false;
        }
    }
    return (!request.qps || sql::has_qps(transaction, scope, *request.qps)) &&
           (!request.addresses || sql::has_addresses(transaction, scope, *request.addresses)) &&
           (!guards_calls(request) || sql::is_guarded(transaction, scope));
}

std::vector<sql::NewEvent> undo_events(std::vector<PolicyChange> const &lifted) {
    std::vector<sql::NewEvent> events;
    for (PolicyChange const &change : lifted) {
        sql::Detail detail;
        detail.add("change_id", change.change_id).add(text_of(change.setting), change.value);
        if (change.until) {
            detail.add("until", format_instant(*change.until));
        }
        events.push_back({.action = "policy_undone",
                          .org_id = change.scope.org,
                          .agent_id = change.scope.agent,
                          .detail = std::move(detail)});
    }
    return events;
}

/// Returns the changes to undo. Throws Error (not_found).
std::vector<PolicyChange> changes_to_undo(db::Transaction &transaction, UndoPolicy const &request) {
    auto const ticket = request.ticket ? std::optional(request.ticket->text()) : std::nullopt;
    std::vector<PolicyChange> found = sql::find_changes(transaction, request.change_id, ticket);
    if (found.empty() && ticket && !request.change_id) {  // SQL may have written one that commands show with escapes
        found = sql::find_changes(transaction, {}, unescape(*ticket));
    }
    if (found.empty()) {
        throw Error(ErrorKind::not_found,
                    request.change_id ? "no policy change has the id " + std::to_string(*request.change_id)
                                      : "no setting was made under ticket " + quote_for_message(request.ticket->text()),
                    {.next = advise(Act::list_policy_changes)});
    }
    return found;
}

/// Lifts them. If the login may only lift those that have an end, the error names these.
std::vector<PolicyChange> lift(db::Transaction &transaction, std::vector<PolicyChange> const &found, Note const &by) {
    try {
        return sql::lift_changes(transaction, found, by);
    } catch (Error const &error) {
        std::vector<std::string> ending;
        for (PolicyChange const &change : found) {
            if (change.until && change.state == PolicyChangeState::set) {
                ending.push_back(std::to_string(change.change_id));
            }
        }
        bool const has_lasting =
            std::any_of(found.begin(), found.end(), [](PolicyChange const &change) { return !change.until; });
        if (error.kind() != ErrorKind::denied || ending.empty() || !has_lasting) {
            throw;
        }
        throw Error(error.kind(),
                    "some of these settings have no end, and this login may only undo settings that have one",
                    {.next = fmt::format("undo the others one by one, by their ids: {}", fmt::join(ending, ", "))});
    }
}

/// Returns what is in force for each scope of these changes.
std::vector<std::pair<PolicyScope, CallPolicy>> policies_of(db::Transaction &transaction,
                                                            std::vector<PolicyChange> const &changes) {
    std::vector<std::pair<PolicyScope, CallPolicy>> policies;
    for (PolicyChange const &change : changes) {
        if (std::none_of(policies.begin(), policies.end(), [&](auto const &known) {
                return known.first.org == change.scope.org && known.first.agent == change.scope.agent;
            })) {
            policies.emplace_back(change.scope, sql::call_policy(transaction, change.scope));
        }
    }
    return policies;
}

}  // namespace

PolicyUpdate set_policy(db::Database &database, SetPolicy const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        require_time_to_come(transaction, request.until);
        Effect effect{.update = {{}, resolve(transaction, request.scope)}};
        PolicyUpdate &update = effect.update;
        CallPolicy const before = sql::call_policy(transaction, update.scope);
        for (SettingChoice const &choice : request.settings) {
            apply_setting(transaction, request, choice, options.by, effect);
        }
        bool const limits_changed = apply_limits(transaction, request, effect);
        update.policy = sql::call_policy(transaction, update.scope);
        update.loosens = what_loosens(transaction, update, before);
        static_cast<WriteReceipt &>(update) =
            receipt_of(transaction, limits_changed || !update.made.empty() || !update.lifted.empty());
        update.is_refused = !request.may_loosen && update.loosens != request.agreed;
        transaction.confirm(is_as_requested(transaction, request, update.scope, options.by),
                            "the policy of " + update.scope.describe());
        if (!update.changed || update.is_refused) {
            transaction.nothing_to_do();
            return update;
        }
        transaction.expect_announcement();
        sql::record_events(transaction, options.by,
                           {{.action = "policy_changed",
                             .org_id = update.scope.org,
                             .agent_id = update.scope.agent,
                             .detail = effect.detail}});
        return update;
    });
}

PolicyUndo undo_policy(db::Database &database, UndoPolicy const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        std::vector<PolicyChange> const found = changes_to_undo(transaction, request);
        auto const before = policies_of(transaction, found);
        PolicyUndo undo;
        undo.lifted = lift(transaction, found, options.by.actor);
        static_cast<WriteReceipt &>(undo) = receipt_of(transaction, !undo.lifted.empty());
        add_lifted(undo.loosens, undo.lifted);
        for (auto const &[scope, policy] : before) {
            add_looser_settings(undo.loosens, scope, policy, sql::call_policy(transaction, scope));
        }
        undo.is_refused = !request.may_loosen && undo.loosens != request.agreed;
        transaction.confirm(sql::are_over(transaction, found), "the end of these policy changes");
        if (!undo.changed || undo.is_refused) {
            transaction.nothing_to_do();
            return undo;
        }
        transaction.expect_announcement();
        sql::record_events(transaction, options.by, undo_events(undo.lifted));
        return undo;
    });
}

}  // namespace relay
