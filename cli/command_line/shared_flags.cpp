#include "cli/command_line/shared_flags.hpp"

#include "cli/command_line/options.hpp"
#include "cli/output/redraw.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::int64_t largest_page = 1'000'000;

}  // namespace

std::vector<Permission> parse_permissions(std::vector<std::string> const &texts) {
    std::vector<Permission> permissions;
    for (std::string const &text : texts) {
        Permission permission = Permission::parse(text);
        if (std::find(permissions.begin(), permissions.end(), permission) == permissions.end()) {
            permissions.push_back(std::move(permission));
        }
    }
    return permissions;
}

void add_key_max_age(OptionSet &set, std::optional<std::chrono::seconds> &target) {
    add_duration(set, {.names = "--key-max-age", .description = "age at which a key is due for rotation, such as 90d"},
                 target);
}

void add_key_max_age_or_none(OptionSet &set, std::string_view without, AgeOrNone &target) {
    add_duration_or_none(set,
                         {.names = "--key-max-age",
                          .type = "DURATION|none",
                          .description = "age at which a key is due, such as 90d; none: " + std::string(without)},
                         [&target](std::optional<std::chrono::seconds> age) {
                             require_some_time("--key-max-age", age);
                             target = {.age = age, .none = !age};
                         });
}

void require_some_time(std::string const &flag, std::optional<std::chrono::seconds> const &duration) {
    if (duration && *duration <= std::chrono::seconds(0)) {
        throw Error(ErrorKind::usage, flag + " is 0, but must be longer",
                    {.next = "give a duration with a unit: " + flag + " 90d"});
    }
}

void declare_org_settings(OptionSet &set, OrgSettingFlags &flags, bool defaults) {
    auto const with_default = [&](std::string text, char const *value) {
        return defaults ? text + " (default: " + value + ")" : text;
    };
    add_value(set,
              {.names = "--plan",
               .type = "PLAN",
               .description = with_default("such as free (one agent) or paid; plan list shows all", "free")},
              flags.plan);
    add_integer(set, {.names = "--max-agents", .description = "maximum number of agents; overrides the plan"},
                {.min = 0, .max = 10'000'000}, flags.max_agents);
    add_key_max_age_or_none(set, "age alone makes no key due", flags.key_max_age);
    add_choice(set,
               {.names = "--auth-mode",
                .description = with_default("optional: accept and record calls without a key", "required")},
               all_texts<AuthMode>(), flags.auth_mode);
}

OrgSettings org_settings(OrgSettingFlags const &flags) {
    OrgSettings settings{.key_max_age = flags.key_max_age.age,
                         .no_key_max_age = flags.key_max_age.none,
                         .auth_mode = from_optional_text<AuthMode>(flags.auth_mode)};
    if (flags.plan) {
        settings.plan = PlanId::parse(*flags.plan);
    }
    if (flags.max_agents) {
        settings.limits.push_back({.meter = Meter::agents, .amount = flags.max_agents});
    }
    return settings;
}

void declare_view(OptionSet &set, std::vector<std::string> const &sortable, ViewOptions &options) {
    add_values(set,
               {.names = "--fields",
                .type = "FIELD,...",
                .description = "show only these fields, in this order; their names are those in JSON"},
               options.fields, Commas::split);
    add_values(set,
               {.names = "--sort",
                .type = "FIELD,...",
                .description = fmt::format("sort by {}; --sort=-FIELD: descending", fmt::join(sortable, ", "))},
               options.sort, Commas::split);
    declare_redraw(set, options.watch);
}

std::vector<SortField> sort_fields(ViewOptions const &options, std::vector<std::string> const &sortable) {
    std::vector<SortField> sort;
    for (std::string const &text : options.sort) {
        bool const descending = text.starts_with('-');
        std::string const name = text.substr(descending ? 1 : 0);
        if (std::find(sortable.begin(), sortable.end(), name) == sortable.end()) {
            throw Error(ErrorKind::usage,
                        fmt::format("--sort {}: this list can be sorted by {}", quote_for_message(name),
                                    fmt::join(sortable, ", ")),
                        {.suggestions = closest(name, sortable)});
        }
        sort.push_back({.name = name, .descending = descending});
    }
    return sort;
}

void declare_limit(OptionSet &set, PageOptions &options) {
    add_integer(set, {.names = "--limit", .description = "show at most N (default: 1000)"},
                {.min = 1, .max = largest_page}, options.limit);
    add_flag(set, {.names = "--all", .description = "show all"}, options.all);
}

void declare_page(OptionSet &set, std::vector<std::string> const &sortable, PageOptions &options) {
    declare_view(set, sortable, options.view);
    declare_limit(set, options);
    add_value(set, {.names = "--after", .type = "CURSOR", .description = "continue after a page: give its \"next\""},
              options.after);
}

PageRequest page_request(PageOptions const &options, std::vector<std::string> const &sortable) {
    at_most_one({{"--limit", options.limit.has_value()}, {"--all", options.all}});
    at_most_one({{"--sort", !options.view.sort.empty()}, {"--after", options.after.has_value()}});
    PageRequest request{.after = options.after, .sort = sort_fields(options.view, sortable)};
    if (options.all) {
        request.limit.reset();
    } else if (options.limit) {
        request.limit = options.limit;
    }
    return request;
}

}  // namespace relay::cli
