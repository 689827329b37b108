#pragma once

#include <array>
#include <string_view>
#include <utility>

/// The words that other programs have for our commands, as data for find_other_words.
namespace relay::cli {

using TextPair = std::pair<std::string_view, std::string_view>;

enum class Verb { remove, pause, resume, list, show, make, change, rotate, check, none };

struct Synonyms {
    Verb verb;
    std::string_view words;  ///< separated by blanks
};

inline constexpr std::array synonyms{
    Synonyms{Verb::remove, " delete del rm remove destroy drop erase purge unregister terminate kill deprovision "},
    Synonyms{Verb::pause, " disable deactivate suspend pause ban lock freeze deny quarantine stop "},
    Synonyms{Verb::resume, " enable activate reactivate resume unlock unban unfreeze unsuspend allow start "},
    Synonyms{Verb::list, " ls list all index search find "},
    Synonyms{Verb::show, " get show describe info inspect view cat read details display "},
    Synonyms{Verb::make, " add create new make register insert issue generate provision "},
    Synonyms{Verb::change, " edit update set modify change rename patch put alter configure "},
    Synonyms{Verb::rotate, " rotate renew refresh roll rekey regenerate reset "},
    Synonyms{Verb::check, " check test validate verify lookup "},
};

/// The command for one verb of one kind of thing. `{}` is the id.
struct Meaning {
    std::string_view noun;
    Verb verb;
    std::string_view command;
    std::string_view why = {};
};

inline constexpr std::string_view agents_stay =
    "agents are not deleted: revoke ends an agent's keys permanently, block pauses it";
inline constexpr std::string_view orgs_stay =
    "organizations are not deleted: revoke ends the keys of all their agents permanently, block pauses them";
inline constexpr std::string_view keys_stay =
    "keys are not deleted: revoke ends a key permanently, and its agent's other keys work";
inline constexpr std::string_view made_by_rotation = "an agent gets a new key by rotate-key";
inline constexpr std::string_view devices_stay =
    "devices are not deleted: revoke ends a device's token permanently, block pauses it";
inline constexpr std::string_view devices_are_paired =
    "a device is paired by the person who has it, with a code from a gateway";
inline constexpr std::string_view plans_stay =
    "plans are not deleted: an organization gets another one with org update --plan";
inline constexpr std::string_view policies_are_undone =
    "settings of a policy are not deleted: policy undo takes one back";
inline constexpr std::string_view subscriptions_stay =
    "subscriptions are not deleted: set the state that the billing system has";
inline constexpr std::string_view usage_stays = "what was used stays counted; usage release ends a hold";
inline constexpr std::string_view queues_are_the_brokers =
    "queues are created and deleted in the broker; relay-admin only names them";
inline constexpr std::string_view agents_register =
    "agents register themselves at a gateway; registry check checks a card";
inline constexpr std::string_view events_stay = "single events are not deleted: audit maintain removes whole months";

inline constexpr std::array meanings{
    Meaning{"agent", Verb::remove, "revoke {}", agents_stay},
    Meaning{"agent", Verb::pause, "block {}", "block pauses an agent, and keeps its keys"},
    Meaning{"agent", Verb::resume, "unblock {}"},
    Meaning{"agent", Verb::list, "agent list"},
    Meaning{"agent", Verb::show, "agent show {}"},
    Meaning{"agent", Verb::make, "agent create --help"},
    Meaning{"agent", Verb::change, "agent update --help"},
    Meaning{"agent", Verb::rotate, "rotate-key {}"},
    Meaning{"agent", Verb::check, "agent show {}"},
    Meaning{"org", Verb::remove, "revoke --org {}", orgs_stay},
    Meaning{"org", Verb::pause, "block --org {}", "block pauses all agents of an organization, and keeps their keys"},
    Meaning{"org", Verb::resume, "unblock --org {}"},
    Meaning{"org", Verb::list, "org list"},
    Meaning{"org", Verb::show, "org show {}"},
    Meaning{"org", Verb::make, "org create --help"},
    Meaning{"org", Verb::change, "org update --help"},
    Meaning{"key", Verb::remove, "revoke --key {}", keys_stay},
    Meaning{"key", Verb::pause, "revoke --key {}",
            "keys are not paused: revoke ends one permanently, block pauses an agent"},
    Meaning{"key", Verb::list, "key list"},
    Meaning{"key", Verb::show, "key show {}"},
    Meaning{"key", Verb::make, "rotate-key --help", made_by_rotation},
    Meaning{"key", Verb::rotate, "rotate-key --help", made_by_rotation},
    Meaning{"key", Verb::check, "key verify --help"},
    Meaning{"role", Verb::remove, "role delete --help"},
    Meaning{"role", Verb::list, "role list --help"},
    Meaning{"role", Verb::show, "role show --help"},
    Meaning{"role", Verb::make, "role create --help"},
    Meaning{"role", Verb::change, "role grant --help"},
    Meaning{"device", Verb::remove, "revoke --device {}", devices_stay},
    Meaning{"device", Verb::pause, "block --device {}", "block pauses a device, and keeps its token"},
    Meaning{"device", Verb::resume, "unblock --device {}"},
    Meaning{"device", Verb::list, "device list"},
    Meaning{"device", Verb::show, "device show {}"},
    Meaning{"device", Verb::make, "device --help", devices_are_paired},
    Meaning{"device", Verb::check, "device show {}"},
    Meaning{"plan", Verb::remove, "org update --help", plans_stay},
    Meaning{"plan", Verb::pause, "org update --help", plans_stay},
    Meaning{"plan", Verb::list, "plan list"},
    Meaning{"plan", Verb::show, "plan show {}"},
    Meaning{"plan", Verb::make, "plan create --help"},
    Meaning{"plan", Verb::change, "plan update --help"},
    Meaning{"policy", Verb::remove, "policy undo --help", policies_are_undone},
    Meaning{"policy", Verb::pause, "policy undo --help", policies_are_undone},
    Meaning{"policy", Verb::list, "policy list"},
    Meaning{"policy", Verb::show, "policy show {}"},
    Meaning{"policy", Verb::make, "policy set --help"},
    Meaning{"policy", Verb::change, "policy set --help"},
    Meaning{"policy", Verb::rotate, "policy undo --help", policies_are_undone},
    Meaning{"policy", Verb::check, "policy show {}"},
    Meaning{"subscription", Verb::remove, "subscription set --help", subscriptions_stay},
    Meaning{"subscription", Verb::pause, "subscription set --help", subscriptions_stay},
    Meaning{"subscription", Verb::resume, "subscription set --help"},
    Meaning{"subscription", Verb::list, "subscription list"},
    Meaning{"subscription", Verb::show, "subscription show {}"},
    Meaning{"subscription", Verb::make, "subscription set --help"},
    Meaning{"subscription", Verb::change, "subscription set --help"},
    Meaning{"subscription", Verb::rotate, "subscription set --help"},
    Meaning{"usage", Verb::remove, "usage release --help", usage_stays},
    Meaning{"usage", Verb::rotate, "usage release --help", usage_stays},
    Meaning{"usage", Verb::list, "usage show {}"},
    Meaning{"usage", Verb::show, "usage show {}"},
    Meaning{"usage", Verb::check, "usage show {}"},
    Meaning{"queue", Verb::remove, "queue list --help", queues_are_the_brokers},
    Meaning{"queue", Verb::pause, "queue list --help", queues_are_the_brokers},
    Meaning{"queue", Verb::make, "queue list --help", queues_are_the_brokers},
    Meaning{"queue", Verb::list, "queue list {}"},
    Meaning{"queue", Verb::show, "queue name {}"},
    Meaning{"queue", Verb::check, "queue owner {}"},
    Meaning{"registry", Verb::remove, "registry unregister {}"},
    Meaning{"registry", Verb::list, "registry list"},
    Meaning{"registry", Verb::show, "registry show {}"},
    Meaning{"registry", Verb::make, "registry check --help", agents_register},
    Meaning{"registry", Verb::change, "registry check --help", agents_register},
    Meaning{"registry", Verb::check, "registry check --help"},
    Meaning{"gateway", Verb::list, "gateway list"},
    Meaning{"gateway", Verb::show, "gateway list"},
    Meaning{"gateway", Verb::check, "gateway list"},
    Meaning{"incident", Verb::list, "incident list"},
    Meaning{"incident", Verb::show, "incident show {}"},
    Meaning{"audit", Verb::remove, "audit maintain --help", events_stay},
    Meaning{"audit", Verb::list, "audit list"},
    Meaning{"audit", Verb::show, "audit show {}"},
    Meaning{"audit", Verb::check, "audit verify --help"},
    Meaning{"config", Verb::list, "config show"},
    Meaning{"config", Verb::show, "config show"},
    Meaning{"config", Verb::change, "config name --help"},
    Meaning{"legacy", Verb::list, "migrate-legacy status"},
    Meaning{"legacy", Verb::show, "migrate-legacy status"},
    Meaning{"legacy", Verb::check, "migrate-legacy status"},
    Meaning{"legacy", Verb::remove, "migrate-legacy finish --help"},
    Meaning{"legacy", Verb::pause, "migrate-legacy abort --help"},
    Meaning{"schema", Verb::list, "schema status"},
    Meaning{"schema", Verb::show, "schema status"},
    Meaning{"schema", Verb::make, "schema apply --help"},
    Meaning{"schema", Verb::change, "schema apply --help"},
    Meaning{"schema", Verb::check, "schema verify"},
    Meaning{"sandbox", Verb::remove, "sandbox destroy --help"},
    Meaning{"sandbox", Verb::pause, "sandbox stop --help"},
    Meaning{"sandbox", Verb::resume, "sandbox start --help"},
    Meaning{"sandbox", Verb::list, "sandbox status"},
    Meaning{"sandbox", Verb::show, "sandbox status"},
    Meaning{"sandbox", Verb::make, "sandbox start --help"},
    Meaning{"sandbox", Verb::rotate, "sandbox destroy --help"},
};

/// Verbs of this program under another noun, and words that other programs use alone.
inline constexpr auto phrases = std::to_array<TextPair>({
    {"agent block", "block {}"},
    {"agent unblock", "unblock {}"},
    {"agent revoke", "revoke {}"},
    {"agent restore", "restore {}"},
    {"agent keys", "key list --agent {}"},
    {"agent key", "key list --agent {}"},
    {"agent devices", "device list --agent {}"},
    {"agent policy", "policy show {}"},
    {"agent unregister", "registry unregister {}"},
    {"unregister", "registry unregister {}"},
    {"org block", "block --org {}"},
    {"org unblock", "unblock --org {}"},
    {"org revoke", "revoke --org {}"},
    {"org restore", "restore --org {}"},
    {"org agents", "agent list --org {}"},
    {"org keys", "key list --org {}"},
    {"org roles", "role list --org {}"},
    {"org devices", "device list --org {}"},
    {"org queues", "queue list {}"},
    {"org usage", "usage show {}"},
    {"org subscription", "subscription show {}"},
    {"org plan", "org update --help"},
    {"plan assign", "org update --help"},
    {"subscription cancel", "subscription set --help"},
    {"device block", "block --device {}"},
    {"device unblock", "unblock --device {}"},
    {"device revoke", "revoke --device {}"},
    {"device pair", "device --help"},
    {"pair", "device --help"},
    {"key revoke", "revoke --key {}"},
    {"key block", "revoke --key {}"},
    {"role assign", "agent assign-role --help"},
    {"role unassign", "agent unassign-role --help"},
    {"status", "doctor"},
    {"health", "doctor"},
    {"ping", "doctor"},
    {"login", "whoami"},
    {"connect", "whoami"},
    {"install", "init"},
    {"setup", "init"},
    {"bootstrap", "init"},
    {"migrate", "schema apply"},
    {"schema migrate", "schema apply --help"},
    {"schema upgrade", "schema apply --help"},
    {"upgrade", "schema apply"},
    {"undo", "unblock {}"},
    {"scan", "revoke --help"},
    {"settings", "config show"},
});

/// What a word names, in singular or plural.
inline constexpr auto nouns = std::to_array<TextPair>({
    {"agent", " agent agents bots clients users "},
    {"org", " org orgs organization organizations organisation organisations tenant tenants "},
    {"key", " key keys token tokens secret secrets apikey apikeys "},
    {"role", " role roles "},
    {"device", " device devices "},
    {"plan", " plan plans "},
    {"policy", " policy policies "},
    {"subscription", " subscription subscriptions "},
    {"usage", " usage usages quota quotas meter meters "},
    {"queue", " queue queues "},
    {"registry", " registry card cards "},
    {"gateway", " gateway gateways "},
    {"incident", " incident incidents ticket tickets "},
    {"audit", " audit event events log logs "},
    {"config", " config configuration setting settings "},
    {"legacy", " migrate-legacy legacy "},
    {"schema", " schema schemas migration migrations "},
    {"sandbox", " sandbox sandboxes "},
});

}  // namespace relay::cli
