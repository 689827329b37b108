#include "cli/command.hpp"
#include "cli/command_line/end_time.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/call_policy.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/call_policy/setting_value.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>

namespace relay::cli::policy_set_command {

namespace {

struct SettingFlag {
    PolicySetting setting{};
    std::string_view name{};
    std::string_view type{};
    std::string_view description{};
};

constexpr auto setting_flags = std::to_array<SettingFlag>({
    {PolicySetting::window, "--window", "DURATION",
     "the most by which a signed call may be early or late: 1s to 5m, or inherit"},
    {PolicySetting::require_nonce, "--require-nonce", "yes|no|inherit", "accept each signed call once, by its nonce"},
    {PolicySetting::signing, "--signing", "required|either|bearer|inherit",
     "whether calls must be signed, or may show a bearer key"},
    {PolicySetting::session_ttl, "--session-ttl", "DURATION", "the longest life of a token: 1m to 1d, or inherit"},
    {PolicySetting::messages, "--messages", "required|optional|inherit",
     "whether messages between agents must be signed"},
});

struct Options {
    bool platform = false;
    std::optional<std::string> org{};
    std::optional<std::string> agent{};
    std::array<std::optional<std::string>, setting_flags.size()> settings{};  ///< in the order of setting_flags
    std::optional<std::string> until{};
    std::optional<std::string> qps{};
    std::vector<std::string> allow{};
};

constexpr std::int64_t most_qps = 1'000'000'000;

PolicyScope read_scope(Options const &options) {
    exactly_one(
        {{"--platform", options.platform}, {"--org", options.org.has_value()}, {"AGENT", options.agent.has_value()}});
    return {.org = options.org ? std::optional(OrgId::parse(*options.org)) : std::nullopt,
            .agent = options.agent ? std::optional(AgentId::parse(*options.agent)) : std::nullopt};
}

/// Adds the flag's name to an error about its value.
template <typename Read>
auto about(std::string_view flag, Read const &read) {
    try {
        return read();
    } catch (Error const &error) {
        throw Error(error.kind(), std::string(flag) + ": " + error.message(), error.hint());
    }
}

void add_setting(SetPolicy &request, SettingFlag const &flag, std::optional<std::string> const &text) {
    if (text == "inherit") {
        request.settings.push_back({.setting = flag.setting});
    } else if (text) {
        request.settings.push_back({.setting = flag.setting, .value = about(flag.name, [&] {
                                                                 return parse_setting_value(flag.setting, *text);
                                                             })});
    }
}

std::optional<std::int64_t> parse_qps(std::string const &text) {
    if (text == text_of(PolicySource::plan)) {
        return std::nullopt;
    }
    std::int64_t qps = -1;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), qps);
    if (failure != std::errc() || end != text.data() + text.size() || qps < 0 || qps > most_qps) {
        throw Error(ErrorKind::usage, fmt::format("--qps: {} is not a whole number from 0 to {}, or plan",
                                                  quote_for_message(text), most_qps));
    }
    return qps;
}

std::vector<IpRange> parse_allow(std::vector<std::string> const &texts) {
    bool const has_any = std::find(texts.begin(), texts.end(), "any") != texts.end();
    if (has_any && texts.size() > 1) {
        throw Error(ErrorKind::usage, "--allow: any cannot be combined with addresses");
    }
    return has_any ? std::vector<IpRange>() : about("--allow", [&] { return parse_addresses(texts); });
}

