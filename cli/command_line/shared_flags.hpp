#pragma once

#include "relay/identity/records.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/page.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Flags that several commands read in the same way.
namespace relay::cli {

class OptionSet;

/// Throws Error (usage).
std::vector<Permission> parse_permissions(std::vector<std::string> const &texts);

/// Adds `--key-max-age`.
void add_key_max_age(OptionSet &set, std::optional<std::chrono::seconds> &target);
/// A duration, or its absence, which is also something that can be asked for.
struct AgeOrNone {
    std::optional<std::chrono::seconds> age{};
    bool none = false;

    bool given() const { return age || none; }
};
/// Adds `--key-max-age DURATION|none`; `without` says in words what `none` means.
void add_key_max_age_or_none(OptionSet &set, std::string_view without, AgeOrNone &target);
/// Throws Error (usage) for a duration of 0.
void require_some_time(std::string const &flag, std::optional<std::chrono::seconds> const &duration);

/// `--plan`, `--max-agents`, `--key-max-age` and `--auth-mode`, of org create and org update.
struct OrgSettingFlags {
    std::optional<std::string> plan{};
    std::optional<std::int64_t> max_agents{};
    AgeOrNone key_max_age{};
    std::optional<std::string> auth_mode{};

    bool any() const { return plan || max_agents || key_max_age.given() || auth_mode; }
};
/// Adds the flags. `defaults`: the descriptions name the defaults, as for a new organization.
void declare_org_settings(OptionSet &set, OrgSettingFlags &flags, bool defaults);
/// Throws Error (usage).
OrgSettings org_settings(OrgSettingFlags const &flags);

/// `--fields A,B`, `--sort A,-B` and `--watch 2s`, of every list.
struct ViewOptions {
    std::vector<std::string> fields{};  ///< as in JSON; empty: all
    std::vector<std::string> sort{};
    std::optional<std::chrono::seconds> watch{};  ///< cli/output/redraw.hpp
};
/// `sortable`: the fields that the list can be sorted by.
void declare_view(OptionSet &set, std::vector<std::string> const &sortable, ViewOptions &options);
/// Throws Error (usage) that names the fields.
std::vector<SortField> sort_fields(ViewOptions const &options, std::vector<std::string> const &sortable);

/// `--limit N | --all` and `--after CURSOR`, of every list that can be long.
struct PageOptions {
    std::optional<std::int64_t> limit{};
    bool all = false;
    std::optional<std::string> after{};
    ViewOptions view{};
};
/// Adds only `--limit N | --all`: for a list that cannot be continued.
void declare_limit(OptionSet &set, PageOptions &options);
void declare_page(OptionSet &set, std::vector<std::string> const &sortable, PageOptions &options);
/// Throws Error (usage) for --limit with --all, and --sort with --after.
PageRequest page_request(PageOptions const &options, std::vector<std::string> const &sortable);

}  // namespace relay::cli
