#include "cli/output/advice_text.hpp"

#include "cli/output/command_text.hpp"

#include <algorithm>
#include <string_view>

namespace relay::cli {

namespace {

/// This program's words for an act; `{1}`, `{2}` and `{3}` are replaced with its subjects.
struct Wording {
    std::string_view text;
    bool is_command = true;  ///< false: a sentence, because only the user knows what the command needs
};

Wording sentence(std::string_view text) { return {text, false}; }

Wording wording_of(Act act, Globals const &globals) {
    switch (act) {
        case Act::initialize: return {"init"};
        case Act::apply_schema: return {"schema apply"};
        case Act::discard_schema:
            return globals.sandbox
                       ? Wording{"sandbox destroy"}
                       : sentence("if you do not need its data, run DROP SCHEMA relay, relay_api CASCADE in psql");
        case Act::show_schema_status: return {"schema status"};
        case Act::verify_schema: return {"schema verify"};
        case Act::repair_schema: return {"schema apply --repair"};
        case Act::show_connection: return {"whoami"};
        case Act::show_settings: return {"config show"};
        case Act::allow_more_time: return sentence("use a longer --timeout, e.g. --timeout 60s");
        case Act::keep_password_in_file:
            return sentence(
                "put the password in ~/.pgpass, or the whole connection string in a file and use --dsn-file");
        case Act::check_login:
            return sentence(
                "check the user name and the password (in ~/.pgpass, the service file, or the file of --dsn-file)");
        case Act::recover: return {"recover {1}"};
        case Act::create_orgs_and_agents: return sentence("to add more, use org create and agent create");
        case Act::list_orgs: return {"org list"};
        case Act::show_org: return {"org show {1}"};
        case Act::update_org: return sentence("to change it, use org update {1}");
        case Act::raise_plan: return {"org update {1} --plan paid"};
        case Act::raise_agent_limit: return {"org update {1} --max-agents {2}"};
        case Act::renew_subscription: return {"subscription set {1} --state active"};
        case Act::list_plans: return {"plan list"};
        case Act::show_plan: return {"plan show {1}"};
        case Act::update_plan: return sentence("to change it, use plan update {1}");
        case Act::list_seats: return {"org seats {1}"};
        case Act::list_agents: return {"agent list"};
        case Act::show_agent: return {"agent show {1}"};
        case Act::update_agent: return sentence("to change it, use agent update {1}");
        case Act::list_agents_past_due: return {"agent list --key-due 0"};
        case Act::rotate_key_without_grace: return {"rotate-key {1} --grace 0"};
        case Act::rotate_by_force: return sentence("add --force to rotate the key anyway");
        case Act::list_keys: return {"key list"};
        case Act::retire_key: return {"key retire {1}"};
        case Act::retire_by_force: return sentence("add --force to end the key anyway");
        case Act::list_staged_keys: return {"key list --agent {1} --state staged"};
        case Act::retire_staged_key: return {"key retire {1} --force"};
        case Act::list_devices: return {"device list"};
        case Act::list_roles: return {"role list --org {1}"};
        case Act::show_role: return {"role show {2} --org {1}"};
        case Act::update_role: return sentence("to change it, use role grant and role revoke-permission");
        case Act::list_agents_of_role: return {"agent list --org {1} --role {2}"};
        case Act::delete_role_of_agents: return {"role delete {2} --org {1} --force"};
        case Act::list_policy_changes: return {"policy history"};
        case Act::list_blocked_agents: return {"agent list --state blocked"};
        case Act::unblock_agent: return {"unblock {1}"};
        case Act::unblock_org: return {"unblock --org {1}"};
        case Act::restore_agent: return {"restore {1}"};
        case Act::restore_org: return {"restore --org {1}"};
        case Act::shut_out_unknown_agent: return sentence("add --force to refuse this id anyway");
        case Act::list_holds: return {"usage holds {1}"};
        case Act::list_gateways: return {"gateway list"};
        case Act::begin_feed_anew: return sentence("omit --since to see only changes from now on");
        case Act::list_events: return {"audit list"};
        case Act::list_events_of_agent: return {"audit list --agent {1}"};
        case Act::list_events_of_key: return {"audit list --key {1}"};
        case Act::list_failures_from: return {"audit list --address {1} --outcome failed --since {2}"};
        case Act::list_incidents: return {"incident list"};
        case Act::seal_audit: return {"audit seal"};
        case Act::maintain_audit: return {"audit maintain"};
        case Act::list_months_to_drop: return {"audit maintain --keep-months {1} --dry-run"};
        case Act::show_legacy_status: return {"migrate-legacy status"};
        case Act::import_legacy_agents: return sentence("import these agents first: migrate-legacy import FILE");
        case Act::name_agent_id_column: return sentence("say which column has the id: --map agent_id=COLUMN");
        case Act::open_legacy_window: return {"migrate-legacy start --deadline 14d"};
        case Act::give_legacy_deadline: return sentence("add a deadline, e.g. --deadline 14d");
        case Act::extend_legacy_window: return {"migrate-legacy extend --deadline 7d --reason 'more time to move'"};
        case Act::finish_legacy_window: return {"migrate-legacy finish"};
        case Act::finish_legacy_accepting: return {"migrate-legacy finish --allow-active {1} --allow-never-seen {2}"};
        case Act::finish_legacy_after:
            return {"migrate-legacy finish --quiet-for {3} --allow-active {1} --allow-never-seen {2}"};
        case Act::deny_legacy: return {"migrate-legacy abort --deny-all"};
        case Act::try_without_change: return sentence("preview the change with --dry-run");
        case Act::name_relay_settings:
            return sentence("name the file with the settings of the relay: doctor --env-file FILE");
    }
    return {};
}

/// Returns the subject that `word` is a placeholder for; otherwise `word`.
std::string filled(std::string const &word, Step const &step) {
    for (std::size_t i = 0; i < step.words.size(); ++i) {
        if (word == '{' + std::to_string(i + 1) + '}') {
            return step.words[i];
        }
    }
    return word;
}

/// Splits `wording` at blanks outside quotes, and fills in the subjects.
std::vector<std::string> words_of(std::string_view wording, Step const &step) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < wording.size();) {
        bool const is_quoted = wording[at] == '\'';
        std::size_t const begin = at + (is_quoted ? 1 : 0);
        std::size_t const end = std::min(wording.find(is_quoted ? '\'' : ' ', begin), wording.size());
        words.push_back(filled(std::string(wording.substr(begin, end - begin)), step));
        at = end + (is_quoted ? 2 : 1);
    }
    return words;
}

std::string act_text(Step const &step, Globals const &globals) {
    Wording const wording = wording_of(step.act, globals);
    std::vector<std::string> const words = words_of(wording.text, step);
    if (wording.is_command) {
        return command_line(globals, words);
    }
    std::string text;
    for (std::string const &word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

std::string step_text(Step const &step, Globals const &globals) {
    switch (step.kind) {
        case Step::Kind::words: return step.words.front();
        case Step::Kind::act: return act_text(step, globals);
        case Step::Kind::program: return command_line(globals, step.words);
        case Step::Kind::tool: break;
    }
    return shell_line(step.words);
}

}  // namespace

std::vector<std::string> advice_lines(Advice const &advice, Globals const &globals) {
    std::vector<std::string> lines;
    for (Step const &step : advice.steps()) {
        lines.push_back(step_text(step, globals) + (step.note.empty() ? "" : "  # " + step.note));
    }
    return lines;
}

std::string first_advice(Advice const &advice, Globals const &globals) {
    return advice.empty() ? std::string() : step_text(advice.steps().front(), globals);
}

}  // namespace relay::cli