std::string names_of_settings() {
    std::vector<std::string_view> names;
    for (SettingFlag const &flag : setting_flags) {
        names.push_back(flag.name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

/// --until is for settings that get a value: only they are rows that can end.
void check_until(Options const &options, SetPolicy const &request) {
    if (!options.until) {
        return;
    }
    for (auto const &[flag, is_given] :
         {std::pair("--qps", options.qps.has_value()), std::pair("--allow", !options.allow.empty())}) {
        if (is_given) {
            throw Error(ErrorKind::usage, fmt::format("--until and {} cannot be used together", flag),
                        {.why = fmt::format("what {} sets has no end", flag),
                         .next = "use two commands, one of them without --until"});
        }
    }
    bool const has_value = std::any_of(request.settings.begin(), request.settings.end(),
                                       [](SettingChoice const &one) { return one.value.has_value(); });
    if (!has_value) {
        throw Error(ErrorKind::usage, "--until has no effect without a value for a setting",
                    {.next = "give one or more of " + names_of_settings()});
    }
}

SetPolicy read(Options const &options) {
    SetPolicy request{.scope = read_scope(options)};
    for (std::size_t i = 0; i < setting_flags.size(); ++i) {
        add_setting(request, setting_flags[i], options.settings[i]);
    }
    if (options.qps) {
        request.qps = parse_qps(*options.qps);
    }
    if (!options.allow.empty()) {
        request.addresses = parse_allow(options.allow);
    }
    check_until(options, request);
    request.until = parse_end_time(options.until, "the setting", "to keep the setting until you undo it");
    if (options.platform && (request.qps || request.addresses)) {
        throw Error(ErrorKind::usage, "--qps and --allow are for an organization or an agent, not for the platform",
                    {.next = "give --org ORG or AGENT instead of --platform"});
    }
    if (request.settings.empty() && !request.qps && !request.addresses) {
        throw Error(ErrorKind::usage, "nothing to set was given",
                    {.next = "give one or more of " + names_of_settings() + ", --qps, --allow"});
    }
    return request;
}

/// Warns of a setting that ends and is not in force, because something else is at least as strict.
void warn_without_effect(Document &document, PolicyUpdate const &update) {
    for (PolicyChange const &made : update.made) {
        for (SettingInForce const &now : update.policy.settings) {
            if (made.until && now.setting == made.setting && now.change_id != made.change_id) {
                document.warnings.push_back(
                    fmt::format("{} {} is not in force: {} is as strict or stricter, and a "
                                "setting with an end only tightens",
                                text_of(made.setting), made.value, now.value));
            }
        }
    }
}

/// Shows the commands that take back the settings that were made.
void show_undo(Context &context, PolicyUpdate const &update, WriteOptions const &options) {
    auto const show = [&](std::vector<std::string> const &undo) {
        context.output().note("undo: " + command_line(context.globals(), undo));
    };
    if (options.by.ticket && !update.made.empty()) {
        show({"policy", "undo", "--ticket", options.by.ticket->text()});
        return;
    }
    for (PolicyChange const &made : update.made) {
        show({"policy", "undo", std::to_string(made.change_id)});
    }
}

/// Shows the devices that still call if a setting requires signatures, which no device can make.
void show_devices(Context &context, PolicyUpdate const &update) {
    bool const must_sign = std::any_of(update.made.begin(), update.made.end(), [](PolicyChange const &made) {
        return made.setting == PolicySetting::signing && made.value == words_of_setting(made.setting).back();
    });
    if (!must_sign) {
        return;
    }
    std::vector<std::string> words{"device", "list"};
    if (update.scope.agent) {
        words.insert(words.end(), {"--agent", update.scope.agent->text()});
    } else if (update.scope.org) {
        words.insert(words.end(), {"--org", update.scope.org->text()});
    }
    context.output().note("devices cannot sign, and keep their tokens: " + command_line(context.globals(), words));
}

ExitStatus run(Options const &options, Context &context) {
    SetPolicy request = read(options);
    request.may_loosen = context.globals().yes || context.globals().dry_run;
    WriteOptions const by = context.write_options();
    PolicyUpdate update = set_policy(context.database(), request, by);
    while (update.is_refused) {  // again if something else was set meanwhile, so that other things would be loosened
        confirm_loosening(context, update.loosens, !update.scope.agent);
        request.agreed = update.loosens;
        update = set_policy(context.database(), request, by);
    }

    Document document{.kind = "PolicyUpdate", .id_key = "org_id"};
    document.data = scope_record(update.scope);
    append(document.data, call_policy_record(update.policy));
    append(document.data, {
                              {"set", update.made.empty() ? "" : "Set", policy_change_records(update.made)},
                              {"undone", update.lifted.empty() ? "" : "Undone", policy_change_records(update.lifted)},
                              unless_empty("loosens", "Loosens", update.loosens),
                          });
    stamp(document, context, update);
    warn_without_effect(document, update);
    context.output().show(document);
    if (!update.changed) {
        context.output().note("nothing changed: the policy of " + update.scope.describe() + " is already as requested");
    } else if (!context.globals().dry_run) {
        show_devices(context, update);
        if (update.loosens.empty()) {
            show_undo(context, update, by);
        }
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the agent"}, options->agent);
    add_org_flag(set, "for all agents of this organization", options->org);
    add_flag(set, {.names = "--platform", .description = "for all agents of all organizations"}, options->platform);
    for (std::size_t i = 0; i < setting_flags.size(); ++i) {
        SettingFlag const &flag = setting_flags[i];
        add_value(set,
                  {.names = std::string(flag.name),
                   .type = std::string(flag.type),
                   .description = std::string(flag.description)},
                  options->settings[i]);
    }
    add_value(
        set,
        {.names = "--until", .type = "TIME|DURATION", .description = "when the settings end: 6h, or a time (RFC 3339)"},
        options->until);
    add_value(set,
              {.names = "--qps",
               .type = "N",
               .description = "the most calls per second of each agent, over all gateways; or plan"},
              options->qps);
    add_values(set,
               {.names = "--allow",
                .type = "CIDR,...",
                .description = "accept calls only from these addresses and networks; or any"},
               options->allow, Commas::split);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "policy set",
    .summary = "set from where, how often and how agents may call",
    .doc =
        R"(Sets a part of the policy of an agent, of an organization (--org) or of the whole platform (--platform). Then
it prints the policy that is in force there.

--signing required refuses every call that is not signed: with a bearer key, with the shared secret, or with nothing. Each
signed call is then accepted once, unless --require-nonce no is set, too. Gateways end the connections that are open.
Devices cannot sign, and keep their tokens: `device list` shows them, `revoke --device` ends one. With either, and with bearer, the default, a
call shows a bearer key or a signature; a call with both is refused. `either` says that agents are to sign, and changes
no decision. The page relay-admin-signing(7) moves a fleet from one to the other.

--window is the most by which the time of a signed call may differ from the database's clock. The default is 60s.
With --require-nonce yes, gateways accept each nonce once. --session-ttl is the longest life of a token (10m).
--messages says whether messages between agents must be signed (the default) or may be. With --until these settings end by the database's clock.
While they last, they only tighten: the stricter value counts for every agent in the scope. Without --until the nearest
scope decides, and within a scope the newest setting. The value inherit undoes all settings of that kind in the scope.

--qps limits the calls per second of each agent, over all gateways together. The value plan removes the limit, so that
the limit of the organization or of its plan counts. With --allow, gateways accept calls only from these addresses and
networks, at most 64. The list of an agent replaces the list of its organization; any removes the list. Gateways compare
the address that they know. Neither has an end, so --until does not go with them.

Tightening never asks. Before the command loosens anything, it shows what, and asks; --yes answers yes. Without a
terminal and without --yes, it stops with exit 2 and changes nothing.

Exit 0: set, or already as requested. 2: a bad value, or --yes is missing. 3: no such organization or agent. 4: the
login may not do that; a responder may only set settings with --until. 13: the question was answered no.

EXAMPLES
  # during an incident
  relay-admin policy set --org acme-corp --window 30s --require-nonce yes --until 6h --ticket INC-42
  # every call must be signed, except those of one agent for the time being
  relay-admin policy set --org acme-corp --signing required
  relay-admin policy set billing-bot --signing either --yes
  relay-admin policy set billing-bot --allow 192.0.2.0/24,2001:db8::/64
  relay-admin policy set --org acme-corp --qps 50
  # the setting of the organization counts for the agent again
  relay-admin policy set billing-bot --window inherit --yes
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::policy_set_command
