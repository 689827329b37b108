#include "cli/policy/metrics_text.hpp"

#include "relay/version.hpp"

#include <fmt/format.h>
#include <functional>

namespace relay::cli {

namespace {

std::string label(std::string_view name, std::string_view value) {
    std::string escaped;
    for (char const c : value) {
        escaped += c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
    }
    return fmt::format("{}=\"{}\"", name, escaped);
}

std::int64_t unix_seconds(Instant at) {
    return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

/// Takes one sample: its own label, or nothing, and its value.
using Sample = std::function<void(std::string const &own_label, std::int64_t value)>;

struct Metric {
    std::string_view name;  ///< without relay_ or relay_org_
    std::string_view help;
    void (*read)(FleetNumbers const &numbers, Sample const &sample);
};

/// A sample for each value of the enum, because a series that is missing is not 0.
template <typename Enum>
void each_of(std::map<Enum, std::int64_t> const &counts, std::string_view name, Sample const &sample) {
    for (EnumWord<Enum> const &word : EnumText<Enum>::words) {
        auto const count = counts.find(word.value);
        sample(label(name, word.text), count == counts.end() ? 0 : count->second);
    }
}

constexpr Metric metrics[] = {
    {"agents", "Agents by status.",
     [](FleetNumbers const &numbers, Sample const &sample) { each_of(numbers.agents, "status", sample); }},
    {"keys", "Keys by status, as gateways see them without blocks.",
     [](FleetNumbers const &numbers, Sample const &sample) { each_of(numbers.keys, "status", sample); }},
    {"keys_due", "Keys that are due for rotation within --within, overdue, or missing.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.keys_due); }},
    {"keys_overdue", "Keys that are overdue, have expired, or are missing.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.keys_overdue); }},
    {"keys_unused_replacements", "Agents that never used their new key, and whose old key ends within a day.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.unused_replacements); }},
    {"oldest_active_key_age_seconds", "Age of the oldest active key.",
     [](FleetNumbers const &numbers, Sample const &sample) {
         sample("", numbers.oldest_active_key.value_or(std::chrono::seconds(0)).count());
     }},
    {"last_rotation_timestamp_seconds", "When a key last replaced another one; 0: never.",
     [](FleetNumbers const &numbers, Sample const &sample) {
         sample("", numbers.last_rotation_at ? unix_seconds(*numbers.last_rotation_at) : 0);
     }},
    {"refused_calls_last_hour", "Calls that gateways refused in the last hour.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.failures); }},
    {"legacy_agents", "Agents of the inventory of the shared secret by state; listed and issued ones may still use it.",
     [](FleetNumbers const &numbers, Sample const &sample) { each_of(numbers.legacy_agents, "state", sample); }},
    {"agents_running", "Agents of the registry that run; 0 on a standby, which has no leases.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.running); }},
    {"agents_late", "Agents of the registry that run, and of which a beat is overdue.",
     [](FleetNumbers const &numbers, Sample const &sample) { sample("", numbers.late); }},
};

void add_head(std::string &text, std::string_view name, std::string_view help) {
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
}

/// Joins labels, of which any may be empty.
std::string joined(std::string const &first, std::string const &second) {
    return first.empty() || second.empty() ? first + second : first + "," + second;
}

void add_sample(std::string &text, std::string_view name, std::string const &labels, std::int64_t value) {
    text += labels.empty() ? fmt::format("{} {}\n", name, value) : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

}  // namespace

std::string metrics_text(Numbers const &numbers, std::optional<DatabaseLabel> const &database) {
    std::string text;
    add_head(text, "relay_admin_info", "The program that wrote this, and the name of the database.");
    std::string const name = database && database->name ? *database->name : "";
    std::string const of_database = label("database", name);
    add_sample(text, "relay_admin_info", joined(label("version", version()), of_database), 1);
    // On every series, because a collector refuses the same series from the files of two databases.
    std::string const common = name.empty() ? "" : of_database;
    for (Metric const &metric : metrics) {
        std::string const full = fmt::format("relay_{}", metric.name);
        add_head(text, full, metric.help);
        metric.read(numbers.of.front(), [&](std::string const &own, std::int64_t value) {
            add_sample(text, full, joined(common, own), value);
        });
    }
    for (Metric const &metric : metrics) {
        if (numbers.of.size() < 2) {
            break;
        }
        std::string const full = fmt::format("relay_org_{}", metric.name);
        add_head(text, full, "By organization: " + std::string(metric.help));
        for (auto org = numbers.of.begin() + 1; org != numbers.of.end(); ++org) {
            std::string const of_org = joined(common, label("org", org->org_id->text()));
            metric.read(*org, [&](std::string const &own, std::int64_t value) {
                add_sample(text, full, joined(of_org, own), value);
            });
        }
    }
    add_head(text, "relay_admin_last_success_timestamp_seconds",
             "When these numbers were read, by the database's clock.");
    add_sample(text, "relay_admin_last_success_timestamp_seconds", common, unix_seconds(numbers.at));
    return text;
}

}  // namespace relay::cli
